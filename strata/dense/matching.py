"""Templates laid over every place of every map: the best place of each picture.

The score of a place is the mean cosine between the template's cells and the map's, each weighted by the
length of the template's codes there. Codes are whole numbers and a window's sum stays below 2 ** 24, so
float32 adds them exactly, in any order: the scores are the same for any batch of templates, any block of
pictures and any number of threads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from strata.base.threads import cores, in_threads
from strata.dense.index import Level
from strata.dense.projection import UNIT, Codes

BLOCK_CELLS = 30_000  # of maps worked on at a time, by one thread
MOST_TEMPLATES = 48  # in one convolution

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
Kernel = tuple[list[int], torch.Tensor, torch.Tensor]
"""Some templates of one shape: their numbers, codes (T, rows, columns, D) and total weights (T,), float32."""


@dataclass(frozen=True)
class Best:
    """``scores``: (T, N) float32 of every template's best place in every picture, -inf where not asked for;
    ``rows`` and ``columns``: (T, N) int32, where its window begins."""

    scores: Floats
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]

    def part(self, start: int, stop: int) -> Best:
        """The templates ``start`` to ``stop``."""
        return Best(self.scores[start:stop], self.rows[start:stop], self.columns[start:stop])


def match(level: Level, templates: Sequence[Codes], wanted: npt.NDArray[np.bool_] | None = None) -> Best:
    """The best place of every (rows, columns, D) template in every picture, or in those of ``wanted`` (N,).

    Of equal places the first counts, row by row.
    """
    shape = len(templates), level.count
    best = Best(np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int32), np.zeros(shape, np.int32))
    kernels = list(_kernels(templates))

    def work(block: tuple[Places, Codes]) -> None:
        places, maps = block
        values = _channels_first(maps)
        for numbers, codes, weights in kernels:
            scores = _place_scores(values, codes, weights)
            value, first = scores.flatten(2).max(dim=2)
            at = np.ix_(np.array(numbers), places)
            best.scores[at] = value.numpy().T
            best.rows[at] = (first // scores.shape[3]).numpy().T
            best.columns[at] = (first % scores.shape[3]).numpy().T

    threads = cores()
    begin = partial(torch.set_num_threads, 1)  # a convolution stays on its own core
    with closing(in_threads(work, _blocks(level, wanted), threads, threads + 1, begin)) as done:
        for _ in done:
            pass
    return best


def score_places(map_: Codes, template: Codes) -> Floats:
    """(rows', columns') float32: the score of every place of one (rows, columns, D) map.

    A map smaller than the template is filled up with zeros on the right and below: what lies outside its
    picture is like nothing.
    """
    _, codes, weights = next(_kernels([template]))
    return np.asarray(_place_scores(_channels_first(map_[None]), codes, weights)[0, 0].numpy())


def _blocks(level: Level, wanted: npt.NDArray[np.bool_] | None) -> Iterator[tuple[Places, Codes]]:
    for group in level.groups:
        step = max(1, BLOCK_CELLS // (group.maps.shape[1] * group.maps.shape[2]))
        for start in range(0, len(group.places), step):
            places, maps = group.places[start : start + step], group.maps[start : start + step]
            if wanted is not None:
                kept = wanted[places]
                places, maps = places[kept], maps[kept]
            if len(places):
                yield places, np.ascontiguousarray(maps)


def _kernels(templates: Sequence[Codes]) -> Iterator[Kernel]:
    """Templates of one shape are matched together."""
    shapes: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, template in enumerate(templates):
        shapes[template.shape].append(number)
    for numbers in shapes.values():
        for start in range(0, len(numbers), MOST_TEMPLATES):
            part = numbers[start : start + MOST_TEMPLATES]
            codes = np.stack([templates[number] for number in part]).astype(np.float32)
            weights = UNIT * np.maximum(1, np.linalg.norm(codes, axis=3).sum(axis=(1, 2), dtype=np.float64))
            yield part, torch.from_numpy(codes), torch.from_numpy(weights.astype(np.float32))


def _channels_first(maps: Codes) -> torch.Tensor:
    """(n, rows, columns, D) int8 -> (n, D, rows, columns) float32, channels still side by side in memory."""
    return torch.from_numpy(np.array(maps)).to(torch.float32).permute(0, 3, 1, 2)


@torch.no_grad()
def _place_scores(values: torch.Tensor, codes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(n, T, rows', columns') scores of (n, D, rows, columns) maps.

    One row of the templates after the other: a convolution of few output channels wastes most of what a
    processor can do, T x rows of them do not.
    """
    count, rows, columns, dims = codes.shape
    missing = max(0, rows - values.shape[2]), max(0, columns - values.shape[3])
    if any(missing):
        values = torch.nn.functional.pad(values, (0, missing[1], 0, missing[0]))
    height = values.shape[2] - rows + 1
    lines = codes.permute(1, 0, 3, 2).reshape(rows * count, dims, 1, columns)
    by_line = torch.nn.functional.conv2d(values, lines.contiguous())
    sums = by_line[:, :count, :height].clone()
    for row in range(1, rows):
        sums += by_line[:, row * count : (row + 1) * count, row : row + height]
    return sums.contiguous() / weights[:, None, None]
