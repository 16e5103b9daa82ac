"""A project with made-up features: python -m benchmarks.scaling.vectors FOLDER ROWS KIND.

It has what ``prepare`` and ``extract`` would leave, as many rows as asked, and needs no pictures. KIND is
``vector`` (one layer of 512 channels, and an ``embedding`` in the text tower's space under data/named) or
``regions`` (one layer of 14 regions x 64 channels, and 100 boxed queries). Pictures of a class lie around the
class's centre, in fewer directions than there are channels, as real features do.

A process of its own makes it: the one that measures has to stay small.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.scaling.settings import MODEL, write_settings
from strata.base.files import write_json, write_table
from strata.collection.tables import SCHEMAS, Tables, from_rows, write_tables
from strata.maps.features import ROWS_SCHEMA, LayerInfo, write_layer_info
from strata.maps.rmac_regions import count_regions

CLASSES = 30
CHANNELS = {"vector": 512, "regions": 64}
SIDE, LEVELS = 7, 3  # of the map the regions are of
QUERIES = 100
POSITIVES = 20  # a query
BLOCK = 65_536
SIZE = (640, 480)
FACET = "kind"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Cloud:
    """Points around the centres of classes: centre[class] + noise, in ``basis`` (directions, channels)."""

    centres: Floats
    basis: Floats

    def block(self, classes: npt.NDArray[np.int64], random: np.random.Generator) -> Floats:
        """(n, channels) float32 for ``classes`` (n,)."""
        noise = random.standard_normal((len(classes), len(self.basis)), dtype=np.float32)
        return np.asarray((self.centres[classes] + noise) @ self.basis)


def make_project(folder: Path, rows: int, kind: str) -> None:
    """Fill ``folder``: params.yaml, conf/, data/tables, data/features."""
    write_settings(folder, "scaled", rows, layers=["made"], facet=FACET)
    picture = folder / "picture.jpg"
    _draw(picture)
    queries = QUERIES if kind == "regions" else 0
    write_tables(folder / "data/tables", _tables(rows, queries, str(picture)))
    classes = _classes_of(rows, queries)
    info = LayerInfo("made", "made", "vector", CHANNELS["vector"], 1, 1, LEVELS, 3.0, False)
    if kind == "regions":
        info = LayerInfo("made", "made", "regions", CHANNELS["regions"], SIDE, SIDE, LEVELS, 3.0, False)
    _write_features(folder / "data/features", info, classes, queries)
    write_json(folder / "data/index/layers.json", [])
    if kind == "vector":
        width = json.loads((MODEL / "open_clip_config.json").read_text("utf-8"))["model_cfg"]["embed_dim"]
        named = LayerInfo("embedding", "embedding", "vector", width, 1, 1, LEVELS, 3.0, False)
        _write_features(folder / "data/named", named, classes, queries)


def _ids(rows: int) -> list[str]:
    return [f"pictures/{number:08d}.jpg" for number in range(rows)]


def _classes_of(rows: int, queries: int) -> npt.NDArray[np.int64]:
    """(rows + queries,): the class of every picture, then of every query's own picture."""
    own = np.arange(queries, dtype=np.int64) * rows // max(queries, 1)
    return np.concatenate([np.arange(rows, dtype=np.int64), own]) % CLASSES


def _tables(rows: int, queries: int, path: str) -> Tables:
    ids = pa.array(_ids(rows))
    names = pa.array([f"class {number:02d}" for number in range(CLASSES)])
    labels = pa.ListArray.from_arrays(np.arange(rows + 1, dtype=np.int32), names.take(_classes_of(rows, 0)))
    columns = {
        "image_id": ids,
        "path": pa.array([path]).take(np.zeros(rows, np.int64)),
        "width": pa.array(np.full(rows, SIZE[0], np.int32)),
        "height": pa.array(np.full(rows, SIZE[1], np.int32)),
        "sha256": pa.array([hashlib.sha256(b"%d" % number).hexdigest() for number in range(rows)]),
        "labels": labels,
        "split": pa.nulls(rows, pa.string()),
        "status": pa.array(["ok"]).take(np.zeros(rows, np.int64)),
    }
    images = pa.Table.from_arrays(
        [columns[name] for name in SCHEMAS["images"].names], schema=SCHEMAS["images"]
    )
    classes = [{"class_id": name, "facet": FACET, "name": name, "synonyms": []} for name in names.to_pylist()]
    return Tables(images, *_queries(rows, queries), from_rows("classes", classes))


def _queries(rows: int, count: int) -> tuple[pa.Table, pa.Table]:
    """``count`` boxed queries in ten groups; the next pictures of its class are good for a query."""
    box = {"x0": 100.0, "y0": 80.0, "x1": 420.0, "y1": 400.0}
    queries: list[dict[str, Any]] = []
    relevance: list[dict[str, Any]] = []
    ids = _ids(rows)
    for number in range(count):
        own = number * rows // count
        name = f"q{number:03d}"
        queries.append({"query_id": name, "image_id": ids[own], "group": f"g{number % 10}", **box})
        good = {(own + CLASSES * step) % rows for step in range(1, POSITIVES + 1)} - {own}
        relevance += [
            {"query_id": name, "image_id": ids[place], "grade": "good", **box} for place in sorted(good)
        ]
    return from_rows("queries", queries), from_rows("relevance", relevance)


def _write_features(folder: Path, info: LayerInfo, classes: npt.NDArray[np.int64], queries: int) -> None:
    rows = len(classes) - queries
    ids, total = _ids(rows), len(classes)
    own = [ids[number * rows // queries] for number in range(queries)]
    table = {
        "row": np.arange(total, dtype=np.int32),
        "kind": ["image"] * rows + ["query"] * queries,
        "image_id": ids + own,
        "query_id": [None] * rows + [f"q{number:03d}" for number in range(queries)],
    }
    write_table(folder / "rows.parquet", pa.table(table, schema=ROWS_SCHEMA))
    rejected = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("image_id", "reason")])
    write_table(folder / "rejected.parquet", rejected.empty_table())
    write_json(folder / "view.json", {"view": "center_crop", "size_px": 96})
    write_json(folder / "layers.json", [info.name])
    write_layer_info(folder, info)
    arrays: dict[str, tuple[type, tuple[int, ...]]] = {"vector": (np.float32, (info.channels,))}
    if info.kind == "regions":
        regions = count_regions(info.height, info.width, info.levels)
        arrays = {"regions": (np.float16, (regions, info.channels))}
        arrays |= dict.fromkeys(("mean", "gem"), (np.float32, (info.channels,)))
    for name, (dtype, shape) in arrays.items():
        _write_array(folder / info.name / f"{name}.npy", classes, dtype, shape)


def _write_array(path: Path, classes: npt.NDArray[np.int64], dtype: type, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(7)
    per_row = int(np.prod(shape[:-1]))
    cloud = _cloud(shape[-1], random)
    open_memmap: Any = np.lib.format.open_memmap  # numpy has no types for it
    made = open_memmap(path, mode="w+", dtype=dtype, shape=(len(classes), *shape))
    for start, stop in _blocks(len(classes), max(1, BLOCK // per_row)):
        values = cloud.block(np.repeat(classes[start:stop], per_row), random)
        made[start:stop] = values.reshape(stop - start, *shape)
    made.flush()


def _cloud(channels: int, random: np.random.Generator) -> Cloud:
    directions = min(channels, 128)
    fading = (1 / np.sqrt(1 + np.arange(directions) / 8)).astype(np.float32)
    basis = random.standard_normal((directions, channels), dtype=np.float32) * fading[:, None]
    return Cloud(0.7 * random.standard_normal((CLASSES, directions), dtype=np.float32), basis)


def _blocks(rows: int, step: int) -> Iterator[tuple[int, int]]:
    for start in range(0, rows, step):
        yield start, min(start + step, rows)


def _draw(path: Path) -> None:
    """The one picture that every path of the table names (the report shows some)."""
    from PIL import Image

    Image.linear_gradient("L").resize((320, 240)).convert("RGB").save(path, "JPEG")


if __name__ == "__main__":
    make_project(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
