"""Principal component analysis that reads its rows in blocks, exact and the same on every run.

Both routes are exact (no random numbers): the covariance matrix when there are more rows than dimensions,
the singular value decomposition of the centred rows otherwise. Signs are fixed by making the largest entry of
every component positive. What it does not do: incremental updates, sparse rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from strata.errors import StrataError
from strata.features import database_rows
from strata.files import write_arrays
from strata.vector_blocks import read_vector_rows, vector_blocks, write_vector_blocks

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Blocks = Callable[[], Iterable[Floats]]
"""Starts a pass over the rows: (n, D) blocks, the same ones on every call."""

STEP_ROWS = (
    8192  # rows turned into float64 at a time; a constant, because another blocking rounds differently
)
ZERO = 1e-10  # share of the largest variance below which a direction holds rounding noise alone


@dataclass(frozen=True)
class Pca:
    """``mean`` (D,), ``components`` (K, D) orthonormal rows, ``explained_variance`` (K,) with n - 1 degrees,
    ``explained_variance_ratio`` (K,) of the total variance, all float64; fitted on ``n_rows`` rows.
    """

    mean: Doubles
    components: Doubles
    explained_variance: Doubles
    explained_variance_ratio: Doubles
    n_rows: int


def usable_components(components: int, n_rows: int, dimensions: int) -> int:
    """``components`` clipped: n centred rows span at most n - 1 directions."""
    return min(components, n_rows - 1, dimensions)


def fit_pca(blocks: Blocks, components: int | None = None) -> Pca:
    """PCA of the rows of ``blocks``; ``components`` None keeps all that the rows can have.

    Raises StrataError when there are fewer than two rows.
    """
    import scipy.linalg  # noqa: F401 - before the limit, which does not see a BLAS that is loaded later
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # sums differ in the last bits between one thread and two
        mean, n_rows = _mean(blocks)
        dimensions = len(mean)
        keep = usable_components(components or dimensions, n_rows, dimensions)
        solve = _from_covariance if n_rows > dimensions else _from_rows
        axes, variance, total = solve(blocks, mean, n_rows, keep)
    ratio = variance / total if total > 0 else np.zeros_like(variance)
    return Pca(mean, _signed(axes), variance, ratio, n_rows)


def reduce_vectors(source: Path, target: Path, name: str, *, components: int, whiten: bool) -> Pca:
    """Reduce ``SOURCE/NAME.parquet`` to ``TARGET/NAME.parquet``, all rows, and write ``TARGET/NAME.npz``.

    Fitted on the database rows; query rows are only projected. Returns what was fitted.
    """
    path = source / f"{name}.parquet"
    rows = read_vector_rows(path)
    database = database_rows(rows)

    def pictures() -> Iterator[Floats]:
        start = 0
        for block in vector_blocks(path):
            yield block[database[start : start + len(block)]]
            start += len(block)

    pca = fit_pca(pictures, components)
    reduced = (project(block, pca, whiten=whiten) for block in vector_blocks(path))
    write_vector_blocks(target / f"{name}.parquet", rows, len(pca.components), reduced)
    write_pca(target / f"{name}.npz", pca)
    return pca


def project(values: npt.ArrayLike, pca: Pca, *, whiten: bool) -> Floats:
    """(N, D) -> (N, K) float32 coordinates; with ``whiten`` each has unit variance on the fitted rows.

    A direction without variance gives 0 when whitened, not a division by nothing.
    """
    from threadpoolctl import threadpool_limits

    scale = np.ones_like(pca.explained_variance)
    if whiten:
        seen = pca.explained_variance > ZERO * pca.explained_variance.max(initial=0.0)
        scale = np.where(seen, 1 / np.sqrt(np.where(seen, pca.explained_variance, 1.0)), 0.0)
    axes = (pca.components * scale[:, None]).T.astype(np.float32)
    with threadpool_limits(limits=1):
        return np.asarray((np.asarray(values) - pca.mean.astype(np.float32)) @ axes, dtype=np.float32)


def write_pca(path: Path, pca: Pca) -> None:
    """Write mean, components, explained_variance and explained_variance_ratio as one float32 ``.npz``."""
    names = ("mean", "components", "explained_variance", "explained_variance_ratio")
    write_arrays(path, **{name: getattr(pca, name).astype(np.float32) for name in names})


def _mean(blocks: Blocks) -> tuple[Doubles, int]:
    total, n_rows = None, 0
    for block in blocks():
        part = block.sum(axis=0, dtype=np.float64)
        total = part if total is None else total + part
        n_rows += len(block)
    if total is None or n_rows < 2:
        raise StrataError(
            f"principal components need at least two pictures, there are {n_rows}; add pictures"
        )
    return total / n_rows, n_rows


def _centred(blocks: Blocks, mean: Doubles) -> Iterable[Doubles]:
    for block in blocks():
        for start in range(0, len(block), STEP_ROWS):
            yield block[start : start + STEP_ROWS] - mean


def _from_covariance(blocks: Blocks, mean: Doubles, n_rows: int, keep: int) -> tuple[Doubles, Doubles, float]:
    from scipy.linalg import eigh

    covariance = np.zeros((len(mean), len(mean)))
    for rows in _centred(blocks, mean):
        covariance += rows.T @ rows
    covariance /= n_rows - 1
    values, vectors = eigh(covariance, subset_by_index=[len(mean) - keep, len(mean) - 1])
    return vectors.T[::-1], np.maximum(values[::-1], 0.0), float(np.trace(covariance))


def _from_rows(blocks: Blocks, mean: Doubles, n_rows: int, keep: int) -> tuple[Doubles, Doubles, float]:
    rows = np.concatenate(list(_centred(blocks, mean)))
    _, singular, axes = np.linalg.svd(rows, full_matrices=False)
    variance = singular**2 / (n_rows - 1)
    return axes[:keep], variance[:keep], float(variance.sum())


def _signed(axes: Doubles) -> Doubles:
    largest = np.abs(axes).argmax(axis=1)
    signs = np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)
    return np.asarray(axes * signs[:, None])
