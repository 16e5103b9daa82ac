"""What is installed was locked: every file has a hash, every promised Python one version of everything."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
MACHINES = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))


def pins() -> list[Requirement]:
    return [Requirement(line.rstrip(" \\")) for line in LOCK.splitlines() if not line.startswith(" ")]


def held(python: str, system: str, machine: str) -> dict[str, list[str]]:
    """Name -> the versions that the lock installs there."""
    there = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": system.capitalize(),
        "platform_machine": machine,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    found: dict[str, list[str]] = {}
    for pin in pins():
        if pin.marker is None or pin.marker.evaluate(there):
            found.setdefault(canonicalize_name(pin.name), []).append(str(pin.specifier).removeprefix("=="))
    return found


def test_every_pin_is_one_version_with_hashes_and_no_address() -> None:
    assert "://" not in LOCK
    for block in re.split(r"\n(?=\S)", LOCK.strip()):
        first, *hashes = block.splitlines()
        assert re.match(r"[a-z0-9.-]+==\S+( ; .*)? \\$", first), first
        assert hashes
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes), first


@pytest.mark.parametrize(("python", "machine"), list(product(PYTHONS, MACHINES)))
def test_each_promised_python_gets_one_version_of_everything_asked_for(
    python: str, machine: tuple[str, str]
) -> None:
    found = held(python, *machine)
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}
    listed = re.findall(r'"([^"]+)"', PROJECT.split("dependencies = [")[1].split("\n]\n")[0])
    listed += re.findall(r'"([^"]+)"', PROJECT.split("dev = [")[1].split("\n]\n")[0])
    assert len(listed) > 20
    for asked in map(Requirement, listed):
        assert asked.specifier.contains(found[canonicalize_name(asked.name)][0]), asked


def test_all_files_promise_the_same_pythons() -> None:
    promised = SpecifierSet(re.findall(r'requires-python = "(.*)"', PROJECT)[0])
    assert [f"3.{minor}" for minor in range(7, 20) if promised.contains(f"3.{minor}.0")] == list(PYTHONS)
    makefile = (ROOT / "Makefile").read_text()
    assert "(3, 10) <= sys.version_info[:2] <= (3, 14)" in makefile
    for text in (makefile, (ROOT / "README.md").read_text(), (ROOT / ".ci/run").read_text()):
        assert set(re.findall(r"3\.\d+ to 3\.\d+", text)) == {f"{PYTHONS[0]} to {PYTHONS[-1]}"}
    tried = re.findall(r"- '(3\.\d+)'", (ROOT / ".github/workflows/ci.yml").read_text())
    assert tried == [PYTHONS[0], "3.12", PYTHONS[-1]]


def test_hashes_are_asked_for_when_the_environment_is_made() -> None:
    assert "--require-hashes -r requirements.lock" in (ROOT / "Makefile").read_text()


def test_actions_are_pinned_by_commit() -> None:
    for workflow in (ROOT / ".github/workflows").iterdir():
        for action in re.findall(r"uses: (\S+)", workflow.read_text()):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), (workflow.name, action)
