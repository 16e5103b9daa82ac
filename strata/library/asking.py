"""Ask a finished run by a picture, boxes drawn in one, or a sentence: one function for every way to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.base.threads import one_blas_thread
from strata.dense.indexing import indexed_layers
from strata.descriptors.pooling import check_poolable
from strata.descriptors.transforms import Transform, describe_rows, fit_transform
from strata.extraction.encoding import encode
from strata.extraction.plan import Item, Job
from strata.library.details import open_details
from strata.library.models import read_picture
from strata.library.run import Run
from strata.library.search import pooling_of, run_network, transform_of
from strata.maps.features import database_rows, read_layer_info
from strata.maps.geometry import Box
from strata.maps.stored_layers import StoredLayer, open_layer
from strata.maps.views import make_view
from strata.retrieval.ranking import Ranked
from strata.retrieval.region_matching import (
    RegionStore,
    match_regions,
    open_regions,
    query_vectors,
    read_frames,
)
from strata.settings.params import Pooling, PoolParams

Match = Literal["dense", "region", "global"]
Metric = Literal["cosine", "euclidean"]
Mode = Literal["and", "or"]
Floats = npt.NDArray[np.float32]
TEXT_LAYER = "embedding"
BUDGET_MIB = 256


@dataclass(frozen=True)
class Question:
    """What is asked. ``boxes``: details of the picture, (x0, y0, x1, y1) in its pixels; none is all of it.

    ``match``: ``dense`` finds a box as the best window of a picture's map, in a layer without a dense index
    as ``region`` does: the best stored region of a picture; ``global`` compares one vector a picture.
    ``pooling``: None is the run's. ``mode``: must a picture have all of several
    boxes, or one? ``reduced``: after the run's PCA.
    """

    layer: str
    boxes: tuple[Box, ...] = ()
    match: Match = "global"
    metric: Metric = "cosine"
    pooling: Pooling | None = None
    mode: Mode = "and"
    reduced: bool = False
    top: int = 20


class Answer(NamedTuple):
    """``score``: higher is nearer; ``boxes``: where each box asked for was found, none for whole pictures."""

    image_id: str
    score: float
    boxes: tuple[Box, ...]


def ask(run: Run, picture: Any, question: Question) -> list[Answer]:
    """The pictures of ``run`` that answer best, nearest first; equals by their ids.

    picture : an image_id of the run (its stored vectors ask, and it is not found), or what
        ``strata.search`` takes. Raises StrataError for a layer, pooling or box that is not there.
    """
    ids = run.ids()
    own = ids.index(picture) if isinstance(picture, str) and picture in picture_rows(run) else None
    check_layer(run, question.layer)
    with one_blas_thread():
        if question.boxes and question.match == "dense" and question.layer in dense_layers(run):
            scores, boxes = _by_window(run, picture, own, question)
        elif question.boxes and question.match != "global":
            scores, boxes = _by_region(run, picture, question)
        else:
            scores, boxes = _by_vector(run, picture, own, question), None
    order = [place for place in Ranked(scores).best(question.top + 1).places.tolist() if place != own]
    return [
        Answer(
            ids[place],
            float(scores[place]),
            () if boxes is None else tuple(tuple(box) for box in boxes[:, place].round(1).tolist()),
        )
        for place in order[: question.top]
        if np.isfinite(scores[place])
    ]


def ask_vector(run: Run, vector: Floats, top: int) -> list[Answer]:
    """The pictures whose embeddings are nearest to a text's ``vector`` (D,)."""
    scores = embeddings(run) @ vector
    places = Ranked(scores).best(top).places.tolist()
    ids = run.ids()
    return [Answer(ids[place], float(scores[place]), ()) for place in places]


def check_layer(run: Run, layer: str) -> None:
    """StrataError with the layers there are."""
    if layer not in run.layers:
        raise StrataError(f"the run has no layer {layer!r}; it has: {', '.join(run.layers)}")


@lru_cache(maxsize=2)
def picture_rows(run: Run) -> dict[str, dict[str, Any]]:
    """image_id -> its row of the images table, of all pictures that are searched."""
    rows = {row["image_id"]: row for row in run.tables.images.to_pylist()}
    return {image_id: rows[image_id] for image_id in run.ids()}


@lru_cache(maxsize=2)
def embeddings(run: Run) -> Floats:
    """(N, D) L2-normalised embeddings of ``run.ids()``, as texts are compared with them."""
    if TEXT_LAYER not in run.layers:
        raise StrataError(
            f"texts are compared with the layer {TEXT_LAYER!r}, which the run lacks; add it to `layers` "
            "in params.yaml and run `dvc repro`"
        )
    stored = open_layer(run.data / "features", TEXT_LAYER)
    values = np.asarray(stored.arrays["vector"][database_rows(run.rows)], np.float32)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12), np.float32)


@lru_cache(maxsize=12)
def vectors(run: Run, layer: str, pooling: Pooling | None, reduced: bool) -> Floats:
    """(N, D) L2-normalised vectors of ``run.ids()``; with another ``pooling`` made from what is stored."""
    if (
        pooling is None
        or pooling == pooling_of(run)[0]
        or read_layer_info(run.data / "features", layer).kind == "vector"
    ):
        return _unit(run.descriptors(layer, reduced=reduced))
    if reduced:
        raise StrataError(f"the PCA was fitted to {pooling_of(run)[0]}, not to {pooling}")
    stored = open_layer(run.data / "features", layer)
    keep = database_rows(run.rows)
    other, params, transform = _pooled(run, layer, pooling)
    return _unit(describe_rows(stored, 0, len(keep), other, params, transform)[keep])


def _pooled(run: Run, layer: str, pooling: Pooling | None) -> tuple[Pooling, PoolParams, Transform]:
    """How descriptors are made: as the run did, or with another pooling (centred as it was, not whitened)."""
    own, params = pooling_of(run)
    if pooling is None or pooling == own:
        return own, params, transform_of(run, layer)
    plain = params.model_copy(update={"whiten": "none"})
    stored = open_layer(run.data / "features", layer)
    check_poolable([stored.info], pooling, plain.levels)
    return pooling, plain, fit_transform(stored, database_rows(run.rows), pooling, plain, None)


def seen_by(run: Run, layer: str, picture: Any, boxes: Sequence[Box]) -> StoredLayer:
    """What a layer sees of a picture: a row for each box, or one for all of it."""
    row = picture_rows(run).get(picture) if isinstance(picture, str) else None
    pixels = read_picture(picture if row is None else run.root / row["path"])
    height, width = pixels.shape[:2]
    for box in boxes:
        check_box(box, width, height)
    network = run_network(run, layer, "cpu")
    items = tuple(Item(str(number), box) for number, box in enumerate(boxes or [None]))
    job = Job("", "", width, height, None, False, items)
    arrays = encode(network, [job], [make_view(pixels, network.spec)], network.layers)[layer]
    return StoredLayer(network.layers[0].info, arrays)


def check_box(box: Box, width: int, height: int) -> None:
    """StrataError for what is no box or leaves a picture of ``width`` x ``height`` pixels."""
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        sides = ",".join(f"{side:g}" for side in box)
        raise StrataError(
            f"box {sides} is not inside the picture ({width} x {height}): x0,y0,x1,y1 in pixels"
        )


def _by_vector(run: Run, picture: Any, own: int | None, question: Question) -> Floats:
    """(N,) scores by one vector a picture; of several boxes the least or the best."""
    database = vectors(run, question.layer, question.pooling, question.reduced)
    if own is not None and not question.boxes:
        asked = database[own : own + 1]
    else:
        if question.reduced:
            raise StrataError("after PCA only whole pictures of the collection can ask")
        stored = seen_by(run, question.layer, picture, question.boxes)
        pooling, params, transform = _pooled(run, question.layer, question.pooling)
        asked = _unit(describe_rows(stored, 0, max(1, len(question.boxes)), pooling, params, transform))
    scores = asked @ database.T
    if question.metric == "euclidean":
        scores = -np.sqrt(np.maximum(2 - 2 * scores, 0))
    return _combined(scores, question.mode)


def _by_region(run: Run, picture: Any, question: Question) -> tuple[Floats, npt.NDArray[np.float64]]:
    """(N,) scores and (Q, N, 4) where each box was found."""
    store = _regions(run, question.layer)
    if store is None:
        raise StrataError(
            f"layer {question.layer!r} has no map to find a box in; ask another layer, or match global"
        )
    own = RegionStore(seen_by(run, question.layer, picture, question.boxes), store.levels, store.center)
    asked = query_vectors(own, np.arange(len(question.boxes)))
    keep = _searched(run)
    found = match_regions(store, asked, keep, BUDGET_MIB)
    rows = picture_rows(run).values()
    frames = read_frames(run.data / "features", np.array([(row["width"], row["height"]) for row in rows]))
    places = np.arange(len(rows))
    boxes = np.stack([store.boxes(regions[keep], frames, places) for regions in found.regions])
    return _combined(found.scores[:, keep], question.mode), boxes


def _by_window(
    run: Run, picture: Any, own: int | None, question: Question
) -> tuple[Floats, npt.NDArray[np.float64]]:
    """The same by dense match; a picture without the index scores -inf."""
    details = open_details(run, question.layer)
    pixels = read_picture(picture if own is None else run.root / picture_rows(run)[picture]["path"])
    for box in question.boxes:
        check_box(box, pixels.shape[1], pixels.shape[0])
    places = {image_id: place for place, image_id in enumerate(run.ids())}
    scores = np.full((len(question.boxes), len(places)), -np.inf, np.float32)
    boxes = np.zeros((*scores.shape, 4))
    asked = [(pixels, box) for box in question.boxes]
    for number, found in enumerate(details.find(asked, own=[None if own is None else picture] * len(asked))):
        for one in found:
            scores[number, places[one.image_id]] = one.score
            boxes[number, places[one.image_id]] = one.box
    return _combined(scores, question.mode), boxes


def dense_layers(run: Run) -> list[str]:
    """The layers that have a dense index."""
    folder = run.data / "index"
    return indexed_layers(folder) if folder.is_dir() else []


@lru_cache(maxsize=8)
def _regions(run: Run, layer: str) -> RegionStore | None:
    params = pooling_of(run)[1]
    return open_regions(run.data / "features", layer, params.levels, _searched(run), center=params.center)


def _searched(run: Run) -> npt.NDArray[np.bool_]:
    """Which of the rows before those of queries are searched; the others are pictures that only query."""
    pictures = len(run.rows) - run.rows["kind"].to_pylist().count("query")
    return database_rows(run.rows)[:pictures]


def _combined(scores: Floats, mode: Mode) -> Floats:
    return np.asarray(scores.min(axis=0) if mode == "and" else scores.max(axis=0), np.float32)


def _unit(values: Floats) -> Floats:
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12), np.float32)
