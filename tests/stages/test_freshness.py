"""freshness: says yes only when DVC would run nothing: whatever the lock, cache, code and parameters."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages import freshness
from stages.freshness import differences
from strata.base.errors import StrataError

DVC = str(Path(sys.executable).with_name("dvc"))
PIPELINE = """\
stages:
  one:
    cmd: cp one.txt data1 && echo x >> data1
    deps:
      - one.txt
    params:
      - a
    outs:
      - data1
  two:
    cmd: cp data1 two.json
    deps:
      - data1
    metrics:
      - two.json:
          cache: false
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two stages that was run once: lock and metric as committed, cache filled."""
    root = tmp_path_factory.mktemp("project")
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "params.yaml").write_text("a: 1\n")
    (root / "one.txt").write_text("1\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    for command in (["init", "-q"], ["config", "core.analytics", "false"], ["repro", "-q"]):
        subprocess.run([DVC, *command], cwd=root, check=True)
    return root


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(template, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def as_fresh_clone(project: Path) -> None:
    """What git does not hold is gone."""
    shutil.rmtree(project / ".dvc/cache")
    shutil.rmtree(project / ".dvc/tmp", ignore_errors=True)
    (project / "data1").unlink()


def forget(project: Path, stage: str) -> None:
    """Delete a stage's entry of dvc.lock."""
    from ruamel.yaml import YAML

    lock = YAML().load(project / "dvc.lock")
    del lock["stages"][stage]
    YAML().dump(lock, project / "dvc.lock")


def test_a_project_that_was_just_run_is_fresh(project: Path) -> None:
    assert freshness.main() == "dvc.lock is up to date"


def test_a_fresh_clone_without_data_or_cache_is_fresh(project: Path) -> None:
    as_fresh_clone(project)
    assert freshness.main() == "dvc.lock is up to date"


STALE: dict[str, tuple[Callable[[Path], object], str]] = {
    "edited code": (lambda root: (root / "one.txt").write_text("2\n"), "one"),
    "edited parameter": (lambda root: (root / "params.yaml").write_text("a: 2\n"), "one"),
    "edited command": (
        lambda root: (root / "dvc.yaml").write_text(PIPELINE.replace("cp data1", "cp ./data1")),
        "two",
    ),
    "edited metric": (lambda root: (root / "two.json").write_text("{}"), "two"),
    "deleted lock entry": (lambda root: forget(root, "two"), "two"),
}


@pytest.mark.parametrize("clone", [False, True], ids=["after a run", "fresh clone"])
@pytest.mark.parametrize("state", STALE)
def test_anything_else_names_the_stages_that_would_run(project: Path, state: str, clone: bool) -> None:
    if clone:
        as_fresh_clone(project)
    change, stage = STALE[state]
    change(project)
    with pytest.raises(StrataError) as caught:
        freshness.main()
    named = str(caught.value).removeprefix("dvc.lock is out of date at ").partition(";")[0]
    assert stage in named.split(", ")


def test_a_missing_lock_is_not_fresh(project: Path) -> None:
    (project / "dvc.lock").unlink()
    with pytest.raises(StrataError, match=r"^there is no dvc\.lock"):
        freshness.main()


def test_a_pipeline_dvc_cannot_read_is_one_line(project: Path) -> None:
    (project / "dvc.yaml").write_text("stages: [\n")
    with pytest.raises(
        StrataError, match=r"^DVC cannot tell whether dvc\.lock is up to date \(.*invalid"
    ) as caught:
        freshness.main()
    assert "\n" not in str(caught.value)


def test_asking_changes_nothing(project: Path) -> None:
    (project / "params.yaml").write_text("a: 2\n")
    before = (project / "dvc.lock").read_bytes()
    with pytest.raises(StrataError):
        freshness.main()
    assert (project / "dvc.lock").read_bytes() == before
    assert (project / "data1").exists()


def entry(path: str, md5: str) -> dict[str, str]:
    return {"path": path, "hash": "md5", "md5": md5}


def lock(bits: str = "a", **changes: Any) -> dict[str, Any]:
    """Three stages; ``bits`` is what the processor makes of them."""
    extract = {
        "cmd": "python -m stages.extract",
        "deps": [entry("strata/a.py", "code"), entry("data/tables", "tables")],
        "params": {"params.yaml": {"extract.levels": 3}},
        "outs": [entry("data/features", bits)],
    }
    pool = {
        "cmd": "python -m stages.pool",
        "deps": [entry("data/features/rows.parquet", bits)],
        "outs": [entry("data/descriptors", bits)],
    }
    prepare = {"cmd": "python -m stages.prepare", "outs": [entry("data/tables", "tables")]}
    return {"schema": "2.0", "stages": {"extract": {**extract, **changes}, "pool": pool, "prepare": prepare}}


def test_equal_locks_do_not_differ() -> None:
    assert differences(lock(), lock()) == ([], 0, [])


def test_results_alone_are_counted_and_the_first_stage_is_named() -> None:
    assert differences(lock("a"), lock("b")) == ([], 3, ["extract"])


@pytest.mark.parametrize(
    "changes",
    [
        {"cmd": "python -m stages.extract --other"},
        {"params": {"params.yaml": {"extract.levels": 4}}},
        {"deps": [entry("strata/a.py", "edited"), entry("data/tables", "tables")]},
        {"deps": [entry("data/tables", "tables")]},
        {"deps": [entry("strata/a.py", "code"), entry("data/tables", "tables"), entry("conf/new", "x")]},
    ],
)
def test_whatever_was_asked_for_differently_names_its_stage(changes: dict[str, Any]) -> None:
    assert differences(lock("a"), lock("b", **changes)).asked == ["extract"]


def test_a_stage_that_only_one_lock_has_was_asked_for() -> None:
    new = lock()
    del new["stages"]["pool"]
    assert differences(lock(), new).asked == differences(new, lock()).asked == ["pool"]


CPU = """\
stages:
  one:
    cmd: cp $BITS data1 && cp $BITS data/computed.json
    deps:
      - one.txt
    outs:
      - data1
      - data/computed.json:
          cache: false
"""


@pytest.fixture
def committed(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], str]:
    """A project run on AVX512 and committed; the function runs it again elsewhere and asks."""
    (project / "dvc.yaml").write_text(CPU)
    (project / "data").mkdir()

    def run(instructions: str, extra: str = "") -> str:
        (tmp_path / "bits").write_text(f'{{"batch": 16, "instructions": "{instructions}"}}{extra}')
        monkeypatch.setenv("BITS", str(tmp_path / "bits"))
        subprocess.run([DVC, "repro", "-q", "--force"], check=True)
        return freshness.main()

    assert run("AVX512") == "dvc.lock is up to date"
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", *identity, "commit", "-qm", "results"], check=True)
    return run


def test_another_processor_is_recognised_and_named(committed: Callable[..., str]) -> None:
    assert committed("AVX512") == "dvc.lock is up to date"
    assert committed("AVX2") == (
        "dvc.lock is up to date; 2 hashes differ from HEAD's, from one on, in results alone (computed with "
        "instructions AVX2, HEAD's with instructions AVX512); "
        "`python -m stages.gate --against HEAD` compares the metrics"
    )


def test_results_that_change_without_a_cause_are_said_so(committed: Callable[..., str]) -> None:
    assert "in results alone (computed alike: something else decided them); " in committed("AVX512", "\n")


def test_edited_code_is_a_cause(committed: Callable[..., str], project: Path) -> None:
    (project / "one.txt").write_text("2\n")
    assert committed("AVX2").endswith("; it differs from HEAD's in code, parameters or data of one")
