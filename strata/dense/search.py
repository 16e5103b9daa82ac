"""Queries that are templates already, looked for in an index: no network is needed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.dense.answers import Answer, Windows, average, best_windows, further_windows
from strata.dense.calibration import sample_pictures
from strata.dense.index import DenseIndex, pool_cells
from strata.dense.matching import match
from strata.dense.params import DenseParams
from strata.dense.projection import Codes
from strata.dense.view import Floats, cells_to_pixels

FURTHER = 100  # first pictures that are looked through for more than one box

Expander = Callable[[int, Floats], Sequence[Codes]]
"""Makes templates of a box (4,) in the pixels of the picture at a place of the index."""


@dataclass(frozen=True)
class DenseMatch:
    """How a run's queries are matched. ``open_expander``: what makes templates of boxes that were found, from
    the folder of a layer's index; needed where ``params.expand``."""

    params: DenseParams
    open_expander: Callable[[Path], Expander] | None = None


@dataclass(frozen=True)
class Found:
    """One query's answer, best first. ``places``: (M,) pictures of the index, each as often as it has boxes;
    ``scores``: (M,) float32, in spreads above the median picture; ``boxes``: (M, 4) pixels."""

    places: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    boxes: Floats


def answer_templates(
    index: DenseIndex,
    templates: Sequence[Sequence[Codes]],
    params: DenseParams,
    own: Sequence[int | None],
    expander: Expander | None = None,
) -> list[Answer]:
    """Some queries, each by its templates, in every picture of the index.

    own : the place of each query's picture, if the index has it; expander : needed for ``params.expand``.
    StrataError for an empty index.
    """
    if not index.ids:
        raise StrataError("the dense index holds no picture; nothing can be found in it")
    wanted = [_shortlist(index, own_templates, params) for own_templates in templates]
    answers = _answers(index, templates, wanted, params)
    for answer, place in zip(answers, own, strict=True):
        answer.leave_out(place)
    if not params.expand:
        return answers
    assert expander is not None
    return _expand(index, answers, wanted, own, params, expander)


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
    index: DenseIndex,
    answers: Sequence[Answer],
    wanted: Sequence[npt.NDArray[np.bool_] | None],
    own: Sequence[int | None],
    params: DenseParams,
    expander: Expander,
) -> list[Answer]:
    """The first boxes of every answer query as well; the scores are averaged (transductive)."""
    asked, owner = [], []
    for number, answer in enumerate(answers):
        for place in answer.first(params.expand).tolist():
            asked.append(expander(place, windows_in_pixels(index, answer, np.array([place]))[0]))
            owner.append(number)
    more = _answers(index, asked, [wanted[number] for number in owner], params)
    return [
        average(answer, [other for other, whose in zip(more, owner, strict=True) if whose == number], place)
        for number, (answer, place) in enumerate(zip(answers, own, strict=True))
    ]


def found_boxes(index: DenseIndex, answer: Answer, params: DenseParams) -> Found:
    """All its pictures and boxes, best first."""
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
    return Found(places, scores, _pixels(index, windows, places))


def windows_in_pixels(index: DenseIndex, answer: Answer, places: npt.NDArray[np.int64]) -> Floats:
    """(K, 4): the best windows in the pictures at ``places`` (K,)."""
    return _pixels(index, answer.windows[places], places)


def _pixels(index: DenseIndex, windows: Windows, places: npt.NDArray[np.int64]) -> Floats:
    return cells_to_pixels(windows, index.fine.shapes[places], index.sizes[places])
