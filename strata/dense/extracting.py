"""What ``extract`` does for dense matching: maps of the pictures and templates of the queries, on disk.

Everything the network says of a detail is computed here: the stages behind it project, match and search
without one. What the store has is not computed again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.files import make_in_place, write_json
from strata.base.track import Track, no_track
from strata.collection.tables import Tables
from strata.dense.asking import Asked, asked_boxes, database_source, decoded_pictures
from strata.dense.building import Source, compute_maps, keep_made, lay_out_maps, map_shapes
from strata.dense.kept import KeptMaps, Shape, missing_maps, read_maps
from strata.dense.params import CONTEXT, DenseParams
from strata.dense.raw_maps import LAYERS, write_templates
from strata.dense.tower import DenseTower, DenseView, layer_tower, load_network
from strata.extraction.kernels import computed_with
from strata.extraction.network import network_name
from strata.maps.store import HOW
from strata.models.loading import LoadedModel

ITEM_BYTES = 2  # float16


@dataclass(frozen=True)
class DenseRequest:
    """Which ``layers``, seen how, looked for how. ``every``: those without a map are left out."""

    layers: Sequence[str]
    every: bool
    view: DenseView
    params: DenseParams


def extract_dense(
    folder: Path,
    tables: Tables,
    rows: pa.Table,
    request: DenseRequest,
    *,
    store: Path,
    device: str,
    track: Track = no_track,
    announce: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Write ``FOLDER/LAYER`` (see ``raw_maps``) for each layer and return their names.

    rows : ``rows.parquet`` of the features, for the pictures that could be decoded. ``announce`` is told how
    many bytes it will take before anything is computed. StrataError of one line: a layer without a map, a box
    that is none, a disk too small.
    """
    pictures = decoded_pictures(tables, rows)
    source, towers = database_source(pictures), _open_towers(request, store, device)

    def fill(to: Path) -> None:
        for name, tower in towers.items():
            asked = asked_boxes(tables, pictures, tower, request.params)
            maps, cuts = _kept(tower, request.view.precision, store)
            _announce(name, to, source, tower, asked, maps, cuts, announce)
            lost = compute_maps(source, tower, maps, track)
            lay_out_maps(to / name, source.without(lost), tower, maps)
            _templates(to / name, asked, tower, cuts, track)
        write_json(to / LAYERS, list(towers))

    make_in_place(folder, fill)
    return list(towers)


def map_key(tower: DenseTower, precision: str) -> dict[str, Any]:
    """All that decides a map but its shape and what part of a picture it is of; see
    ``extraction.network.space_key``."""
    model, own = tower.model, tower.pixel_norm == "model"
    return {
        "network": network_name(model),
        "weights": model.sha256,
        "module": tower.tap.module,
        "stride": tower.stride,
        "interpolation": model.interpolation,
        "mean": list(model.mean) if own else None,
        "std": list(model.std) if own else None,
        "precision": precision,
        HOW: computed_with(model, 1, 1),
    }


def _kept(tower: DenseTower, precision: str, store: Path) -> tuple[KeptMaps, KeptMaps]:
    """Where the maps of pictures are, and those of boxes (the shape of a picture's map says its scale)."""
    key, channels = map_key(tower, precision), tower.tap.channels
    return (
        KeptMaps(store, {**key, "of": "picture"}, channels),
        KeptMaps(store, {**key, "of": f"box and {CONTEXT} cells around it"}, channels),
    )


def _open_towers(request: DenseRequest, store: Path, device: str) -> dict[str, DenseTower]:
    if not request.layers:
        return {}
    model = load_network(request.view, device, store / "weights.tsv")
    towers = {name: _open_tower(model, name, request) for name in request.layers}
    return {name: tower for name, tower in towers.items() if tower is not None}


def _open_tower(model: LoadedModel, name: str, request: DenseRequest) -> DenseTower | None:
    try:
        return layer_tower(model, name, request.view)
    except StrataError:
        if request.every:
            return None
        raise


def _templates(folder: Path, asked: Sequence[Asked], tower: DenseTower, kept: KeptMaps, track: Track) -> None:
    """Compute what the store lacks of the queries' templates, and lay all of them out."""
    named = [(one, name, shape) for one in asked for name, shape in one.templates()]
    shapes = {name: shape for _, name, shape in named}
    lacking = set(missing_maps(kept, shapes))
    again = [one for one in asked if any(name in lacking for name, _ in one.templates())]
    keep_made(kept, tower, lambda own, one: one.make(own), again, track)
    places: dict[str, list[int]] = {}
    for place, (_, name, _) in enumerate(named):
        places.setdefault(name, []).append(place)
    found = ((place, map_) for name, map_ in read_maps(kept, shapes) for place in places[name])
    every = np.array([shape for *_, shape in named], np.int64).reshape(-1, 2)
    write_templates(folder, [one.query_id for one, *_ in named], every, kept.channels, found)


def _announce(
    name: str,
    out: Path,
    source: Source,
    tower: DenseTower,
    asked: Sequence[Asked],
    maps: KeptMaps,
    cuts: KeptMaps,
    announce: Callable[[str], None],
) -> None:
    """Say what a layer takes and what of it is to be computed; StrataError where it does not fit."""
    shapes = map_shapes(source, tower)
    of_boxes = {key: shape for one in asked for key, shape in one.templates()}
    lacking = {key: shapes[key] for key in missing_maps(maps, shapes)}
    boxes = {key: of_boxes[key] for key in missing_maps(cuts, of_boxes)}
    new = _bytes(lacking, tower) + _bytes(boxes, tower)
    total = _bytes(shapes, tower) + _bytes(of_boxes, tower)
    for where, needed in ((out, total), (maps.root, new)):
        where.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(where).free
        both = os.stat(out).st_dev == os.stat(maps.root).st_dev
        if (total + new if both else needed) > free:
            raise StrataError(
                f"{where}: about {needed / 2**30:.2f} GiB of dense maps do not fit, {free / 2**30:.2f} GiB "
                "are free; make room, or lower dense.size_px"
            )
    if new:
        announce(
            f"dense maps of {name}: {len(lacking)} of {len(shapes)} pictures and {len(boxes)} templates to "
            f"compute; about {total / 2**20:.0f} MiB of maps, {new / 2**20:.0f} MiB more in the store"
        )


def _bytes(shapes: Mapping[str, Shape], tower: DenseTower) -> int:
    cells = sum(rows * columns for rows, columns in shapes.values())
    return cells * tower.tap.channels * ITEM_BYTES
