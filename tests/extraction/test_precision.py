"""Is a reduced precision exact enough, and what would it gain? (Refusals: test_run.py.)"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import strata.extraction.precision as precision
import strata.extraction.run as run
from strata.extraction.precision import bf16_gain
from strata.extraction.run import Place, Request, extract
from strata.maps.views import ViewedPicture
from tests.extraction.conftest import open_for, read_folder

RequestOf = Callable[..., Request]


def said(tmp_path: Path, pictures: Path, request: Request, place: Place) -> list[str]:
    lines: list[str] = []
    extract(tmp_path / "out", read_folder(pictures), request, place, announce=lines.append)
    return lines


def test_a_long_run_in_fp32_says_once_what_bf16_would_gain(
    tmp_path: Path, pictures: Path, request_of: RequestOf, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MUCH_WORK", 20)
    monkeypatch.setattr(precision, "WORTH_IT", 0.0)  # for so small a network it gains nothing
    lines = said(tmp_path, pictures, request_of(), place)
    assert len(lines) == 2
    assert re.fullmatch(
        r"in bf16 the network would be \d+\.\d times as fast here "
        r"\(least cosine with fp32 0\.99\d{3}\): extract\.precision=bf16",
        lines[1],
    )


@pytest.mark.parametrize(("much", "changes"), [(1000, {}), (20, {"precision": "bf16"})])
def test_a_short_run_and_one_in_bf16_say_nothing_of_it(
    tmp_path: Path,
    pictures: Path,
    request_of: RequestOf,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    much: int,
    changes: dict[str, str],
) -> None:
    monkeypatch.setattr(run, "MUCH_WORK", much)
    assert len(said(tmp_path, pictures, request_of(**changes), place)) == 1


def test_what_is_not_exact_enough_is_not_recommended(
    request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of()
    network = open_for(request, batch=4, workers=1)
    monkeypatch.setattr(precision, "WORTH_IT", 0.0)
    monkeypatch.setattr(precision, "SAME_COSINE", 1.5)
    view = ViewedPicture(torch.full((3, 32, 32), 90, dtype=torch.uint8), (0.0, 0.0, 32.0, 32.0))
    assert re.search(r", but layer \S+ would not be exact enough \(cosine ", bf16_gain(network, [view, view]))
    monkeypatch.setattr(precision, "WORTH_IT", 1e9)
    assert bf16_gain(network, [view, view]).startswith("bf16 would gain nothing on this processor (")
