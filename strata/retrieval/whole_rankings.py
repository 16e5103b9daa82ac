"""Rankings of any depth, as others score them: what takes no rank is left out, the rest stands in order.

The scores and their order are those that ``query_blocks`` judges; nothing here judges them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from strata.base.threads import one_blas_thread
from strata.retrieval.detection import most_left_out
from strata.retrieval.matching import Detections, bytes_a_score, match_queries
from strata.retrieval.queries import Positions, Query, QuerySet, Task
from strata.retrieval.query_blocks import Search, post_processed
from strata.retrieval.ranking import Near, Ranked
from strata.retrieval.similarity import queries_per_block


class WholeRanking(NamedTuple):
    """One query's ranking in one task; ``detections``: its best boxes, None where there is none to find."""

    task: Task
    query: Query
    near: Near
    detections: Detections | None


def whole_rankings(search: Search, query_set: QuerySet, depth: int | None = None) -> Iterator[WholeRanking]:
    """The first ``depth`` pictures (None: all) of every query and task, query by query."""
    queries, tasks = query_set.queries, query_set.tasks
    search = post_processed(search, queries)
    step = queries_per_block(
        len(search.database.image_ids), search.params.budget_mib, bytes_a_score(search.matcher)
    )
    left_out = max((most_left_out(task, len(queries)) for task in tasks if task.boxes), default=None)
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        with one_blas_thread():
            found = match_queries(search.layer.full, search.matcher, block, left_out)
        for row, query in enumerate(block):
            ranking = Ranked(found.scores[row])
            for task in tasks:
                judged = task.judge(start + row)
                boxes = None
                if search.matcher is not None and query.boxed and task.boxes:
                    boxes = found.detections(row, np.union1d(judged.skipped, query.own))
                yield WholeRanking(task, query, _ranked(ranking, judged.skipped, depth), boxes)


def _ranked(ranking: Ranked, skipped: Positions, depth: int | None) -> Near:
    wanted = ranking.n_ranked if depth is None else depth + len(skipped)
    places, scores = ranking.best(wanted)
    kept = np.isin(places, skipped, invert=True)
    return Near(places[kept][:depth], scores[kept][:depth])
