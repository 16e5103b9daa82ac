"""Principal component analysis that reads its rows in blocks, exact and the same on every run.

All routes are exact (no random numbers): the covariance matrix when there are more rows than dimensions,
the singular value decomposition of the centred rows otherwise; ``fit_large_pca`` reads the rows once and uses
all cores, in float32 but for the sums. Signs are fixed by making the largest entry of every component
positive. What it does not do: incremental updates, sparse rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.base.files import write_arrays
from strata.base.threads import in_order, one_blas_thread
from strata.descriptors.vectors import read_vector_rows, vector_blocks, vector_width, write_vector_blocks
from strata.maps.features import database_rows

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Blocks = Callable[[], Iterable[Floats]]
"""Starts a pass over the rows: (n, D) blocks, the same ones on every call."""

STEP_ROWS = 8192  # turned into float64 at a time; a constant, because another blocking rounds differently
PARTS_READ_AHEAD = 8  # a row group's: they are worked on while the next group is being read
DOUBLE_ROWS = 100_000  # up to which ``reduce_vectors`` computes in float64 throughout
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
    with one_blas_thread("scipy.linalg"):
        mean, n_rows = _mean(blocks)
        dimensions = len(mean)
        keep = usable_components(components or dimensions, n_rows, dimensions)
        solve = _from_covariance if n_rows > dimensions else _from_rows
        axes, variance, total = solve(blocks, mean, n_rows, keep)
    return Pca(mean, _signed(axes), variance, _shares(variance, total), n_rows)


def fit_large_pca(blocks: Blocks, components: int) -> Pca:
    """PCA of more rows than dimensions, in one pass on all cores: products of float32 rows, added in float64.

    The rows are centred on the mean of their first block, and the covariance is set right at the end.
    Variances are exact to about 1e-7 of the largest: too little to whiten by.
    """
    with one_blas_thread("scipy.linalg"):
        rows = (block for block in blocks() if len(block))
        first = next(rows)
        origin = first.mean(axis=0, dtype=np.float64).astype(np.float32)
        scatter, total, n_rows = _moments(itertools.chain([first], rows), origin)
        away = total / n_rows
        covariance = (scatter - n_rows * np.outer(away, away)) / (n_rows - 1)
        keep = usable_components(components, n_rows, len(origin))
        axes, variance, whole = _largest(covariance, keep)
    return Pca(origin + away, _signed(axes), variance, _shares(variance, whole), n_rows)


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
            kept = database[start : start + len(block)]
            yield block if kept.all() else block[kept]
            start += len(block)

    n_pictures = int(database.sum())
    large = n_pictures > max(DOUBLE_ROWS, vector_width(path)) and not whiten
    pca = fit_large_pca(pictures, components) if large else fit_pca(pictures, components)
    reduced = (project(block, pca, whiten=whiten) for block in vector_blocks(path))
    write_vector_blocks(target / f"{name}.parquet", rows, len(pca.components), reduced)
    write_pca(target / f"{name}.npz", pca)
    return pca


def project(values: npt.ArrayLike, pca: Pca, *, whiten: bool) -> Floats:
    """(N, D) -> (N, K) float32 coordinates; with ``whiten`` each has unit variance on the fitted rows.

    A direction without variance gives 0 when whitened, not a division by nothing.
    """
    scale = np.ones_like(pca.explained_variance)
    if whiten:
        seen = pca.explained_variance > ZERO * pca.explained_variance.max(initial=0.0)
        scale = np.where(seen, 1 / np.sqrt(np.where(seen, pca.explained_variance, 1.0)), 0.0)
    axes = (pca.components * scale[:, None]).T.astype(np.float32)
    with one_blas_thread():
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
        raise StrataError(f"principal components need at least two pictures, not {n_rows}; add pictures")
    return total / n_rows, n_rows


def _steps(blocks: Iterable[Floats]) -> Iterator[Floats]:
    for block in blocks:
        for start in range(0, len(block), STEP_ROWS):
            yield block[start : start + STEP_ROWS]


def _from_covariance(blocks: Blocks, mean: Doubles, n_rows: int, keep: int) -> tuple[Doubles, Doubles, float]:
    covariance = np.zeros((len(mean), len(mean)))
    for rows in (step - mean for step in _steps(blocks())):
        covariance += rows.T @ rows
    covariance /= n_rows - 1
    return _largest(covariance, keep)


def _moments(blocks: Iterable[Floats], origin: Floats) -> tuple[Doubles, Doubles, int]:
    """(D, D) sum of the products and (D,) sum of the rows, measured from ``origin``; how many there are."""

    def work(rows: Floats) -> tuple[Floats, Floats, int]:
        moved = rows - origin
        return moved.T @ moved, moved.sum(axis=0), len(moved)

    parts = _steps(blocks)
    scatter, total, n_rows = np.zeros((len(origin), len(origin))), np.zeros(len(origin)), 0
    for products, sums, count in in_order(work, parts, waiting=PARTS_READ_AHEAD):
        scatter += products
        total += sums
        n_rows += count
    return scatter, total, n_rows


def _largest(covariance: Doubles, keep: int) -> tuple[Doubles, Doubles, float]:
    """The ``keep`` directions of most variance as rows, their variances, and the variance of all."""
    from scipy.linalg import eigh

    last = len(covariance) - 1
    values, vectors = eigh(covariance, subset_by_index=[last - keep + 1, last])
    return vectors.T[::-1], np.maximum(values[::-1], 0.0), float(np.trace(covariance))


def _from_rows(blocks: Blocks, mean: Doubles, n_rows: int, keep: int) -> tuple[Doubles, Doubles, float]:
    rows = np.concatenate([step - mean for step in _steps(blocks())])
    _, singular, axes = np.linalg.svd(rows, full_matrices=False)
    variance = singular**2 / (n_rows - 1)
    return axes[:keep], variance[:keep], float(variance.sum())


def _shares(variance: Doubles, total: float) -> Doubles:
    return variance / total if total > 0 else np.zeros_like(variance)


def _signed(axes: Doubles) -> Doubles:
    largest = np.abs(axes).argmax(axis=1)
    signs = np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)
    return np.asarray(axes * signs[:, None])
