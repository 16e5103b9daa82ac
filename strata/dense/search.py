"""Find details in a collection: (picture, box) -> pictures, scores and boxes, best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.dense.answers import Answer, average, best_windows, further_windows
from strata.dense.calibration import sample_pictures
from strata.dense.index import DenseIndex, pool_cells
from strata.dense.matching import match
from strata.dense.params import DenseParams
from strata.dense.projection import Codes, Projection
from strata.dense.templates import make_templates
from strata.dense.tower import DenseTower
from strata.dense.view import Floats, cells_to_pixels
from strata.maps.geometry import Box
from strata.maps.views import Picture

TOGETHER = 16  # queries matched at a time
FURTHER = 100  # first pictures that are looked through for more than one box

Query = tuple[Picture, Box]


@dataclass(frozen=True)
class Collection:
    """What is searched. ``read``: the pixels of a picture of the index by its id, for expansion."""

    index: DenseIndex
    projection: Projection
    tower: DenseTower
    read: Callable[[str], Picture]


@dataclass(frozen=True)
class Found:
    """One query's answer, best first. ``places``: (M,) pictures of the index, each as often as it has boxes;
    ``scores``: (M,) float32, in spreads above the median picture; ``boxes``: (M, 4) pixels."""

    places: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    boxes: Floats


def find_details(
    collection: Collection, queries: Sequence[Query], params: DenseParams, own: Sequence[int | None] = ()
) -> list[Found]:
    """Where else each boxed detail occurs: a Found a query.

    queries : (H, W, 3) uint8 pixels and a box in them; own : the place of each query's picture in the index,
    None where it has none: it is not among what is found. What is found does not depend on the queries beside
    it. Raises StrataError for a box that is no box and for an empty index.
    """
    if not collection.index.ids:
        raise StrataError("the dense index holds no picture; nothing can be found in it")
    places = list(own) or [None] * len(queries)
    found = []
    for start in range(0, len(queries), TOGETHER):
        part = slice(start, start + TOGETHER)
        found += _find(collection, queries[part], places[part], params)
    return found


def _find(
    collection: Collection, queries: Sequence[Query], own: Sequence[int | None], params: DenseParams
) -> list[Found]:
    templates = [make_templates(collection.tower, collection.projection, *query, params) for query in queries]
    wanted = [_shortlist(collection.index, own_templates, params) for own_templates in templates]
    answers = _answers(collection.index, templates, wanted, params)
    for answer, place in zip(answers, own, strict=True):
        answer.leave_out(place)
    if params.expand:
        answers = _expand(collection, answers, wanted, own, params)
    return [_found(collection.index, answer, params) for answer in answers]


def _shortlist(
    index: DenseIndex, templates: Sequence[Codes], params: DenseParams
) -> npt.NDArray[np.bool_] | None:
    """(N,) the ``rerank`` pictures that the coarse maps put first; None: all of them."""
    count = index.fine.count
    if params.rerank is None or params.rerank >= count:
        return None
    coarse = match(index.coarse, [pool_cells(template) for template in templates])
    sample = sample_pictures(count, params.sample, params.seed)
    z = best_windows(coarse, templates, sample).z
    wanted = np.zeros(count, np.bool_)
    wanted[np.argsort(-z, kind="stable")[: params.rerank]] = True
    return wanted


def _answers(
    index: DenseIndex,
    templates: Sequence[Sequence[Codes]],
    wanted: Sequence[npt.NDArray[np.bool_] | None],
    params: DenseParams,
) -> list[Answer]:
    """The answer of each query's templates; queries without a shortlist are matched together."""
    sample = sample_pictures(index.fine.count, params.sample, params.seed)
    answers = []
    if all(chosen is None for chosen in wanted):
        best = match(index.fine, [template for own in templates for template in own])
        start = 0
        for own in templates:
            answers.append(best_windows(best.part(start, start + len(own)), own, sample))
            start += len(own)
        return answers
    for own, chosen in zip(templates, wanted, strict=True):
        assert chosen is not None
        looked_at = chosen.copy()
        looked_at[sample] = True
        answer = best_windows(match(index.fine, own, looked_at), own, sample)
        answer.z[~chosen] = -np.inf
        answers.append(answer)
    return answers


def _expand(
    collection: Collection,
    answers: Sequence[Answer],
    wanted: Sequence[npt.NDArray[np.bool_] | None],
    own: Sequence[int | None],
    params: DenseParams,
) -> list[Answer]:
    """The first boxes of every answer query as well; the scores are averaged (transductive)."""
    index, asked, owner = collection.index, [], []
    for number, answer in enumerate(answers):
        for place in answer.first(params.expand):
            box = cells_to_pixels(answer.windows[place], index.fine.shapes[place], index.sizes[place])
            picture = collection.read(index.ids[place])
            x0, y0, x1, y1 = box.tolist()
            asked.append(
                make_templates(collection.tower, collection.projection, picture, (x0, y0, x1, y1), params)
            )
            owner.append(number)
    more = _answers(index, asked, [wanted[number] for number in owner], params)
    return [
        average(answer, [other for other, whose in zip(more, owner, strict=True) if whose == number], place)
        for number, (answer, place) in enumerate(zip(answers, own, strict=True))
    ]


def _found(index: DenseIndex, answer: Answer, params: DenseParams) -> Found:
    order = answer.first(int(np.isfinite(answer.z).sum()))
    places, scores, windows = order, answer.z[order], answer.windows[order]
    if params.boxes > 1:
        more = [
            (place, *found)
            for place in order[:FURTHER].tolist()
            for found in further_windows(answer, index.fine.map_of(place), place, params.boxes - 1)
        ]
        if more:
            places = np.concatenate([places, [place for place, _, _ in more]])
            scores = np.concatenate([scores, np.array([z for _, z, _ in more], np.float32)])
            windows = np.concatenate([windows, np.array([window for _, _, window in more])])
            sequence = np.argsort(-scores, kind="stable")
            places, scores, windows = places[sequence], scores[sequence], windows[sequence]
    boxes = cells_to_pixels(windows, index.fine.shapes[places], index.sizes[places])
    return Found(places, scores, boxes)
