"""One line a query: what its ranking scored, and what a random ranking would have.

``per_query.parquet`` has a row for every task, space and query. A query without positives has nulls for its
measures; a query whose picture could not be read was ranked nothing (n_ranked 0) and scores 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from strata.base.files import required
from strata.measures import chance
from strata.measures.average_precision import measure_rankings
from strata.measures.measure_names import MEASURES
from strata.measures.named_measures import measure_by_name
from strata.retrieval.queries import Judgement, Query
from strata.retrieval.ranking import Placed

NEIGHBOURS = 10  # recall_in_cluster looks at this many exact neighbours
CHANCES = ("step", "trapezoid", "p", "p_at_1", "p_at_5", "p_at_10", "hit_at_5", "hit_at_10", "recall_at_10")

SCHEMA = pa.schema(
    [
        *required(task=pa.string(), space=pa.string(), query_id=pa.string(), group=pa.string()),
        *required(n_positives=pa.int64(), n_found=pa.int64(), n_ranked=pa.int64()),
        *((name, pa.float64()) for name in (*MEASURES, "recall_in_cluster")),
        *((f"chance_{name}", pa.float64()) for name in (*CHANCES, "r_precision")),
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
    outcomes = []
    rows = zip(queries, judged, placed, map(tuple, measures), neighbours_kept, strict=True)
    for query, judgement, found, values, share in rows:
        counts = judgement.n_positives, len(found.ranks), found.n_ranked
        own_first = judgement.own_positive and query.whole
        outcomes.append(Outcome(query.query_id, query.group, *counts, own_first, values, share))
    return outcomes


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
    counts = [(o.n_positives, o.n_found, o.n_ranked, o.own_first) for o in at_random or outcomes]
    columns: dict[str, Any] = {
        "task": [task] * len(outcomes),
        "space": [space] * len(outcomes),
        **{name: [getattr(o, name) for o in outcomes] for name in Outcome._fields if name in SCHEMA.names},
        **dict(zip(names, measures.T, strict=True)),
        **chance.levels(*np.array(counts, np.int64).reshape(-1, 4).T),
    }
    schema = schema_of(named)
    arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def schema_of(named: Sequence[str]) -> pa.Schema:
    """The columns where some measures are asked for by name."""
    return pa.schema([*SCHEMA, *(pa.field(name, pa.float64()) for name in named)])
