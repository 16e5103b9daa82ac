"""KMeans of collections too large for scikit-learn's: Lloyd's algorithm on a sample, on all cores.

By hand, because scikit-learn's k-means++ alone takes longer than all of this, and faiss is a dependency.
The rules of thumb are faiss's (256 rows a cluster teach as much as all of them), the starts k-means++ on ten
rows a cluster. scikit-learn adds up its centres a thread at a time, so its result depends on the number of
cores; here the parts are added in their own order, and the bits do not.

``|x - c|^2 = |x|^2 - 2 (x c - |c|^2 / 2)`` in float32: the rows should lie around zero, as PCA leaves them.
What it does not do: move a centre that lost its last row; it stays where it was.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from strata.base.threads import in_order, one_blas_thread

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

ROWS_PER_CLUSTER = 256  # that the centres are fitted on
FEWEST_ROWS = 50_000
START_ROWS_PER_CLUSTER = 10  # that k-means++ picks the first centres from; its time is theirs times k
FEWEST_START_ROWS = 5_000
ITERATIONS = 25
ENOUGH = 2e-4  # share of the inertia: an iteration that gains less is the last
PART_ROWS = 4096  # a constant: another partition rounds otherwise


def fit_rows(n_rows: int, k: int) -> int:
    """How many of ``n_rows`` the centres are fitted on."""
    return min(n_rows, max(FEWEST_ROWS, ROWS_PER_CLUSTER * k))


def start_rows(n_rows: int, k: int) -> int:
    """How many of ``n_rows`` k-means++ picks the first centres from."""
    return min(n_rows, max(FEWEST_START_ROWS, START_ROWS_PER_CLUSTER * k))


def fit_centres(values: Floats, k: int, *, seed: int, restarts: int) -> Floats:
    """(K, D) centres of ``values`` (N, D), K <= N: of ``restarts`` fits the one of least inertia."""
    random = np.random.default_rng(seed)
    sample = _drawn(values, fit_rows(len(values), k), random)
    with one_blas_thread("sklearn.cluster"):
        fits = (_lloyd(sample, _start(sample, k, random)) for _ in range(restarts))
        return min(fits, key=lambda fit: fit[1])[0]


def nearest(values: Floats, centres: Floats) -> tuple[Integers, Floats]:
    """(N,) the nearest centre of every row, the first of equals, and (N,) the Euclidean distance to it."""
    labels = np.empty(len(values), np.int32)
    distances = np.empty(len(values), np.float32)
    halves = _squares(centres) / 2

    def work(rows: slice) -> tuple[slice, Integers, Floats]:
        part = values[rows]
        scores = part @ centres.T
        scores -= halves
        own = scores.argmax(axis=1)
        return rows, own.astype(np.int32), np.linalg.norm(part - centres[own], axis=1)

    with one_blas_thread():
        for rows, own, away in in_order(work, _parts(len(values))):
            labels[rows], distances[rows] = own, away
    return labels, distances


def _lloyd(values: Floats, centres: Floats) -> tuple[Floats, float]:
    """Better centres, and the inertia of the rows around the ones before the last step."""
    squares, inertia = float(_squares(values).sum(dtype=np.float64)), np.inf
    for _ in range(ITERATIONS):
        sums, sizes, scores = _gathered(values, centres)
        found = squares - 2 * scores
        means = sums / np.maximum(sizes, 1)[:, None]
        centres = np.where(sizes[:, None] > 0, means, centres).astype(np.float32)
        gain, inertia = inertia - found, found
        if gain < ENOUGH * inertia:
            break
    return centres, inertia


def _gathered(
    values: Floats, centres: Floats
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], float]:
    """(K, D) sum and (K,) number of the rows nearest to every centre; the sum of x c - |c|^2 / 2 over all."""
    from scipy.sparse import csr_array

    k, halves = len(centres), _squares(centres) / 2

    def work(rows: slice) -> tuple[Floats, npt.NDArray[np.int64], float]:
        part = values[rows]
        scores = part @ centres.T
        scores -= halves
        own = scores.argmax(axis=1)
        best = np.take_along_axis(scores, own[:, None], axis=1)
        ones = np.ones(len(part), np.float32)
        members = csr_array((ones, own, np.arange(len(part) + 1)), shape=(len(part), k))
        return members.T @ part, np.bincount(own, minlength=k), float(best.sum(dtype=np.float64))

    sums, sizes, scores = np.zeros(centres.shape), np.zeros(k, np.int64), 0.0
    for part_sums, part_sizes, part_scores in in_order(work, _parts(len(values))):
        sums += part_sums
        sizes += part_sizes
        scores += part_scores
    return sums, sizes, scores


def _start(values: Floats, k: int, random: np.random.Generator) -> Floats:
    """(K, D) rows of ``values`` chosen by k-means++ (Arthur and Vassilvitskii 2007)."""
    from sklearn.cluster import kmeans_plusplus

    rows = _drawn(values, start_rows(len(values), k), random)
    rows = rows.astype(np.float64)  # float32 takes twice the time
    centres, _ = kmeans_plusplus(rows, k, random_state=int(random.integers(2**31)))
    return np.asarray(centres, dtype=np.float32)


def _drawn(values: Floats, wanted: int, random: np.random.Generator) -> Floats:
    if wanted >= len(values):
        return values
    return values[np.sort(random.choice(len(values), wanted, replace=False))]


def _squares(values: Floats) -> Floats:
    return np.asarray(np.einsum("nd,nd->n", values, values), dtype=np.float32)


def _parts(n_rows: int) -> Iterator[slice]:
    return (slice(start, min(start + PART_ROWS, n_rows)) for start in range(0, n_rows, PART_ROWS))
