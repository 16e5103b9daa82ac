"""The page of results: a ratio says of how many rounds it is when it is not of five."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.pairing import ROUNDS, Paired, paired
from benchmarks.results import Result, machine, rate_row, render, save, time_row
from strata.base.machine import processor


def pair(rounds: int) -> Paired:
    return Paired(ours_s=2.0, theirs_s=4.0, ratio=2.0, low=1.5, high=2.5, rounds=rounds)


def page_of(result: Result, folder: Path) -> str:
    save("one", result, folder)
    return rendered(folder)


def rendered(folder: Path) -> str:
    render(["one", "never-measured"], folder, folder / "page.md")
    return (folder / "page.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rounds", "said"),
    [(ROUNDS, "**2** (1.5 to 2.5)"), (3, "**2** (1.5 to 2.5; 3 rounds)"), (1, "**2** (one round)")],
)
def test_a_ratio_of_more_or_fewer_rounds_than_usual_says_so(rounds: int, said: str, tmp_path: Path) -> None:
    beside = pair(rounds)
    rows = (time_row("sorting", "qsort", beside), rate_row("sorting", "qsort", beside, 8, "rows/s"))
    page = page_of(Result("Sorting", rows), tmp_path)
    assert f"| sorting | qsort | 2 s | 4 s | {said} |  |" in page
    assert f"| sorting | qsort | 4 rows/s | 2 rows/s | {said} |  |" in page


def test_rounds_are_those_that_were_run() -> None:
    assert time_row("nothing", "nothing", paired(lambda: 1.0, lambda: 1.0, rounds=3)).rounds == 3


def test_results_kept_before_rounds_were_counted_still_make_a_page(tmp_path: Path) -> None:
    page_of(Result("Sorting", (time_row("sorting", "qsort", pair(3)),)), tmp_path)
    kept = tmp_path / "one.json"
    content = json.loads(kept.read_text(encoding="utf-8"))
    del content["rows"][0]["rounds"]
    kept.write_text(json.dumps(content), encoding="utf-8")
    assert "**2** (1.5 to 2.5) |" in rendered(tmp_path)


def test_a_result_says_on_which_processor() -> None:
    assert machine().startswith(f"{processor()}, ")
