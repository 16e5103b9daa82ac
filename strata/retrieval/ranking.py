"""Where some pictures stand in a query's ranking, without making the whole ranking.

A measure needs the ranks of the positives and a page of neighbours needs the first few; nobody reads the
other hundred thousand places. So the scores alone are sorted (a quarter of the time of an argsort) and a
picture's rank is found by bisection: the number of better scores, plus the pictures of equal score at a
lower position.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from strata.measures.average_precision import Ranks
from strata.retrieval.queries import NONE_FOUND, Judgement, Positions
from strata.retrieval.similarity import UNRANKED, Floats32, rank_by_score

FEW = 32  # ties that are settled one by one; for more the whole ranking is made


class Placed(NamedTuple):
    """``ranks``: sorted 0-based ranks of the positives that were ranked; ``n_ranked``: pictures ranked; both
    without what takes no rank (junk, own picture)."""

    ranks: Ranks
    n_ranked: int


class Near(NamedTuple):
    """The first pictures of a ranking, nearest first. ``places``: (K,) positions; ``scores``: (K,) theirs."""

    places: Positions
    scores: Floats32


class Ranking(Protocol):
    """What is asked of one query's ranking."""

    def best(self, count: int) -> Near:
        """The first ``count`` pictures, or all there are."""

    def place(self, judged: Judgement) -> Placed:
        """Where the positives stand."""

    def place_inside(self, members: Positions, judged: Judgement) -> Placed:
        """Where they stand when only the pictures at ``members`` (M,), sorted, are ranked."""


class Ranked:
    """The ranking by one query's scores (N,) float32, -inf where a picture is not ranked.

    ``n_ranked``: how many pictures are.
    """

    def __init__(self, scores: Floats32) -> None:
        self.scores = scores
        self._ascending = np.sort(scores)
        self.n_ranked = len(scores) - int(np.searchsorted(self._ascending, UNRANKED, side="right"))

    def best(self, count: int) -> Near:
        """The first ``count`` pictures, or all there are; equal scores in order of position."""
        count = min(count, self.n_ranked)
        if not count:
            return Near(NONE_FOUND, self.scores[:0])
        near = np.flatnonzero(self.scores >= self._ascending[-count])
        places = near[np.argsort(-self.scores[near], kind="stable")[:count]]
        return Near(places, self.scores[places])

    def place(self, judged: Judgement) -> Placed:
        """Where the positives stand."""
        ranks, skipped = self.ranks(judged.positives), self.ranks(judged.skipped)
        return Placed(ranks - np.searchsorted(skipped, ranks), self.n_ranked - len(skipped))

    def place_inside(self, members: Positions, judged: Judgement) -> Placed:
        """Where they stand when only the pictures at ``members`` (M,), sorted, are ranked."""
        inside = Ranked(self.scores[members])
        ranks = inside.ranks(indices_of(members, judged.positives))
        skipped = inside.ranks(indices_of(members, judged.skipped))
        return Placed(ranks - np.searchsorted(skipped, ranks), inside.n_ranked - len(skipped))

    def ranks(self, places: Positions) -> Ranks:
        """Sorted 0-based ranks of the pictures at ``places``, without those that are not ranked."""
        scores = np.sort(self.scores[places])  # in order they are looked up in half the time
        scores = scores[scores > UNRANKED]
        reached = np.searchsorted(self._ascending, scores, side="right")
        ranks = len(self._ascending) - reached
        tied = (reached > 1) & (self._ascending[reached - 2] == scores)
        if not tied.any():
            return ranks[::-1]
        if np.count_nonzero(tied) > FEW:
            return self._ranks_by_order(places)
        alike = places[np.isin(self.scores[places], scores[tied])]
        among = [np.count_nonzero(self.scores[:place] == self.scores[place]) for place in alike.tolist()]
        better = len(self._ascending) - np.searchsorted(self._ascending, self.scores[alike], side="right")
        return np.sort(np.concatenate([ranks[~tied], better + np.array(among)]))

    def _ranks_by_order(self, places: Positions) -> Ranks:
        wanted = np.zeros(len(self.scores), np.bool_)
        wanted[places] = True
        return np.flatnonzero(wanted[self._order])

    @cached_property
    def _order(self) -> Positions:
        return rank_by_score(self.scores)


def indices_of(members: Positions, places: Positions) -> Positions:
    """Indices into ``members`` (M,), sorted, of those ``places`` that are among them."""
    if not len(members):
        return NONE_FOUND
    index = np.searchsorted(members, places)
    found: Positions = index[members[np.minimum(index, len(members) - 1)] == places]
    return found
