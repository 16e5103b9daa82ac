"""Whitening of unit vectors, by PCA or from matching pairs: fit, apply, store, and refuse a foreign one.

P = diag(eigenvalues)^(-1/2) V^T (Jegou and Chum 2012). Directions whose eigenvalue is below
``EIGENVALUE_FLOOR`` of the largest are cut off: dividing by a variance that was not measured would only
amplify rounding noise, so a whitened vector can be shorter than its input (always when fewer rows than
dimensions were seen).

From matching pairs (Mikolajczyk and Matas 2007; ``whitenlearn`` of cnnimageretrieval-pytorch): S is the
covariance of the pairs' differences, P = U^T S^(-1/2) with U the directions of most variance after S^(-1/2).
What differs within pairs is shrunk, what differs between pictures is kept, the most telling direction first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from strata.base.checksums import check_file
from strata.base.errors import StrataError, one_line
from strata.base.files import write_arrays
from strata.base.threads import one_blas_thread
from strata.descriptors.reduction import Blocks, fit_pca

Floats = npt.NDArray[np.float32]
Unit = Literal["regions", "descriptors"]

EIGENVALUE_FLOOR = 1e-6
ENOUGH = 10  # vectors a dimension: with fewer, rare noise is blown up to the size of what matters
SAMPLE = 100_000  # vectors a fit looks at; more change nothing but the time
OWN_DATABASE = "database (transductive)"


@dataclass(frozen=True)
class Whitening:
    """``mean`` (D,) and ``projection`` (D', D), float32, with what they were fitted on.

    ``fit_set`` names the collection, ``n`` counts the vectors (or the pairs), ``unit`` says what one was
    (R-MAC region vectors or whole descriptors), ``centered`` whether the database mean was subtracted before.
    """

    mean: Floats
    projection: Floats
    fit_set: str
    n: int
    unit: Unit
    centered: bool

    @property
    def is_thin(self) -> bool:
        """Were the vectors few for their dimensions? At n <= D all of them end up equally far apart."""
        return self.n < ENOUGH * len(self.mean)


def fit_whitening(blocks: Blocks, *, fit_set: str, unit: Unit, centered: bool) -> Whitening:
    """Fit on (n, D) blocks of L2-normalised vectors. StrataError when fewer than two differ."""
    pca = fit_pca(blocks)
    seen = pca.explained_variance > EIGENVALUE_FLOOR * pca.explained_variance.max(initial=0.0)
    if not seen.any():
        raise StrataError("pool.whiten = 'self' needs pictures that differ; all of them gave the same vector")
    projection = pca.components[seen] / np.sqrt(pca.explained_variance[seen])[:, None]
    return Whitening(
        pca.mean.astype(np.float32), projection.astype(np.float32), fit_set, pca.n_rows, unit, centered
    )


def fit_supervised_whitening(
    vectors: Floats, pairs: npt.NDArray[np.int64], *, fit_set: str, unit: Unit, centered: bool
) -> Whitening:
    """Fit on (N, D) L2-normalised vectors and (P, 2) places of two that match: a query and its positive.

    The mean is that of the pairs' first vectors, as in the reference program. Where that adds to the diagonal
    of an S that has no inverse, directions in which no pair differs are cut off. StrataError when all pairs
    are of equal vectors.
    """
    from scipy.linalg import eigh

    with one_blas_thread("scipy.linalg"):
        queries, positives = (np.asarray(vectors[places], np.float64) for places in pairs.T)
        differences = queries - positives
        spread, axes = eigh(differences.T @ differences / max(len(pairs), 1))
        seen = spread > EIGENVALUE_FLOOR * spread.max(initial=0.0)
        if not seen.any():
            raise StrataError(
                "a whitening needs matching pairs that differ; all of them are of equal vectors"
            )
        within = (axes[:, seen] / np.sqrt(spread[seen])).T
        mean = queries.mean(axis=0)
        moved = (vectors - mean) @ within.T
        directions = eigh(moved.T @ moved)[1].T[::-1]
        projection = (directions @ within).astype(np.float32)
    return Whitening(mean.astype(np.float32), projection, fit_set, len(pairs), unit, centered)


def apply_whitening(values: Floats, whitening: Whitening) -> Floats:
    """(..., D) -> (..., D') float32, not normalised; NaN rows stay NaN."""
    flat = values.reshape(-1, values.shape[-1]) - whitening.mean
    return np.asarray((flat @ whitening.projection.T).reshape(*values.shape[:-1], -1), dtype=np.float32)


def write_whitening(path: Path, whitening: Whitening) -> None:
    """Write one ``.npz``; the labels are unicode arrays (no pickled objects)."""
    fields = ("mean", "projection", "fit_set", "n", "unit", "centered")
    write_arrays(path, **{name: np.asarray(getattr(whitening, name)) for name in fields})


def read_whitening(path: Path) -> Whitening:
    """Read what ``write_whitening`` wrote; a missing or foreign file is a StrataError that names it."""
    check_file(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            unit: Unit = "regions" if str(stored["unit"]) == "regions" else "descriptors"
            return Whitening(
                stored["mean"].astype(np.float32),
                stored["projection"].astype(np.float32),
                str(stored["fit_set"]),
                int(stored["n"]),
                unit,
                bool(stored["centered"]),
            )
    except FileNotFoundError:
        raise StrataError(
            f"{path}: no such file; a run with pool.whiten=self and this layer, then "
            f"`python -m stages.export_whitening {path.parent.name}`, makes it"
        ) from None
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise StrataError(
            f"{path}: not a whitening made by stages.export_whitening ({one_line(error)})"
        ) from None


def check_whitening(whitening: Whitening, where: str, *, dimensions: int, unit: Unit, centered: bool) -> None:
    """Raise StrataError when ``whitening`` was fitted on another model's layer, pooling or centring."""
    if whitening.mean.shape != (dimensions,):
        raise StrataError(
            f"{where}: made for vectors of {len(whitening.mean)} dimensions, this layer has {dimensions}; "
            "export one from a run with the same model and layers"
        )
    if (whitening.unit, whitening.centered) != (unit, centered):
        raise StrataError(
            f"{where}: fitted on {_said(whitening.unit, whitening.centered)}, this run has "
            f"{_said(unit, centered)}; export one from a run with the same pooling and centring"
        )


def _said(unit: Unit, centered: bool) -> str:
    return f"{unit} with pool.center={str(centered).lower()}"
