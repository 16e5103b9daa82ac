"""The benchmark of start-up runs the demo in two copies; light stages import nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import startup
from benchmarks.settings import Settings

HEAVY = {"torch", "torchvision", "open_clip", "timm", "sklearn", "scipy.stats", "matplotlib", "pandas"}
ARRAYS = {"numpy", "pyarrow", "PIL", "scipy"}
NO_ARRAYS = ["check", "scan", "gate", "freshness", "closure"]
LIGHT = [
    *("download", "prepare", "pool", "index", "reduce", "cluster", "retrieve"),
    *("probe", "summarize", "report"),
]


@pytest.mark.parametrize("stage", LIGHT + NO_ARRAYS)
def test_a_light_stage_starts_without_what_it_may_not_need(stage: str) -> None:
    code = f"import sys, stages.{stage}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert not loaded & HEAVY
    assert stage not in NO_ARRAYS or not loaded & ARRAYS


@pytest.mark.slow
def test_a_stages_start_is_compared_with_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_BENCH_BEFORE", "HEAD")
    result = startup.run(Settings(rounds=1, small=True, work=tmp_path, pictures=None))
    (row,) = result.rows
    assert row.case == "check: start and end"
    assert row.ratio
    assert "dvc repro" in result.remarks[0]


def test_an_unknown_revision_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_BENCH_BEFORE", "no-such-revision")
    (row,) = startup.run(Settings(rounds=1, small=True, work=tmp_path, pictures=None)).rows
    assert row.note == "no such revision here"
