"""One line a query: what its ranking scored, and what a random ranking would have.

``per_query.parquet`` has a row for every task, space and query. A query without positives has nulls for its
measures; a query whose picture could not be read was ranked nothing (n_ranked 0) and scores 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.measures import chance
from strata.measures.average_precision import measure_rankings
from strata.measures.named_measures import measure_by_name
from strata.measures.scores import MEASURES
from strata.retrieval.queries import Judgement, Query
from strata.retrieval.ranking import Placed

NEIGHBOURS = 10  # recall_in_cluster looks at this many exact neighbours
CHANCES = ("step", "trapezoid", "p", "p_at_1", "p_at_5", "p_at_10", "hit_at_5", "hit_at_10", "recall_at_10")

SCHEMA = pa.schema(
    [
        pa.field("task", pa.string(), nullable=False),
        pa.field("space", pa.string(), nullable=False),
        pa.field("query_id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("n_positives", pa.int64(), nullable=False),
        pa.field("n_found", pa.int64(), nullable=False),
        pa.field("n_ranked", pa.int64(), nullable=False),
        *(pa.field(name, pa.float64()) for name in MEASURES),
        pa.field("recall_in_cluster", pa.float64()),
        *(pa.field(f"chance_{name}", pa.float64()) for name in CHANCES),
        pa.field("chance_r_precision", pa.float64()),
    ]
)


class Outcome(NamedTuple):
    """One query in one task and space.

    ``n_found``: positives that were ranked; ``n_ranked``: pictures ranked, without junk and own picture;
    ``own_first``: its own picture is a positive and is the query itself; ``measures``: in the order of
    MEASURES, then those asked for by name.
    """

    query_id: str
    group: str
    n_positives: int
    n_found: int
    n_ranked: int
    own_first: bool
    measures: tuple[float, ...]
    recall_in_cluster: float


def outcomes_of(
    queries: Sequence[Query],
    judged: Sequence[Judgement],
    placed: Sequence[Placed],
    neighbours_kept: Sequence[float],
    named: Sequence[str] = (),
) -> list[Outcome]:
    """Score the rankings of some queries in one task and space, from where their positives stand.

    neighbours_kept : a query's ``recall_in_cluster``, NaN where it has none; named : further measures, see
    ``named_measures``.
    """
    totals = [judgement.n_positives for judgement in judged]
    ranks = [found.ranks for found in placed]
    further = [measure_by_name(name, ranks, totals) for name in named]
    measures = np.column_stack([measure_rankings(ranks, totals), *further]).tolist()
    return [
        Outcome(
            query.query_id,
            query.group,
            judgement.n_positives,
            len(found.ranks),
            found.n_ranked,
            judgement.own_positive and query.whole,
            tuple(values),
            share,
        )
        for query, judgement, found, values, share in zip(
            queries, judged, placed, measures, neighbours_kept, strict=True
        )
    ]


def outcome_table(
    task: str,
    space: str,
    outcomes: Sequence[Outcome],
    at_random: Sequence[Outcome] | None = None,
    named: Sequence[str] = (),
) -> pa.Table:
    """The rows of one task and space; the measures ``named`` are the last columns.

    ``at_random``: the outcomes whose counts say what a random ranking would have had (default: the same
    ones; a search inside clusters is compared with a random ranking of everything).
    """
    names = (*MEASURES, *named)
    measures = np.array([outcome.measures for outcome in outcomes], np.float64).reshape(-1, len(names))
    columns = {
        "task": [task] * len(outcomes),
        "space": [space] * len(outcomes),
        "query_id": [outcome.query_id for outcome in outcomes],
        "group": [outcome.group for outcome in outcomes],
        "n_positives": [outcome.n_positives for outcome in outcomes],
        "n_found": [outcome.n_found for outcome in outcomes],
        "n_ranked": [outcome.n_ranked for outcome in outcomes],
        **{name: _nullable(measures[:, i]) for i, name in enumerate(names)},
        "recall_in_cluster": _nullable(
            np.array([outcome.recall_in_cluster for outcome in outcomes], np.float64)
        ),
        **{name: _nullable(values) for name, values in _chances(at_random or outcomes).items()},
    }
    schema = schema_of(named)
    return pa.table(
        {field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema
    )


def schema_of(named: Sequence[str]) -> pa.Schema:
    """The columns where some measures are asked for by name."""
    return pa.schema([*SCHEMA, *(pa.field(name, pa.float64()) for name in named)])


def _chances(outcomes: Sequence[Outcome]) -> dict[str, npt.NDArray[np.float64]]:
    counts = np.array([(o.n_positives, o.n_found, o.n_ranked, o.own_first) for o in outcomes], np.int64)
    total, found, ranked, own_first = counts.reshape(-1, 4).T
    return chance.levels(total, found, ranked, own_first)


def _nullable(values: npt.NDArray[np.float64]) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)
