"""Measure the stages of a part and keep what they took, one line a run, so that a stopped run goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.scaling.plan import PARTS
from benchmarks.scaling.running import Run, run_module

KEPT = "measured.jsonl"
MADE = "made.txt"  # stands in a project that was made whole

Measured = dict[tuple[str, str], dict[int, Run]]
"""(part, stage) -> rows -> what it took"""


def measure_missing(work: Path, part: str, rows: int) -> None:
    """Measure what is not measured yet of ``part`` with ``rows`` rows, then delete the project: a million
    rows take six gigabytes."""
    done = kept(work)
    stages = PARTS[part].stages_at(rows)
    first = next(
        (place for place, stage in enumerate(stages) if rows not in done.get((part, stage), {})), None
    )
    if first is not None:
        measure(work, part, rows, stages[first:])
        shutil.rmtree(_folder(work, part, rows))


def measure(work: Path, part: str, rows: int, stages: Sequence[str]) -> None:
    """Run ``stages`` in order, in a project that is made if it is not there, and keep what each took."""
    folder, chosen = _folder(work, part, rows), PARTS[part]
    if not (folder / MADE).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        module, *words = chosen.maker
        run_module(folder, module, [str(folder), str(rows), *words])
        (folder / MADE).touch()
    for stage in stages:
        taken = run_module(folder, f"stages.{stage}", chosen.stages[stage])
        entry = {"part": part, "stage": stage, "rows": rows, **asdict(taken)}
        with open(work / KEPT, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        print(
            f"  {part}, {rows:,} rows, {stage}: {taken.seconds:.1f} s, "
            f"{taken.peak_mib:.0f} MiB ({taken.own_mib:.0f} its own)",
            flush=True,
        )


def kept(work: Path) -> Measured:
    """What has been measured; of several runs the last."""
    found: Measured = {}
    path = work / KEPT
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        entry = json.loads(line)
        key, rows = (entry.pop("part"), entry.pop("stage")), entry.pop("rows")
        found.setdefault(key, {})[rows] = Run(**entry)
    return found


def _folder(work: Path, part: str, rows: int) -> Path:
    return (work / f"{part}-{rows}").resolve()
