"""R-MAC: the regions of a batch of maps, and descriptors from stored regions, against the double loop.

The loop does as the reference implementations do, after Tolias, Sicre and Jegou 2016, section 3.2, in our own
words: one map, a loop over levels, rows and columns of regions; each region is cut out by lists of its rows
and of its columns, its maximum is L2-normalised and added. Square maps, as the benchmark's are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import max_pool2d

from benchmarks.pairing import paired, timed
from benchmarks.results import Result, Row, rate_row
from benchmarks.settings import Settings
from strata.base.files import read_array, write_array
from strata.descriptors.transforms import Transform, describe_rows
from strata.maps.features import LayerInfo
from strata.maps.map_statistics import MapPooling, pool_regions, region_maxima
from strata.maps.stored_layers import StoredLayer
from strata.settings.params import PoolParams

FLOOR = 1e-6

Cut = Callable[[torch.Tensor, int, int, int], torch.Tensor]
LEVELS, GEM_P = 3, 3.0
SHAPES = ((32, 2048, 7, 7), (32, 768, 7, 7), (32, 256, 56, 56), (32, 64, 112, 112))
SMALL = ((3, 8, 7, 7), (2, 4, 13, 13))
TARGET = 20.0
PARAMS = PoolParams(levels=LEVELS, center=False, whiten="none", normalize=True)

Shape = tuple[int, int, int, int]


@torch.inference_mode()
def run(settings: Settings) -> Result:
    """Every shape, ours in the layout that networks give (channels last), against both loops in theirs."""
    rows = []
    for shape in SMALL if settings.small else SHAPES:
        random = torch.Generator().manual_seed(0)
        maps = torch.randn(shape, generator=random).contiguous(memory_format=torch.channels_last)
        layer = _stored(maps, settings.work)
        for peer, cut, target in LOOPS:
            rows += _rows(maps, layer, peer, cut, target, settings.rounds)
    return Result("R-MAC", tuple(rows), REMARKS)


REMARKS = (
    "*Region maxima*: a batch of maps to the maxima of the 14 regions of three levels, equal to the loop's "
    "to the bit. *All that extract keeps*: the same with mean, GeM, the checks and float16; the loop takes "
    "mean and GeM of each picture as well. *Descriptors*: what `pool` does, stored region maxima (float16, "
    "mapped from disk) to L2-normalised descriptors, against the loop over maps, to be run again for every "
    "change of pooling where no maxima are stored.",
    "The loop as published cuts regions out by lists of rows and columns, which copies them; the loop with "
    "slices is that code at its best. Both have the threads that we have.",
    "Each side has a layout of its own: ours channels last, as this pipeline's networks give the maps; the "
    "loops contiguous NCHW, for which they are written and in which they are up to four times as fast. "
    "Turning the maps is in nobody's time.",
)


def _rows(
    maps: torch.Tensor, layer: StoredLayer, peer: str, cut: Cut, target: float | None, rounds: int
) -> list[Row]:
    count = len(maps)
    planes = maps.contiguous()  # the loops' own layout, in which they are faster
    pooling = MapPooling(LEVELS, GEM_P, False)

    def loop() -> torch.Tensor:
        return torch.stack([maxima(planes[n : n + 1], LEVELS, cut) for n in range(count)])

    def loop_and_means() -> None:
        for n in range(count):
            one = planes[n : n + 1]
            maxima(one, LEVELS, cut)
            one.mean((2, 3))
            one.clamp_min(1e-6).pow(GEM_P).mean((2, 3)).pow(1 / GEM_P)

    def loop_of_descriptors() -> torch.Tensor:
        return torch.stack([descriptor(planes[n : n + 1], LEVELS, cut) for n in range(count)])

    def described() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return describe_rows(layer, 0, count, "rmac", PARAMS, Transform(None, None))

    if not torch.equal(region_maxima(maps, None, LEVELS), loop()):
        raise RuntimeError("the region maxima differ from the loop's")
    if not np.allclose(described(), loop_of_descriptors().numpy(), atol=1e-3):  # float16 maxima
        raise RuntimeError("the descriptors differ from the loop's")
    pairs: list[tuple[str, Callable[[], object], Callable[[], object], float | None]] = [
        ("region maxima", lambda: region_maxima(maps, None, LEVELS), loop, target),
        ("all that extract keeps", lambda: pool_regions(maps, None, pooling, "x"), loop_and_means, None),
        ("descriptors", described, loop_of_descriptors, target),
    ]
    shape = " x ".join(map(str, maps.shape))
    return [
        rate_row(f"{what}, {shape}", peer, paired(timed(ours), timed(theirs), rounds), count, "maps/s", least)
        for what, ours, theirs, least in pairs
    ]


def _stored(maps: torch.Tensor, work: Path) -> StoredLayer:
    """The maps' region maxima as ``extract`` leaves them: float16 in a file that is mapped."""
    _, channels, height, width = maps.shape
    path = work / "rmac" / "regions.npy"
    write_array(path, region_maxima(maps, None, LEVELS).to(torch.float16).numpy())
    info = LayerInfo("maps", "maps", "regions", channels, height, width, LEVELS, GEM_P, False)
    return StoredLayer(info, {"regions": read_array(path, mmap=True)})


def by_lists(maps: torch.Tensor, row: int, column: int, size: int) -> torch.Tensor:
    """(1, C, 1, 1): the maximum of a region that is cut out by lists, as the published code does."""
    rows = (row + torch.arange(size)).tolist()
    columns = (column + torch.arange(size)).tolist()
    region = maps[:, :, rows, :][:, :, :, columns]
    return max_pool2d(region, (region.shape[2], region.shape[3]))


def by_slices(maps: torch.Tensor, row: int, column: int, size: int) -> torch.Tensor:
    """(1, C, 1, 1): the same from a slice, which copies nothing: the loop at its best."""
    return maps[:, :, row : row + size, column : column + size].amax((2, 3), keepdim=True)


def maxima(maps: torch.Tensor, levels: int, cut: Cut) -> torch.Tensor:
    """(1, C, H, W) -> (R, C): the maximum of every region."""
    return torch.stack([cut(maps, *box)[0, :, 0, 0] for box in _boxes(maps, levels)])


def descriptor(maps: torch.Tensor, levels: int, cut: Cut) -> torch.Tensor:
    """(1, C, H, W) -> (C,): the sum of the L2-normalised maxima, L2-normalised."""
    total = torch.zeros(1, maps.shape[1], 1, 1)
    for box in _boxes(maps, levels):
        vector = cut(maps, *box)
        total += vector / (torch.norm(vector, p=2, dim=1, keepdim=True) + FLOOR)
    return torch.nn.functional.normalize(total[0, :, 0, 0], dim=0)


def _boxes(maps: torch.Tensor, levels: int) -> Iterator[tuple[int, int, int]]:
    side = min(maps.shape[2:])
    for level in range(1, levels + 1):
        size = math.floor(2 * side / (level + 1))
        step = (side - size) / (level - 1) if level > 1 else 0.0
        for row in range(level):
            for column in range(level):
                yield math.floor(row * step), math.floor(column * step), size


LOOPS: tuple[tuple[str, Cut, float | None], ...] = (
    ("the double loop, a picture at a time", by_lists, TARGET),
    ("the same loop with slices", by_slices, None),
)
