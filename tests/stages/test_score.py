"""Somebody else's rankings under our protocols."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages import score
from strata.base.errors import StrataError

RUN = "q Q0 own 1 9 x\nq Q0 junk 2 8 x\nq Q0 miss 3 7 x\nq Q0 hit 4 6 x\n"
QRELS = "q 0 hit 1\nq 0 junk -1\nq 0 other 2\n"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)
    Path("run").write_text(RUN)
    Path("qrels").write_text(QRELS)
    Path("queries.csv").write_text("query_id,image_id,group\nq,own,g\n")

    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["score", "run", "qrels", "--queries", "queries.csv", *arguments])
        return score.main()

    return call


@pytest.mark.parametrize(
    ("arguments", "ap"),
    [
        ((), 1 / 2 / 2),  # own and junk take no rank; one of two positives is not ranked
        (("--junk", "negative"), 1 / 3 / 2),
        (("--self-match", "include"), (1 + 2 / 3) / 3),
        (("--ap", "trapezoid"), (0 + 1 / 2) / 2 / 2),
        (("--junk-grade", "2"), 1 / 2),
    ],
)
def test_policies_are_options(run: Callable[..., str], arguments: Any, ap: float) -> None:
    assert run(*arguments).startswith(f"mAP {ap:.3f} (no interval: 1 group: an interval needs 5; chance ")


def test_every_measure_is_printed_with_its_chance(run: Callable[..., str], capsys: Any) -> None:
    run()
    said = capsys.readouterr()
    assert said.out.splitlines()[0].split() == ["ap_step", "0.2500", "chance", "0.3750"]
    assert said.err.startswith("score: warning: 1 positives are not ranked")


def test_words_are_grades_too(run: Callable[..., str]) -> None:
    Path("qrels").write_text("query_id,image_id,grade\nq,hit,fine\nq,miss,unsure\n")
    assert run("--positive-grade", "fine", "--junk-grade", "unsure", "junk").startswith("mAP 0.500")


def test_files_without_a_query_in_common_are_one_line(run: Callable[..., str]) -> None:
    Path("qrels").write_text("other 0 hit 1\n")
    with pytest.raises(StrataError, match="run and qrels have no query in common"):
        run()
