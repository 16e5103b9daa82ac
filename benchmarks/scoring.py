"""Average precision of many queries from their similarities: ours against Python loops a query at a time.

The loops are those of the revisited benchmarks' published script, which sorts all similarities, looks for
every positive and every junk picture among all ranks and walks through both lists; written anew here from its
protocol (Radenovic et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import numpy.typing as npt

from benchmarks.pairing import paired, timed
from benchmarks.results import Result, rate_row
from benchmarks.settings import Settings
from strata.base.threads import in_order
from strata.measures.average_precision import measure_rankings
from strata.measures.measure_names import MEASURES
from strata.retrieval.judging import QUERIES_A_PART
from strata.retrieval.queries import Judgement
from strata.retrieval.ranking import Placed, Ranked

Places = npt.NDArray[np.int64]

PICTURES, QUERIES = 100_000, 200
POSITIVES, JUNK = 50, 25
AP = MEASURES.index("ap_trapezoid")
SEED = 20
REMARK = (
    f"{QUERIES} queries x {PICTURES:,} pictures a round ({POSITIVES} positives, {JUNK} junk each), from "
    "similarities in memory to every query's AP, equal to 1e-9; ours gives the nine other measures as well. "
    "*Python loops*: a full sort, two searches through all ranks and a walk through the positives, a query "
    "at a time, as the revisited benchmarks' script does it: there a picture's similarities with all queries "
    "lie side by side (N x Q). *The same, Q x N*: with a query's side by side, as ours has them."
)


@dataclass(frozen=True)
class Problem:
    """``similarities`` (Q, N) float32; ``positives``, ``junk``: sorted positions a query."""

    similarities: npt.NDArray[np.float32]
    positives: list[Places]
    junk: list[Places]


def run(settings: Settings) -> Result:
    """Score the same similarities both ways."""
    problem = make_problem(*((4, 2000) if settings.small else (QUERIES, PICTURES)))
    judged = [_judgement(good, bad) for good, bad in zip(problem.positives, problem.junk, strict=True)]
    ours = score(problem.similarities, judged)[:, AP]
    case = f"AP of queries over {problem.similarities.shape[1]:,} pictures"
    rows = []
    for peer, axis in (("Python loops", 0), ("the same, Q x N", 1)):
        laid_out = np.ascontiguousarray(problem.similarities.T) if axis == 0 else problem.similarities
        loops = partial(score_by_loops, laid_out, problem.positives, problem.junk, pictures_axis=axis)
        if not np.allclose(ours, loops(), rtol=0, atol=1e-9):
            raise ValueError("the two do not agree about the APs")
        pair = paired(timed(partial(score, problem.similarities, judged)), timed(loops), settings.rounds)
        rows.append(rate_row(case, peer, pair, len(judged), "queries/s", 50))
    return Result("Scoring", tuple(rows), (REMARK,))


def make_problem(n_queries: int, n_pictures: int) -> Problem:
    """Similarities in random order, no two alike (the loops leave the order of ties open); positives are
    lifted past three tenths of the pictures."""
    rng = np.random.default_rng(SEED)
    similarities = rng.permuted(np.tile(np.arange(n_pictures, dtype=np.float32), (n_queries, 1)), axis=1)
    positives, junk = [], []
    for row in similarities:
        chosen = rng.choice(n_pictures, POSITIVES + JUNK, replace=False)
        positives.append(np.sort(chosen[:POSITIVES]))
        junk.append(np.sort(chosen[POSITIVES:]))
        row[positives[-1]] += 0.3 * n_pictures + 0.5
    return Problem(similarities, positives, junk)


def score(similarities: npt.NDArray[np.float32], judged: Sequence[Judgement]) -> npt.NDArray[np.float64]:
    """(Q, 10) all measures, as ``retrieve`` computes them."""

    def place(queries: range) -> list[Placed]:
        return [Ranked(similarities[query]).place(judged[query]) for query in queries]

    starts = range(0, len(judged), QUERIES_A_PART)
    parts = in_order(place, [range(start, min(start + QUERIES_A_PART, len(judged))) for start in starts])
    placed = list(chain.from_iterable(parts))
    return measure_rankings([found.ranks for found in placed], [one.n_positives for one in judged])


def _judgement(positives: Places, junk: Places) -> Judgement:
    none = np.zeros(0, np.int64)
    return Judgement(positives, len(positives), None, junk, junk, none, False)


def score_by_loops(
    similarities: npt.NDArray[np.float32],
    positives: Sequence[Places],
    junk: Sequence[Places],
    *,
    pictures_axis: int,
) -> list[float]:
    """Trapezoid AP of every query; ``positives`` and ``junk``: positions of each.

    similarities : (Q, N) with ``pictures_axis`` 1, or (N, Q) with 0, as the published script has them.
    """
    order = np.moveaxis(np.argsort(-similarities, axis=pictures_axis), pictures_axis, 1)
    return [
        _average_precision(_ranks(row, good), _ranks(row, bad), len(good))
        for row, good, bad in zip(order, positives, junk, strict=True)
    ]


def _ranks(order: Places, wanted: Places) -> list[int]:
    found: list[int] = np.arange(len(order))[np.isin(order, wanted)].tolist()
    return found


def _average_precision(ranks: list[int], junk: list[int], n_positives: int) -> float:
    area, before = 0.0, 0
    for found, rank in enumerate(ranks):
        while before < len(junk) and junk[before] < rank:
            before += 1
        place = rank - before
        left = 1.0 if place == 0 else found / place
        right = (found + 1) / (place + 1)
        area += (left + right) / 2
    return area / n_positives
