"""The benchmarks of search and scoring compare equal work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import scoring, search
from benchmarks.scoring import score_by_loops
from benchmarks.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(rounds=1, small=True, work=tmp_path, pictures=None)


def test_search_runs_against_the_product_and_faiss_if_it_is_there(settings: Settings) -> None:
    rows = search.run(settings).rows
    assert [row.peer for row in rows] == [search.FAISS, "product alone"]
    assert rows[0].ratio or rows[0].note


def test_scoring_agrees_with_the_loops(settings: Settings) -> None:
    rows = scoring.run(settings).rows
    assert [row.peer for row in rows] == ["Python loops", "the same, Q x N"]
    assert all(row.ratio for row in rows)


def test_a_scoring_that_disagrees_is_no_benchmark(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "score_by_loops", lambda *_, **__: [0.5] * 4)
    with pytest.raises(ValueError, match="do not agree"):
        scoring.run(settings)


def test_the_loops_give_the_ap_worked_out_by_hand() -> None:
    """Positives at ranks 0 and 2 once the junk between them is out: (1 + 1) / 2 / 2 + (1/2 + 2/3) / 2 / 2."""
    similarities = np.array([[0.9, 0.8, 0.7, 0.6, 0.1]], np.float32)
    found = score_by_loops(similarities, [np.array([0, 3])], [np.array([1])], pictures_axis=1)
    assert found == score_by_loops(similarities.T, [np.array([0, 3])], [np.array([1])], pictures_axis=0)
    assert found == pytest.approx([0.5 + (1 / 2 + 2 / 3) / 4])
