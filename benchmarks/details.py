"""Are boxed details found? The demo, other drawings of it, and sets with planted details, by the dense match.

Beside speed this is the one benchmark of what is found: image mAP and detection AP, with and without
expansion. Planted sets are folders of pictures with queries.csv and relevance.csv, as ``dataset=folder``
takes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Result
from benchmarks.settings import Settings, device
from benchmarks.weights import local_conf
from stages.settings import dataset_conf, model_conf
from strata.base.hashing import sha256_file
from strata.base.track import no_track
from strata.collection.headers import read_header
from strata.collection.tables import USABLE, Tables, from_rows
from strata.datasets import demo
from strata.datasets.folder_queries import read_queries, read_relevance
from strata.demo.collection import write_collection
from strata.dense.building import Source, compute_maps, lay_out_maps
from strata.dense.details import Collection, Query, find_details
from strata.dense.index import open_index
from strata.dense.indexing import build_index, fit_on_maps
from strata.dense.kept import KeptMaps
from strata.dense.params import DenseParams
from strata.dense.raw_maps import open_raw_maps
from strata.dense.search import Found
from strata.dense.tower import open_tower
from strata.maps.views import Picture, decode_picture
from strata.measures.average_precision import step_average_precision
from strata.measures.boxes import detection_average_precision
from strata.models.loading import load_model
from strata.settings.params import ModelConf

OTHER_SEED = 7
EXPAND = 3
TIMED = 5  # queries that are timed one by one
DRAWN = DenseParams()
PHOTOGRAPHS = DenseParams(size_px=512, dims=96, whiten_power=0.5, cells=(5, 7, 10, 14), focus=2.0)
HEAD = (
    "| set, layer | pictures | queries | mAP / detection AP | expanded | s a query | expanded | kB |",
    "|---|---|---|---|---|---|---|---|",
)
REMARK = (
    "mAP / detection AP: step AP, own picture left out, IoU > 0.3, macro over kinds. Expanded: the first "
    f"{EXPAND} boxes query as well (transductive). Seconds: one query at a time, warm; kB: of the index, a "
    "picture, with its coarse level."
)


@dataclass(frozen=True)
class Case:
    """A set and the layer that is matched. ``tables``: makes the set's images, queries and relevance."""

    name: str
    conf: ModelConf
    layer: str
    params: DenseParams
    tables: Callable[[], Tables]


def run(settings: Settings) -> Result:
    """Measure every set that is there; ``--planted`` and ``--weights`` add sets of photographs."""
    lines = list(HEAD)
    for case in _cases(settings):
        lines.append(measure(case, settings.work / "details", settings.small))
        print(f"  {lines[-1]}", flush=True)
    return Result("Details by dense match", (), ("\n".join(lines), REMARK))


def measure(case: Case, work: Path, small: bool) -> str:
    """One line of the table."""
    tables = case.tables()
    collection = _open(case, tables, work)
    queries = tables.queries.to_pylist()[:: 40 if small else 1]
    place_of = {image_id: place for place, image_id in enumerate(collection.index.ids)}
    asked = [
        (collection.read(query["image_id"]), (query["x0"], query["y0"], query["x1"], query["y1"]))
        for query in queries
    ]
    own = [place_of[query["image_id"]] for query in queries]
    truth = _truth(tables, place_of)
    figures, seconds = [], []
    for params in (case.params, replace(case.params, expand=EXPAND)):
        found = find_details(collection, asked, params, own)
        figures.append("{:.3f} / {:.3f}".format(*_macro(queries, found, truth)))
        seconds.append(_seconds(collection, asked, params))
    size = sum(level.shapes.prod(axis=1).sum() for level in (collection.index.fine, collection.index.coarse))
    kilobytes = size * len(collection.projection.axes) / len(collection.index.ids) / 1000
    cells = (f"{case.name}, {case.layer}", len(place_of), len(queries), *figures)
    return "| " + " | ".join(map(str, cells)) + f" | {seconds[0]:.2f} | {seconds[1]:.2f} | {kilobytes:.0f} |"


def _cases(settings: Settings) -> Iterator[Case]:
    work, conf = settings.work / "details", model_conf("demo-rn")
    seed = int(dataset_conf("demo").sources["seed"])
    first = partial(_drawn, work / "demo", seed, damaged=True)
    yield Case("demo, demo-rn", conf, "middle", DRAWN, first)
    other = partial(_drawn, work / f"demo-{OTHER_SEED}", OTHER_SEED, damaged=False)
    yield Case(f"demo with seed {OTHER_SEED}, demo-rn", conf, "middle", DRAWN, other)
    yield Case("demo, demo-vit", model_conf("demo-vit"), "early", replace(DRAWN, stride=8), first)
    for folder in settings.planted:
        if settings.weights is None:
            raise ValueError("--planted needs --weights FOLDER: the network that sees photographs")
        yield Case(
            folder.name, local_conf(settings.weights), "blocks.4", PHOTOGRAPHS, partial(_planted, folder)
        )


def _open(case: Case, tables: Tables, work: Path) -> Collection:
    """The index of a set, built anew from the maps kept in ``work``."""
    images = {image["image_id"]: image for image in tables.images.to_pylist() if image["status"] == USABLE}
    ids = sorted(images)

    def read(image_id: str) -> Picture:
        return decode_picture(Path(images[image_id]["path"]).read_bytes())

    model = load_model(case.conf, device=device())
    params = case.params
    tower = open_tower(model, case.layer, case.conf.aliases, size_px=params.size_px, stride=params.stride)
    sizes = np.array([[images[image_id][side] for side in ("width", "height")] for image_id in ids], np.int64)
    source = Source(
        ids, [images[image_id]["sha256"] for image_id in ids], sizes, lambda place: read(ids[place])
    )
    key = {
        "model": model.sha256,
        "layer": tower.tap.module,
        "stride": tower.stride,
        "size_px": params.size_px,
    }
    kept = KeptMaps(work / "store", key, tower.tap.channels)
    source = source.without(compute_maps(source, tower, kept))
    maps, folder = work / "maps" / case.name, work / "indices" / case.name
    lay_out_maps(maps, source, tower, kept)
    raw = open_raw_maps(maps)
    projection = fit_on_maps(
        raw, dims=params.dims, power=params.whiten_power, seed=params.seed, fit_set=case.name
    )
    build_index(folder, raw, projection)
    return Collection(open_index(folder), projection, tower, read)


def _drawn(folder: Path, seed: int, *, damaged: bool) -> Tables:
    conf = dataset_conf("demo")
    if not (folder / "annotations.json").is_file():
        write_collection(folder, seed=seed, damaged=damaged)
    return demo.build(folder, conf, track=no_track, warn=print)


def _planted(folder: Path) -> Tables:
    """Photographs with planted details: a folder of pictures with queries.csv and relevance.csv."""
    files = sorted(path.name for path in folder.glob("*.jpg"))
    images: list[dict[str, Any]] = []
    for name in files:
        facts = read_header(folder / name)
        found = {"image_id": name, "path": str(folder / name), "width": facts.width, "height": facts.height}
        images.append({**found, "sha256": sha256_file(folder / name), "labels": [], "status": facts.status})
    queries, left_out = read_queries(folder / "queries.csv", "queries.csv", files, print)
    relevance = read_relevance(folder / "relevance.csv", "relevance.csv", files, queries, left_out, print)
    rows: dict[str, list[dict[str, Any]]] = {
        "images": images,
        "queries": queries,
        "relevance": relevance,
        "classes": [],
    }
    return Tables(**{name: from_rows(name, found) for name, found in rows.items()})


Truth = dict[str, tuple[list[int], list[list[float]]]]


def _truth(tables: Tables, place_of: dict[str, int]) -> Truth:
    """query_id -> where its detail is: places, and a box for each."""
    truth: Truth = {}
    for row in tables.relevance.to_pylist():
        places, boxes = truth.setdefault(row["query_id"], ([], []))
        places.append(place_of[row["image_id"]])
        boxes.append([row[side] for side in ("x0", "y0", "x1", "y1")])
    return truth


def _macro(queries: Sequence[dict[str, str]], found: Sequence[Found], truth: Truth) -> tuple[float, float]:
    """mAP over pictures and detection AP, each the mean over kinds of the mean over their queries."""
    by_kind: dict[str, list[tuple[float, float]]] = {}
    for query, answer in zip(queries, found, strict=True):
        places, boxes = truth[query["query_id"]]
        positives = set(places)
        pictures = list(dict.fromkeys(answer.places.tolist()))
        ranks = np.array([rank for rank, place in enumerate(pictures) if place in positives], np.int64)
        by_kind.setdefault(query["group"], []).append(
            (
                step_average_precision(ranks, len(positives)),
                detection_average_precision(answer.places, answer.boxes, places, np.array(boxes)),
            )
        )
    maps, detections = np.mean([np.mean(values, axis=0) for values in by_kind.values()], axis=0).tolist()
    return maps, detections


def _seconds(collection: Collection, asked: Sequence[Query], params: DenseParams) -> float:
    """Median time of one query."""
    taken = []
    for one in asked[:TIMED]:
        start = time.perf_counter()
        find_details(collection, [one], params)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))
