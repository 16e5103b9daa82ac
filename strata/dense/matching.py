"""Templates laid over every place of every map: the best place of each picture.

The score of a place is the mean cosine between the template's cells and the map's. Codes are whole numbers and a
window's sum stays below 2 ** 24, so float32 adds them exactly, in any order: the scores are the same for any
batch of templates, any block of pictures and any number of threads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from strata.base.threads import cores, in_threads
from strata.dense.index import Level
from strata.dense.projection import UNIT, Codes

BLOCK = 64  # maps worked on at a time

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Best:
    """``scores``: (T, N) float32 of every template's best place in every picture; ``rows`` and ``columns``:
    (T, N) int32, where its window begins."""

    scores: Floats
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]


def match(level: Level, templates: Sequence[Codes], wanted: npt.NDArray[np.bool_] | None = None) -> Best:
    """The best place of every template in every picture (of ``wanted``; the others score -inf)."""
    shape = (len(templates), level.count)
    best = Best(np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int32), np.zeros(shape, np.int32))
    kernels = _by_shape(templates)

    def work(block: tuple[npt.NDArray[np.int64], Codes]) -> None:
        places, maps = block
        with torch.inference_mode():
            values = torch.from_numpy(maps).to(torch.float32).permute(0, 3, 1, 2)
            for numbers, kernel in kernels:
                scores, rows, columns = _best_places(values, kernel)
                at = np.ix_(numbers, places)
                best.scores[at], best.rows[at], best.columns[at] = scores.T, rows.T, columns.T

    def begin() -> None:
        torch.set_num_threads(1)

    threads = cores()
    with closing(in_threads(work, _blocks(level, wanted), threads, threads + 2, begin)) as done:
        for _ in done:
            pass
    return best


def score_maps(maps: Codes, templates: Codes) -> Floats:
    """(n, T, rows', columns') float32: every place's mean cosine.

    maps : (n, rows, columns, D); templates : (T, r, c, D) int8. A map smaller than the template is filled up
    with zeros on the right and below: what lies outside counts nothing.
    """
    values = torch.from_numpy(maps).to(torch.float32).permute(0, 3, 1, 2)
    return _scores(values, _kernel(templates)).numpy()


def _blocks(
    level: Level, wanted: npt.NDArray[np.bool_] | None
) -> Iterator[tuple[npt.NDArray[np.int64], Codes]]:
    for group in level.groups:
        numbers = np.arange(len(group.places)) if wanted is None else np.flatnonzero(wanted[group.places])
        for start in range(0, len(numbers), BLOCK):
            part = numbers[start : start + BLOCK]
            whole = len(part) == part[-1] - part[0] + 1
            maps = group.maps[part[0] : part[-1] + 1] if whole else group.maps[part]
            yield group.places[part], np.ascontiguousarray(maps)


def _by_shape(templates: Sequence[Codes]) -> list[tuple[list[int], torch.Tensor]]:
    """Templates of one shape are one convolution."""
    shapes: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, template in enumerate(templates):
        shapes[template.shape].append(number)
    return [
        (numbers, _kernel(np.stack([templates[number] for number in numbers]))) for numbers in shapes.values()
    ]


def _kernel(templates: Codes) -> torch.Tensor:
    return torch.from_numpy(templates).to(torch.float32).permute(0, 3, 1, 2).contiguous()


def _scores(values: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    missing = [max(0, kernel.shape[axis] - values.shape[axis]) for axis in (3, 2)]
    if any(missing):
        values = torch.nn.functional.pad(values, (0, missing[0], 0, missing[1]))
    sums = torch.nn.functional.conv2d(values, kernel)
    return sums / (kernel.shape[2] * kernel.shape[3] * UNIT * UNIT)


def _best_places(
    values: torch.Tensor, kernel: torch.Tensor
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    scores = _scores(values, kernel)
    best, place = scores.flatten(2).max(dim=2)
    width = scores.shape[3]
    return best.numpy(), (place // width).numpy(), (place % width).numpy()
