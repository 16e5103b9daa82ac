"""From a map's positions to int8: the projection that makes cosines between positions mean something.

A position is L2-normalised, the mean subtracted, turned into the first principal components, each divided by
its variance to the power ``p`` (0: as they are, .5: whitened), and L2-normalised again. int8 is round(127 * x
/ RANGE), clipped: no loss that can be measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from strata.base.checksums import check_file
from strata.base.errors import StrataError, one_line
from strata.base.files import write_arrays
from strata.descriptors.reduction import ZERO, fit_pca

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]

RANGE = 0.6  # the largest entry of a unit vector that int8 holds; larger ones are clipped
UNIT = 127 / RANGE  # length of a unit vector's codes
POSITIONS = 300  # of a picture that a fit looks at


@dataclass(frozen=True)
class Projection:
    """``mean`` (C,), ``axes`` (D, C) float32, scaled; ``fit_set`` names the collection it was
    fitted on, ``n`` counts the positions."""

    mean: Floats
    axes: Floats
    fit_set: str
    n: int


def sample_positions(map_: npt.NDArray[np.float16], seed: tuple[int, ...]) -> Floats:
    """At most POSITIONS unit positions of a (rows, columns, C) map, drawn from ``seed``."""
    flat: npt.NDArray[np.float16] = map_.reshape(-1, map_.shape[-1])
    if len(flat) > POSITIONS:
        flat = flat[np.sort(np.random.default_rng(seed).choice(len(flat), POSITIONS, replace=False))]
    return _unit(flat.astype(np.float32))


def fit_projection(samples: Iterable[Floats], dims: int, power: float, fit_set: str) -> Projection:
    """Fit on the (n, C) unit positions of every picture of the database (none of a query crop)."""
    rows = np.concatenate(list(samples))

    def blocks() -> Iterator[Floats]:
        yield rows

    pca = fit_pca(blocks, dims)
    seen = pca.explained_variance > ZERO * pca.explained_variance.max(initial=0.0)
    if not seen.any():
        raise StrataError(f"{fit_set}: every position of every map is the same; the layer says nothing")
    axes = pca.components[seen] / pca.explained_variance[seen, None] ** power
    axes /= np.abs(axes).max()
    return Projection(pca.mean.astype(np.float32), axes.astype(np.float32), fit_set, pca.n_rows)


def project(map_: npt.NDArray[np.float16], projection: Projection) -> Floats:
    """(..., C) -> (..., D) float32 unit vectors (zero where a position equals the mean)."""
    flat = _unit(map_.reshape(-1, map_.shape[-1]).astype(np.float32)) - projection.mean
    return _unit(np.asarray(flat @ projection.axes.T)).reshape(*map_.shape[:-1], -1)


def encode(vectors: Floats) -> Codes:
    """Unit vectors -> int8 codes."""
    codes: Codes = np.clip(np.rint(vectors * np.float32(UNIT)), -127, 127).astype(np.int8)
    return codes


def write_projection(path: Path, projection: Projection) -> None:
    """Write one ``.npz``."""
    fields = ("mean", "axes", "fit_set", "n")
    write_arrays(path, **{name: np.asarray(getattr(projection, name)) for name in fields})


def read_projection(path: Path) -> Projection:
    """Read what ``write_projection`` wrote; a missing or foreign file is a StrataError that names it."""
    check_file(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Projection(
                stored["mean"].astype(np.float32),
                stored["axes"].astype(np.float32),
                str(stored["fit_set"]),
                int(stored["n"]),
            )
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; it is written where a dense index is fitted") from None
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise StrataError(f"{path}: not a projection of a dense index ({one_line(error)})") from None


def _unit(rows: Floats) -> Floats:
    norms = np.sqrt(np.einsum("nc,nc->n", rows, rows))[:, None]
    return np.asarray(rows / np.where(norms > 0, norms, 1), np.float32)
