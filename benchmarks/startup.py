"""What starting and ending the stages costs: each against the same stage of an earlier revision.

Two copies of the project, this tree and revision BEFORE (the environment variable STRATA_BENCH_BEFORE names
another), run the demo once; then every stage runs in turn in both. The start is a process's seconds without
those the stage itself counts as work.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.pairing import paired
from benchmarks.results import Result, Row, time_row
from benchmarks.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
BEFORE = "e3d894f"  # the last one nobody had made faster
NOT_AGAIN = ("download",)  # its work is seconds of drawing; its start is as prepare's


@dataclass(frozen=True)
class Demo:
    """A copy of the project whose demo has run: in how many seconds, and the commands of its stages."""

    root: Path
    seconds: float
    commands: dict[str, list[str]]

    def start_s(self, stage: str) -> float:
        """Run a stage again; the seconds that were not work."""
        began = time.perf_counter()
        _python(self.root, self.commands[stage])
        return time.perf_counter() - began - self.work_s(stage)

    def work_s(self, stage: str) -> float:
        """The seconds a stage's last run counted itself."""
        log = json.loads((self.root / f"logs/{stage}.json").read_text(encoding="utf-8"))
        return float(log["seconds"])


def run(settings: Settings) -> Result:
    """Start-up a stage, then where the seconds of ``dvc repro`` go, now and before."""
    revision = os.environ.get("STRATA_BENCH_BEFORE") or BEFORE
    work = settings.work / "startup"
    shutil.rmtree(work, ignore_errors=True)
    try:
        earlier = _archived(revision, work / "before")
    except subprocess.CalledProcessError:
        return Result(
            "Start-up", (Row("every stage", revision, None, None, "s", note="no such revision here"),)
        )
    now, before = _run_demo(_copied(work / "now"), settings), _run_demo(earlier, settings)
    work_s = [{stage: demo.work_s(stage) for stage in demo.commands} for demo in (now, before)]
    rows: list[Row] = []
    starts: tuple[list[float], list[float]] = ([], [])
    stages = ["check"] if settings.small else [name for name in now.commands if name not in NOT_AGAIN]
    for stage in stages:
        pair = paired(partial(now.start_s, stage), partial(before.start_s, stage), settings.rounds)
        rows.append(time_row(f"{stage}: start and end", revision, pair))
        for total, seconds in zip(starts, (pair.ours_s, pair.theirs_s), strict=True):
            total.append(seconds * (2 if stage == "prepare" else 1))  # and download's
    said = [
        _said(name, demo, sum(spent.values()), sum(start))
        for name, demo, spent, start in zip(("now", revision), (now, before), work_s, starts, strict=True)
    ]
    return Result("Start-up", tuple(rows), (" ".join(said), *REMARKS))


REMARKS = (
    "DVC's own seconds are its start and, after every stage, dvc.lock read and written anew. Libraries that "
    "a stage imports while it works (scikit-learn in `cluster` and `probe`) count as its work.",
)


def _said(name: str, demo: Demo, work_s: float, start_s: float) -> str:
    dvc_s = demo.seconds - work_s - start_s
    return (
        f"`dvc repro` on the demo, {name}: {demo.seconds:.1f} s, of it work {work_s:.1f} s "
        f"({100 * work_s / demo.seconds:.0f} %), the stages' starts and ends {start_s:.1f} s "
        f"({100 * start_s / demo.seconds:.0f} %), DVC itself {dvc_s:.1f} s."
    )


def _archived(revision: str, folder: Path) -> Path:
    command = ["git", "archive", "--format=zip", revision]
    content = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    folder.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:  # tar's safe way came within Python 3.10 and 3.11
        archive.extractall(folder)
    return folder


def _copied(folder: Path) -> Path:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def _run_demo(root: Path, settings: Settings) -> Demo:
    """``dvc repro`` from nothing, in a repository of its own; a small run draws fewer pictures."""
    if settings.small:
        conf = root / "conf/datasets/demo.yaml"
        text = conf.read_text(encoding="utf-8")
        conf.write_text(text.replace("pictures: 320", "pictures: 40"), encoding="utf-8")
    (root / "dvc.lock").unlink(missing_ok=True)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    _python(root, ["-m", "stages.closure", "--write"])
    began = time.perf_counter()
    _python(root, ["-m", "dvc", "repro"])
    seconds = time.perf_counter() - began
    stages: dict[str, Any] = YAML(typ="safe").load(root / "dvc.yaml")["stages"]
    commands = {
        name: stage["cmd"].replace("${dataset}", "demo").split()[1:] for name, stage in stages.items()
    }
    return Demo(root, seconds, commands)


def _python(root: Path, arguments: Sequence[str]) -> None:
    """Run this Python in a copy, with this environment's tools first and nobody's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "STRATA_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=root, env={**kept, "PATH": path}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"python {' '.join(arguments)}: {(done.stderr or done.stdout)[-800:]}")
