"""download and prepare of a fetched data set, as processes: one line each, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
MADE: dict[str, Any] = runpy.run_path(str(ROOT / "tests/made_archives.py"))
SERVER: dict[str, Any] = runpy.run_path(str(ROOT / "tests/local_server.py"))
PATHS = ("data/check/dataset/brueghel", "data/raw/brueghel")
PICTURES = {f"Brueghel/{i:03d} .jpg": MADE["jpeg"](40 + i, 30) + bytes(20_000) for i in range(30)}


@pytest.fixture
def server() -> Iterator[Any]:
    """A server with a small Brueghel."""
    boxed = [[Path(name).name, [1, 2, 20, 30]] for name in PICTURES]
    truth = {"00": [{"query": boxed[0], "gt": boxed[1:3]}]}
    with SERVER["serving"]() as served:
        served.files["/Brueghel.zip"] = MADE["zip_of"](PICTURES)
        served.files["/brueghelTest.json"] = json.dumps(truth).encode()
        yield served


@pytest.fixture
def project(tmp_path: Path, server: Any) -> Path:
    """A project whose data set is that Brueghel."""
    yaml = YAML(typ="safe", pure=True)
    for name, path, value in (
        ("params.yaml", ("dataset",), "brueghel"),
        ("conf/datasets/brueghel.yaml", ("sources", "files"), None),
    ):
        content = yaml.load((ROOT / name).read_text(encoding="utf-8"))
        if value:
            content[path[0]] = value
        else:
            for file in content["sources"]["files"]:
                file.update(urls=[f"{server.url}/{file['name']}"], bytes=None, sha256=None)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with (tmp_path / name).open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)
    return tmp_path


def command(stage: str, *paths: str) -> list[str]:
    return [sys.executable, "-m", f"stages.{stage}", *paths]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "PYTHONPATH": str(ROOT), "STRATA_STORE": ".strata"}


def run(project: Path, stage: str, *paths: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(stage, *paths), cwd=project, env=environment(), capture_output=True, text=True, timeout=60
    )


def download(project: Path) -> subprocess.CompletedProcess[str]:
    return run(project, "download", *PATHS)


def half_written(project: Path) -> list[Path]:
    raw = project / "data/raw"
    return list(raw.iterdir()) if raw.exists() else []


def test_download_and_prepare_say_their_counts(project: Path) -> None:
    done = download(project)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"download: brueghel, 30 pictures \(\d+\.\d s\)\n", done.stdout)
    done = run(project, "prepare", "data/raw/brueghel", "data/tables")
    assert "30 pictures (0 not usable, 0 duplicates)" in done.stdout
    assert "1 queries, 2 relevance rows" in done.stdout
    kept = {path.name for path in (project / ".strata/downloads").iterdir()}
    assert kept == {"brueghelTest.json", "first-seen.tsv", "first-seen.tsv.lock", "locks", "unpacked"}


def test_a_dead_mirror_is_one_line_and_the_next_run_continues(project: Path, server: Any) -> None:
    content = server.files.pop("/Brueghel.zip")
    done = download(project)
    assert done.returncode == 1
    assert re.fullmatch(r"download: error: Brueghel\.zip could not be fetched: .* 404\. .*\n", done.stderr)
    assert half_written(project) == []
    server.files["/Brueghel.zip"] = content
    assert download(project).returncode == 0


def test_a_killed_download_is_resumed_where_it_was(project: Path, server: Any) -> None:
    content = server.files["/Brueghel.zip"]

    def hang(handler: Any, whole: bytes) -> bool:
        etag = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'}
        handler.answer(200, content[: len(content) // 2], etag, length=len(content))
        time.sleep(20)
        handler.close_connection = True
        return True

    server.faults["/Brueghel.zip"] = [hang]
    part = project / ".strata/downloads/Brueghel.zip.part"
    with subprocess.Popen(
        command("download", *PATHS),
        cwd=project,
        env=environment(),
    ) as process:
        ends = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size > 100_000):
            assert time.monotonic() < ends
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert not (project / "data/raw/brueghel").exists()
    done = download(project)
    assert done.returncode == 0, done.stderr
    first, second = server.ranges_of("/Brueghel.zip")
    assert first is None
    assert int(second.removeprefix("bytes=").removesuffix("-")) > 100_000
    assert len(list((project / "data/raw/brueghel/Brueghel.zip").rglob("*.jpg"))) == 30


def test_two_runs_at_once_share_one_transfer(project: Path, server: Any) -> None:
    (project / "data").mkdir()
    processes = [
        subprocess.Popen(
            command("download", f"data/check/dataset/{name}", f"data/raw/{name}"),
            cwd=project,
            env=environment(),
            stderr=subprocess.PIPE,
        )
        for name in ("one", "two")
    ]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert [path for path, _ in server.asked].count("/Brueghel.zip") == 1


def test_a_users_own_archive_needs_no_network(project: Path, server: Any) -> None:
    (project / "data/incoming").mkdir(parents=True)
    for name in ("Brueghel.zip", "brueghelTest.json"):
        (project / "data/incoming" / name).write_bytes(server.files.pop(f"/{name}"))
    assert download(project).returncode == 0
    assert server.asked == []
    assert (project / "data/incoming/Brueghel.zip").is_file()
