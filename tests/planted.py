"""A collection of forty pictures whose features are planted, so that every number is known beforehand.

Facets: ``shape`` (20 round, 20 square), ``finish`` (16 matt and 4 satin among the round, 20 gloss: the
square), ``motif`` (five, of 6, 6, 6, 6 and 16 pictures). Eight boxed queries in four groups of two. One more
picture cannot be read.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ruamel.yaml import YAML

from strata.base.files import write_array, write_json, write_table
from strata.collection.tables import Tables, from_rows, write_tables
from strata.extraction.run import REJECTED_SCHEMA
from strata.maps.features import ROWS_SCHEMA, LayerInfo, write_layer_info
from strata.maps.stored_layers import StoredLayer, stored_regions
from strata.settings.params import MethodParams, parse

Floats = npt.NDArray[np.float32]

ROOT = Path(__file__).resolve().parents[1]
N, CELL = 40, 10
PICTURES = [f"p{n:02d}" for n in range(N)]
LOST = "p99"
MOTIFS = ("windmill", "ship", "tree", "house", "fish")
BOX = {"x0": 0.0, "y0": 0.0, "x1": 56.0, "y1": 56.0}
SIDE, LEVELS = 4, 3

# what stands after the query's own picture: good, ok, junk, - for nothing; the rest is nothing as well
LAYOUTS = ("g", "-g", "jg-g", "---jg", "gjjgg", "-jg--g", "g", "o-g")
MISSES_ONE = 6  # the lost picture is good for this query too
GRADES = {"g": "good", "o": "ok", "j": "junk"}

# the place of the right motif among the five, where it is not the first
MOTIF_PLACES = {0: 2, 1: 2, 5: 2, 10: 2, 2: 3, 3: 3, 7: 3}


def shape_of(picture: int) -> int:
    """0 round, 1 square: the four cells of ten pictures alternate."""
    return picture // CELL % 2


def motif_of(picture: int) -> int:
    """Index into MOTIFS."""
    return picture % 5 if picture < 30 else 4


def own_picture(query: int) -> int:
    """The picture that a query's box lies in."""
    return 5 * query


def ranking(query: int) -> list[int]:
    """All pictures in the order planted for the query, its own first."""
    others = np.random.default_rng(query).permutation(N)
    own = own_picture(query)
    return [own, *(int(picture) for picture in others if picture != own)]


def tables() -> Tables:
    """The four tables."""
    images = []
    for number, name in enumerate(PICTURES):
        shape, in_cell = shape_of(number), number % CELL
        finish = "gloss" if shape else ("satin" if in_cell < 2 else "matt")
        labels = [("round", "square")[shape], finish, MOTIFS[motif_of(number)]]
        images.append({"image_id": name, "labels": labels, "status": "ok"})
    images.append({"image_id": LOST, "labels": [], "status": "the file is empty"})
    sizes = {"width": 224, "height": 224}
    queries, relevance = [], []
    for query, layout in enumerate(LAYOUTS):
        order, name = ranking(query), f"q{query}"
        own = PICTURES[order[0]]
        queries.append({"query_id": name, "image_id": own, "group": f"g{query // 2}", **BOX})
        graded = {own: "good", **({LOST: "good"} if query == MISSES_ONE else {})}
        places = zip(order[1:], layout, strict=False)
        graded |= {PICTURES[place]: GRADES[mark] for place, mark in places if mark in GRADES}
        relevance += [{"query_id": name, "image_id": i, "grade": grade} for i, grade in graded.items()]
    facets = {"shape": ("round", "square"), "finish": ("matt", "satin", "gloss"), "motif": MOTIFS}
    classes = [
        {"class_id": name, "facet": facet, "name": name, "synonyms": []}
        for facet, names in facets.items()
        for name in names
    ]
    return Tables(
        from_rows("images", [{**image, "path": image["image_id"], **sizes} for image in images]),
        from_rows("queries", queries),
        from_rows("relevance", relevance),
        from_rows("classes", classes),
    )


def ranked_vectors() -> Floats:
    """(48, 9): unit vectors of the pictures, then of the queries, whose cosines are in planted order.

    Query i is the i-th axis, and a picture's i-th coordinate falls evenly with its place for that query; the
    last axis makes up the length.
    """
    queries = len(LAYOUTS)
    vectors = np.zeros((N + queries, queries + 1))
    for query in range(queries):
        vectors[ranking(query), query] = 0.35 * np.arange(N, 0, -1) / N
        vectors[N + query, query] = 1.0
    vectors[:N, -1] = np.sqrt(1 - (vectors[:N, :-1] ** 2).sum(axis=1))
    return vectors.astype(np.float32)


def as_maps(vectors: Floats) -> Floats:
    """(48, 4, 4, C + 1): each vector at one position, elsewhere a background that no query has.

    A query's map ends with its box, the upper left position; the others are NaN.
    """
    maps = np.zeros((len(vectors), SIDE, SIDE, vectors.shape[1] + 1), np.float32)
    maps[..., -1] = 0.25
    positions = maps.reshape(len(vectors), SIDE * SIDE, -1)  # a view
    positions[:N][np.arange(N), np.arange(N) % (SIDE * SIDE)] = np.pad(vectors[:N], ((0, 0), (0, 1)))
    positions[N:] = np.nan
    positions[N:, 0] = np.pad(vectors[N:], ((0, 0), (0, 1)))
    return maps


def cell_vectors() -> Floats:
    """(40, 3): ten equal vectors a cell. Cells 0 and 1 (round, square) lie near each other, so do 2 and 3.

    Cosines: 1 within a cell, .8 to its neighbour, .3 to the cell of the same shape, .1 to the last one.
    """
    cell = np.arange(N) // CELL
    signs = np.stack([np.ones(N), 1 - 2 * (cell // 2), 1 - 2 * (cell % 2)], axis=1)
    return np.asarray(signs * np.sqrt([0.55, 0.35, 0.1]), np.float32)


def shape_vectors() -> Floats:
    """(40, 4): two points at a right angle, one for each shape."""
    return np.eye(4, dtype=np.float32)[[shape_of(picture) for picture in range(N)]]


def named_vectors(text: Floats) -> Floats:
    """(40, D): for ``text`` (5, D), the motif's place among the five by cosine is that of MOTIF_PLACES."""
    wanted = np.zeros((N, len(MOTIFS)))
    for picture in range(N):
        own = motif_of(picture)
        order = [motif for motif in range(len(MOTIFS)) if motif != own]
        order.insert(MOTIF_PLACES.get(picture, 1) - 1, own)
        wanted[picture, order] = np.linspace(1, -1, len(MOTIFS))
    return np.asarray(wanted @ np.linalg.pinv(text.astype(np.float64)).T, np.float32)


def with_queries(pictures: Floats) -> Floats:
    """(40, C) -> (48, C): a query's vector is that of its own picture."""
    return np.concatenate([pictures, pictures[[own_picture(query) for query in range(len(LAYOUTS))]]])


def write_features(folder: Path, layers: Mapping[str, Floats]) -> None:
    """What ``extract`` leaves: arrays of two dimensions are vectors, of four are maps (kept by regions)."""
    entries: list[tuple[str, str, str | None]] = [("image", name, None) for name in PICTURES]
    entries += [("query", PICTURES[own_picture(query)], f"q{query}") for query in range(len(LAYOUTS))]
    rows = [
        {"row": row, "kind": kind, "image_id": image_id, "query_id": query_id}
        for row, (kind, image_id, query_id) in enumerate(entries)
    ]
    write_table(folder / "rows.parquet", pa.Table.from_pylist(rows, schema=ROWS_SCHEMA))
    write_table(folder / "rejected.parquet", REJECTED_SCHEMA.empty_table())
    write_json(folder / "view.json", {"view": "center_crop", "size_px": 224})
    write_json(folder / "layers.json", list(layers))
    for name, array in layers.items():
        if array.ndim == 2:
            write_layer_info(
                folder, LayerInfo(name, name, "vector", array.shape[1], 1, 1, LEVELS, 3.0, False)
            )
            write_array(folder / name / "vector.npy", array)
            continue
        _, height, width, channels = array.shape
        info = LayerInfo(name, name, "regions", channels, height, width, LEVELS, 3.0, False)
        write_layer_info(folder, info)
        as_map = StoredLayer(replace(info, kind="map"), {"map": array})
        regions = stored_regions(as_map, slice(None), LEVELS)
        write_array(folder / name / "regions.npy", regions.astype(np.float16))
        mean = np.nanmean(array, axis=(1, 2)).astype(np.float32)
        for pooled in ("mean", "gem"):
            write_array(folder / name / f"{pooled}.npy", mean)


def methods() -> MethodParams:
    """What the committed ``params.yaml`` says of every post-processing."""
    params = YAML(typ="safe", pure=True).load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return parse(MethodParams, params["retrieve"]["methods"], "params.yaml")


def write_project(folder: Path, layers: Mapping[str, Floats], **retrieve: Any) -> None:
    """params.yaml, conf, data/tables and data/features; the model is the demo's, the data set ``planted``."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    yaml = YAML()
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"dataset": "planted", "model": "demo-rn", "layers": list(layers)}
    params["zeroshot"]["top"] = 2
    params["retrieve"] |= {"match": "region"} | retrieve
    yaml.dump(params, folder / "params.yaml")
    dataset = yaml.load((ROOT / "conf/datasets/demo.yaml").read_text(encoding="utf-8"))
    strict = {"positive": ["good"], "junk": ["ok", "junk"]}
    dataset["protocol"]["positives"] = {
        "detail": {"positive": ["good", "ok"], "junk": ["junk"]},
        "strict": strict,
    }
    dataset["prompts"] = {"motif": dataset["prompts"]["motif"]}
    dataset["k"] = None
    yaml.dump(dataset, folder / "conf/datasets/planted.yaml")
    model = yaml.load(folder / "conf/models/demo-rn.yaml")
    model["weights"]["path"] = str(ROOT / "models/demo-rn")
    yaml.dump(model, folder / "conf/models/demo-rn.yaml")
    write_tables(folder / "data/tables", tables())
    write_features(folder / "data/features", layers)
