"""A block of queries judged by every task, from their rankings in one space; several threads share a block.

``ranking(row)`` makes the ranking of one query of the block; it is asked and dropped before the next, so
memory holds one sorted row a thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from strata.base.threads import MOST_THREADS, in_order
from strata.retrieval.layer_vectors import LayerVectors
from strata.retrieval.per_query_measures import NEIGHBOURS, Outcome, outcomes_of
from strata.retrieval.queries import Judgement, Positions, Query
from strata.retrieval.ranking import Near, Placed, Ranking

QUERIES_A_PART = 16  # judged by a thread before it takes the next ones
SHORT = 20_000  # pictures; with fewer, threads wait for Python's lock more than they work
Rankings = Callable[[int], Ranking]
Outcomes = list[list[Outcome]]
"""A query's outcomes, task by task."""


@dataclass(frozen=True)
class Block:
    """``judged``: a query's judgements, task by task; ``named``: further measures, by name."""

    queries: Sequence[Query]
    judged: Sequence[Sequence[Judgement]]
    named: Sequence[str] = ()

    @property
    def most_hidden(self) -> int:
        """Pictures that the neighbours of a query may have to do without."""
        return max(len(judgement.hidden) for judgement in chain(*self.judged))

    @property
    def most_skipped(self) -> int:
        """Pictures that take no rank."""
        return max(len(judgement.skipped) for judgement in chain(*self.judged))


def judge_full(
    block: Block, ranking: Rankings, layer: LayerVectors, top_k: int
) -> tuple[list[Near], Outcomes]:
    """The first pictures of every query, enough for ``top_k`` to be shown, and what its ranking is worth."""
    count = top_k + block.most_hidden

    def look(row: int) -> tuple[Near, list[Placed]]:
        ranked = ranking(row)
        return ranked.best(count), [ranked.place(judgement) for judgement in block.judged[row]]

    def judge(rows: range) -> tuple[list[Near], Outcomes]:
        near, placed = zip(*map(look, rows), strict=True)
        return list(near), _outcomes(block, rows, placed)

    parts = list(in_order(judge, _parts(block), threads=_threads(layer)))
    return list(chain(*(near for near, _ in parts))), list(chain(*(found for _, found in parts)))


def judge_reduced(block: Block, ranking: Rankings, layer: LayerVectors) -> tuple[Outcomes, Outcomes]:
    """What every query's ranking of all pictures is worth, and that of those in its own cluster.

    A query that was not answered ranks nothing in either.
    """
    count = NEIGHBOURS + block.most_skipped
    cluster_members = layer.cluster_members

    def look(row: int) -> tuple[list[Placed], list[Placed], list[float]]:
        query, judged, ranked = block.queries[row], block.judged[row], ranking(row)
        members = cluster_members[int(layer.clusters[query.row])]
        near = ranked.best(count).places
        return (
            [ranked.place(judgement) for judgement in judged],
            [ranked.place_inside(members, judgement) for judgement in judged],
            [_share_kept(layer, query, near, judgement) for judgement in judged],
        )

    def judge(rows: range) -> tuple[Outcomes, Outcomes]:
        everywhere, inside, kept = zip(*map(look, rows), strict=True)
        return _outcomes(block, rows, everywhere), _outcomes(block, rows, inside, kept)

    parts = list(in_order(judge, _parts(block), threads=_threads(layer)))
    return list(chain(*(found for found, _ in parts))), list(chain(*(found for _, found in parts)))


def _threads(layer: LayerVectors) -> int:
    return 1 if len(layer.full.candidates) < SHORT else MOST_THREADS


def _parts(block: Block) -> list[range]:
    starts = range(0, len(block.queries), QUERIES_A_PART)
    return [range(start, min(start + QUERIES_A_PART, len(block.queries))) for start in starts]


def _outcomes(
    block: Block,
    rows: range,
    placed: Sequence[Sequence[Placed]],
    kept: Sequence[Sequence[float]] | None = None,
) -> Outcomes:
    """Outcomes of the queries ``rows``; ``placed``, ``kept``: theirs, task by task."""
    queries, judged = block.queries[rows.start : rows.stop], block.judged[rows.start : rows.stop]
    shares = kept or [[math.nan] * len(some) for some in judged]
    by_task = zip(*(zip(*values, strict=True) for values in (judged, placed, shares)), strict=True)
    tasks = [outcomes_of(queries, own, found, share, block.named) for own, found, share in by_task]
    return [list(outcomes) for outcomes in zip(*tasks, strict=True)]


def _share_kept(layer: LayerVectors, query: Query, order: Positions, judged: Judgement) -> float:
    """Share of the ten nearest by exact search that lie in the query's cluster; NaN if there are none."""
    near = order[np.isin(order, judged.skipped, invert=True)][:NEIGHBOURS]
    if not len(near):
        return math.nan
    return float(np.mean(layer.clusters[near] == layer.clusters[query.row]))
