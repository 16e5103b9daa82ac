"""Where positives stand: against the whole ranking, with ties, inside a cluster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.retrieval import ranking
from strata.retrieval.queries import Judgement
from strata.retrieval.ranking import Ranked, indices_of
from tests.retrieval.one_ranking import placed_by_order, rank_by_score

NONE = np.zeros(0, np.int64)
coarse = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 0.25, 0.5, 1.0])
fine = st.floats(-1, 1, width=32)


@st.composite
def judged_scores(draw: st.DrawFn) -> tuple[np.ndarray, Judgement]:
    """Scores with and without ties; positives and what is skipped are apart, as in every judgement."""
    scores = np.array(
        draw(st.lists(draw(st.sampled_from([coarse, fine])), min_size=1, max_size=60)), np.float32
    )
    kind = np.array(draw(st.lists(st.integers(0, 3), min_size=len(scores), max_size=len(scores))))
    positives, skipped = np.flatnonzero(kind == 1), np.flatnonzero(kind == 2)
    return scores, Judgement(positives, len(positives), None, skipped, skipped, NONE, False)


@pytest.mark.parametrize("few", [0, 2, 200])
@settings(deadline=None, max_examples=80)
@given(given=judged_scores())
def test_ranks_are_those_of_the_whole_ranking(few: int, given: tuple[np.ndarray, Judgement]) -> None:
    scores, judged = given
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ranking, "FEW", few)
        found = Ranked(scores).place(judged)
    assert (found.ranks.tolist(), found.n_ranked) == placed_by_order(rank_by_score(scores), judged)


@settings(deadline=None, max_examples=80)
@given(given=judged_scores(), data=st.data())
def test_inside_a_cluster_the_others_are_not_there(
    given: tuple[np.ndarray, Judgement], data: st.DataObject
) -> None:
    scores, judged = given
    members = np.array(sorted(data.draw(st.sets(st.integers(0, len(scores) - 1)))), np.int64)
    found = Ranked(scores).place_inside(members, judged)
    order = rank_by_score(scores)
    assert (found.ranks.tolist(), found.n_ranked) == placed_by_order(order[np.isin(order, members)], judged)


@settings(deadline=None, max_examples=80)
@given(given=judged_scores(), count=st.integers(0, 70))
def test_the_best_are_the_beginning_of_the_whole_ranking(
    given: tuple[np.ndarray, Judgement], count: int
) -> None:
    scores, _ = given
    best = Ranked(scores).best(count)
    assert best.places.tolist() == rank_by_score(scores)[:count].tolist()
    assert best.scores.tolist() == scores[best.places].tolist()


def test_indices_of_what_is_among_the_members() -> None:
    assert indices_of(np.array([2, 5, 9]), np.array([0, 5, 9, 11])).tolist() == [1, 2]
    assert indices_of(NONE, np.array([3])).tolist() == []
