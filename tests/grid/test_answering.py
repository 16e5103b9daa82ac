"""Naming by the nearest pictures, against a count by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strata.grid.answering import names_by_nearest
from strata.retrieval.queries import ABSENT


def named(near: list[int], codes: list[int]) -> int | None:
    """The class with most votes, of equals that of the nearest."""
    votes = [codes[place] for place in near if place != ABSENT and codes[place] >= 0]
    counts = Counter(votes)
    return max(votes, key=lambda code: counts[code]) if votes else None


@given(
    arrays(np.int64, (4, 5), elements=st.integers(-1, 6)),
    arrays(np.int64, 7, elements=st.integers(-1, 3)),
    arrays(np.int64, 4, elements=st.integers(-1, 3)),
)
def test_the_most_votes_win_and_of_equals_the_nearest(
    nearest: np.ndarray, codes: np.ndarray, own: np.ndarray
) -> None:
    found = names_by_nearest(nearest, codes, own)
    for row, near, mine in zip(found.tolist(), nearest.tolist(), own.tolist(), strict=True):
        if mine < 0:
            assert np.isnan(row)
        else:
            assert row == (named(near, codes.tolist()) == mine)
