"""Where some pictures stand in a query's ranking, without making the whole ranking.

A measure needs the ranks of the positives and a page of neighbours needs the first few; nobody reads the
other hundred thousand places. So the scores alone are sorted (a thirtieth of the time of a stable argsort)
and a picture's rank is found by bisection: the number of better scores, plus the pictures of equal score at a
lower position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from strata.measures.average_precision import Ranks
from strata.retrieval.queries import NONE_FOUND, Judgement, Positions
from strata.retrieval.similarity import UNRANKED, Floats32

FEW = 100  # scores with ties that are looked for one by one; an argsort takes as long as for 150


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

    ``n_ranked``: how many pictures are. Equal scores stand in order of position.

    >>> ranking = Ranked(np.array([0.2, 0.9, 0.2, -np.inf, 0.5], np.float32))
    >>> ranking.best(3).places.tolist(), ranking.ranks(np.array([2, 3, 4])).tolist(), ranking.n_ranked
    ([1, 4, 0], [1, 3], 4)
    """

    def __init__(self, scores: Floats32) -> None:
        self.scores = scores
        self._ascending = np.sort(scores)
        self.n_ranked = len(scores) - int(np.searchsorted(self._ascending, UNRANKED, side="right"))

    def best(self, count: int) -> Near:
        """The first ``count`` pictures, or all there are."""
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
        wanted = np.zeros(len(self.scores), np.bool_)
        wanted[places] = True
        values = np.unique(scores[tied])
        better = len(self._ascending) - np.searchsorted(self._ascending, values, side="right")
        among = [np.flatnonzero(wanted[alike]) for alike in self._alike(values)]
        return np.sort(np.concatenate([ranks[~tied], *map(np.add, better, among)]))

    def _alike(self, values: Floats32) -> Iterator[Positions]:
        """The sorted positions of all pictures with each of some scores."""
        if len(values) <= FEW:
            yield from (np.flatnonzero(self.scores == value) for value in values)
            return
        order = np.argsort(self.scores)  # equals in any order
        ends = (np.searchsorted(self._ascending, values, side=side).tolist() for side in ("left", "right"))
        yield from (np.sort(order[start:stop]) for start, stop in zip(*ends, strict=True))


class NearestOnly:
    """The ranking of a query without positives, of which only the nearest pictures are known.

    near : the first of them; candidates : (N,) bool, which pictures were ranked; answered : was the query?
    """

    def __init__(self, near: Near, candidates: npt.NDArray[np.bool_], answered: bool) -> None:
        self._near = near
        self._candidates = candidates
        self._answered = answered

    def best(self, count: int) -> Near:
        """The first ``count`` pictures, or all that are known."""
        return Near(self._near.places[:count], self._near.scores[:count])

    def place(self, judged: Judgement) -> Placed:
        """No positives; how many pictures were ranked."""
        return self._count(self._candidates, judged.skipped)

    def place_inside(self, members: Positions, judged: Judgement) -> Placed:
        """The same when only the pictures at ``members`` are ranked."""
        return self._count(self._candidates[members], indices_of(members, judged.skipped))

    def _count(self, candidates: npt.NDArray[np.bool_], skipped: Positions) -> Placed:
        count = np.count_nonzero(candidates) - np.count_nonzero(candidates[skipped])
        return Placed(NONE_FOUND, int(count) if self._answered else 0)


def indices_of(members: Positions, places: Positions) -> Positions:
    """Indices into ``members`` (M,), sorted, of those ``places`` that are among them."""
    if not len(members):
        return NONE_FOUND
    index = np.searchsorted(members, places)
    found: Positions = index[members[np.minimum(index, len(members) - 1)] == places]
    return found
