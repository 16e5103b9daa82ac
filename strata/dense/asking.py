"""The queries of a data set as boxes on pictures: which templates each becomes, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.errors import StrataError, one_line
from strata.collection.tables import BOX, Tables
from strata.dense.building import Made, Source
from strata.dense.kept import Shape
from strata.dense.params import DenseParams
from strata.dense.templates import Cut, cut_maps, template_cuts
from strata.dense.tower import DenseTower
from strata.extraction.decoding import read_seen
from strata.maps.geometry import Box
from strata.maps.views import Picture, decode_picture


@dataclass(frozen=True)
class Asked:
    """A query's box on a picture; ``cuts``: the templates it becomes, each mirrored too if ``mirror``."""

    query_id: str
    path: str
    sha256: str
    box: Box
    cuts: Sequence[Cut]
    mirror: bool

    def templates(self) -> list[tuple[str, Shape]]:
        """Names in the store, and shapes, in their order."""
        twins = ("", ":mirrored") if self.mirror else ("",)
        return [(f"{self._of(cut)}{twin}", cut.shape) for cut in self.cuts for twin in twins]

    def make(self, tower: DenseTower) -> Made:
        """All its templates, by their names."""
        picture = decode_picture(read_seen(self.path, self.sha256))
        maps = [
            map_ for cut in self.cuts for map_ in cut_maps(tower, picture, self.box, cut.cells, self.mirror)
        ]
        return [(name, map_) for (name, _), map_ in zip(self.templates(), maps, strict=True)]

    def _of(self, cut: Cut) -> str:
        return f"{self.sha256}:{','.join(map(repr, self.box))}:{cut.cells}"


def decoded_pictures(tables: Tables, rows: pa.Table) -> pa.Table:
    """The pictures that have a row in ``rows.parquet``: image_id, path, sha256, width, height, kind."""
    pictures = rows.filter(pc.not_equal(rows["kind"], "query")).select(["image_id", "kind"])
    images = tables.images
    listed = pc.index_in(pictures["image_id"].combine_chunks(), images["image_id"].combine_chunks())
    for name in ("path", "sha256", "width", "height"):
        pictures = pictures.append_column(name, images[name].take(listed))
    return pictures


def database_source(pictures: pa.Table) -> Source:
    """Those of ``decoded_pictures`` that are searched."""
    searched = pictures.filter(pc.equal(pictures["kind"], "image")).sort_by("image_id")
    paths, hashes = searched["path"].to_pylist(), searched["sha256"].to_pylist()
    sizes = np.stack([searched[side].to_numpy() for side in ("width", "height")], axis=1).astype(np.int64)

    def read(place: int) -> Picture:
        return decode_picture(read_seen(paths[place], hashes[place]))

    return Source(searched["image_id"].to_pylist(), hashes, sizes, read)


def asked_boxes(tables: Tables, pictures: pa.Table, tower: DenseTower, params: DenseParams) -> list[Asked]:
    """The data set's queries on ``pictures``, by their ids; one without a box asks for its whole picture.

    StrataError, which names the query, for a box that is no box.
    """
    known = {row["image_id"]: row for row in pictures.to_pylist()}
    asked = []
    for query in tables.queries.sort_by("query_id").to_pylist():
        if (picture := known.get(query["image_id"])) is None:
            continue
        width, height = picture["width"], picture["height"]
        box = _box(query, width, height)
        try:
            cuts = template_cuts(width, height, box, tower, params)
        except StrataError as error:
            raise StrataError(f"query {query['query_id']}: {one_line(error)}") from None
        asked.append(Asked(query["query_id"], picture["path"], picture["sha256"], box, cuts, params.mirror))
    return asked


def picture_reader(tables: Tables, root: Path = Path()) -> Callable[[str], Picture]:
    """The pixels of a picture of the tables by its id; relative paths count from ``root``."""
    columns = (tables.images[name].to_pylist() for name in ("image_id", "path", "sha256"))
    known = {image_id: (path, sha256) for image_id, path, sha256 in zip(*columns, strict=True)}

    def read(image_id: str) -> Picture:
        path, sha256 = known[image_id]
        return decode_picture(read_seen(root / path, sha256))

    return read


def _box(query: dict[str, Any], width: int, height: int) -> Box:
    if query["x0"] is None:
        return 0.0, 0.0, float(width), float(height)
    x0, y0, x1, y1 = (float(query[side]) for side in BOX)
    return x0, y0, x1, y1
