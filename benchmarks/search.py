"""Exact search among a million vectors: ours against faiss and against the matrix product alone."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.pairing import paired, timed
from benchmarks.results import Result, Row, time_row
from benchmarks.settings import Settings
from strata.base.threads import cores, one_blas_thread
from strata.retrieval.search import find_nearest
from strata.retrieval.similarity import VectorIndex, build_index

VECTORS, WIDTH, QUERIES, NEIGHBOURS = 1_000_000, 512, 1000, 100
BUDGET_MIB = 256  # the default of retrieve.budget_mib
CHUNK = 65_536  # pictures in one product of the limit
SAME = 1e-5  # similarities this close may change places
SEED = 20
FAISS = "faiss IndexFlatIP"
REMARK = (
    f"The {NEIGHBOURS} nearest of {QUERIES:,} queries among {VECTORS:,} unit vectors of {WIDTH} float32 "
    "(500 loose groups), both indices in memory, all cores; the similarities found are compared first. "
    f"Ours holds {BUDGET_MIB} MiB beside the vectors (retrieve.budget_mib), settles near-ties in float64 and "
    "gives the same bits on any number of cores. *Product alone*: every query times every vector in "
    "float32, nothing kept."
)

Floats = npt.NDArray[np.float32]


def run(settings: Settings) -> Result:
    """Search both ways; without faiss only against the product."""
    count, queries = (5000, 20) if settings.small else (VECTORS, QUERIES)
    vectors = grouped_vectors(count)
    index = build_index(vectors, "cosine", np.ones(count, np.bool_))
    rows = np.linspace(0, count - 1, queries).astype(np.int64)

    def ours() -> Floats:
        with one_blas_thread():  # as retrieve does: its threads are its own
            return np.stack([near.scores for near in find_nearest(index, rows, NEIGHBOURS, BUDGET_MIB)])

    case = f"{queries:,} queries, {count:,} vectors, k = {NEIGHBOURS}"
    against = _against_faiss(case, index, rows, ours, settings.rounds)
    product = timed(lambda: _product_alone(vectors, rows))
    limit = time_row(case, "product alone", paired(timed(ours), product, settings.rounds))
    return Result("Exact search", (against, limit), (REMARK,))


def grouped_vectors(count: int) -> Floats:
    """(count, WIDTH) unit vectors around 500 centres."""
    rng = np.random.default_rng(SEED)
    centres = rng.standard_normal((500, WIDTH), dtype=np.float32)
    vectors = rng.standard_normal((count, WIDTH), dtype=np.float32)
    vectors += centres[rng.integers(500, size=count)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _against_faiss(
    case: str, index: VectorIndex, rows: npt.NDArray[np.int64], ours: Callable[[], Floats], rounds: int
) -> Row:
    if importlib.util.find_spec("faiss") is None:
        note = "not installed: pip install -r benchmarks/requirements.txt"
        return Row(case, FAISS, None, None, "s", note=note)
    import faiss

    faiss.omp_set_num_threads(cores())
    flat = faiss.IndexFlatIP(WIDTH)
    flat.add(index.vectors)
    queries = index.vectors[rows]
    found = flat.search(queries, NEIGHBOURS)[0]
    if not np.allclose(ours(), found, rtol=0, atol=SAME):
        raise ValueError("faiss finds other neighbours")
    theirs = timed(lambda: flat.search(queries, NEIGHBOURS))
    return time_row(case, FAISS, paired(timed(ours), theirs, rounds), 1)


def _product_alone(vectors: Floats, rows: npt.NDArray[np.int64]) -> None:
    queries = vectors[rows]
    for start in range(0, len(vectors), CHUNK):
        np.matmul(queries, vectors[start : start + CHUNK].T)
