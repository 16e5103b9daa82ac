"""What the stage ``index`` does: a projection, the codes of the pictures and those of the queries' templates.

Reads what ``extracting`` wrote. ``FOLDER/LAYER`` becomes an ``index`` with ``templates.npy`` and
``templates.parquet`` (see ``raw_maps``; int8, projected and weighted) and ``projection.npz``, which another
collection may use.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from strata.base.errors import StrataError
from strata.base.files import read_json
from strata.base.threads import in_order, one_blas_thread
from strata.dense.index import write_index
from strata.dense.params import DenseParams
from strata.dense.projection import (
    Floats,
    Projection,
    fit_projection,
    read_projection,
    sample_positions,
    write_projection,
)
from strata.dense.raw_maps import LAYERS, RawMaps, open_raw_maps, open_templates, write_templates
from strata.dense.weights import encode_template

SELF = "self"
OWN_DATABASE = "database (transductive)"
PROJECTION = "projection.npz"
FIT_PICTURES = 2000  # drawn from a larger collection; of 128 channels their samples take 300 MB


def index_layer(
    folder: Path, maps: Path, layer: str, params: DenseParams, fit: str, projections: Path
) -> RawMaps:
    """Index the ``layer`` of the dense ``maps`` into ``folder``.

    fit : ``self``, or the folder of ``projections`` that has another collection's projection of this layer.
    """
    raw, cuts = open_raw_maps(maps / layer), open_templates(maps / layer)
    with one_blas_thread():
        projection = _projection(raw, layer, params, fit, projections)
        build_index(folder / layer, raw, projection)
        codes = in_order(
            lambda place: (place, encode_template(cuts.maps[place], projection, params.focus)),
            range(len(cuts.maps)),
        )
        owners = [query for query, own in cuts.places.items() for _ in range(own.start, own.stop)]
        write_templates(folder / layer, owners, cuts.maps.shapes, len(projection.axes), codes, "|i1")
    write_projection(folder / layer / PROJECTION, projection)
    return raw


def indexed_layers(folder: Path) -> list[str]:
    """The layers that have an index."""
    names: list[str] = read_json(folder / LAYERS)
    return names


def fit_on_maps(raw: RawMaps, *, dims: int, power: float, seed: int, fit_set: str) -> Projection:
    """A projection fitted on seeded positions of the collection's own maps, FIT_PICTURES at most."""
    places = {sha256: place for place, sha256 in enumerate(raw.sha256)}
    hashes = sorted(places)
    if len(hashes) > FIT_PICTURES:
        drawn = np.random.default_rng(seed).choice(len(hashes), FIT_PICTURES, replace=False)
        hashes = [hashes[number] for number in sorted(drawn.tolist())]
    samples: list[Floats] = [
        sample_positions(raw.maps[places[sha256]], (seed, int(sha256[:12], 16))) for sha256 in hashes
    ]
    return fit_projection(samples, dims, power, fit_set)


def build_index(folder: Path, raw: RawMaps, projection: Projection) -> None:
    """Write the index of the maps: nothing is decoded."""
    maps = ((place, raw.maps[place]) for place in range(len(raw.ids)))
    write_index(folder, raw.ids, raw.sizes, raw.maps.shapes, maps, projection)


def _projection(raw: RawMaps, layer: str, params: DenseParams, fit: str, projections: Path) -> Projection:
    channels = raw.maps.values.shape[1]
    if fit == SELF:
        return fit_on_maps(
            raw, dims=params.dims, power=params.whiten_power, seed=params.seed, fit_set=OWN_DATABASE
        )
    path = projections / fit / f"{layer}.npz"
    given = read_projection(path)
    if len(given.mean) != channels:
        raise StrataError(
            f"{path}: made for maps of {len(given.mean)} channels, this layer has {channels}; export one "
            "from a run with the same model and layers"
        )
    return given
