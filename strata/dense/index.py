"""The dense index of a collection: every picture's projected map, pictures of one shape together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.dense.projection import Codes


@dataclass(frozen=True)
class Group:
    """The maps of one shape. ``places``: (n,) which pictures; ``maps``: (n, rows, columns, D) int8."""

    places: npt.NDArray[np.int64]
    maps: Codes


@dataclass(frozen=True)
class Level:
    """Every picture's map at one resolution. ``shapes``: (N, 2) rows, columns."""

    groups: Sequence[Group]
    shapes: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self.shapes)


@dataclass(frozen=True)
class DenseIndex:
    """``sizes``: (N, 2) width, height in pixels."""

    ids: Sequence[str]
    sizes: npt.NDArray[np.int64]
    fine: Level


def make_level(maps: Iterable[Codes]) -> Level:
    """The level of (rows, columns, D) maps, one a picture."""
    members: dict[tuple[int, int], list[tuple[int, Codes]]] = defaultdict(list)
    shapes = []
    for place, map_ in enumerate(maps):
        shapes.append(map_.shape[:2])
        members[map_.shape[0], map_.shape[1]].append((place, map_))
    groups = [
        Group(np.array([place for place, _ in found]), np.stack([map_ for _, map_ in found]))
        for _, found in sorted(members.items())
    ]
    return Level(groups, np.array(shapes, np.int64).reshape(-1, 2))
