"""The training drawings: same family as the demo collection, other seeds.

A collection's seeds are never negative (`strata.demo.collection` refuses such a seed), training seeds always
are, so no picture that a demo run is judged on can have been trained on. The pool is drawn once, by two
processes, and kept under ``.cache/training``.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from strata.demo.collection import LONG_SIDE_PX, plan_collection
from strata.demo.painting import draw_painting
from strata.demo.vocabulary import DETAILS, MEDIA, MOODS, MOTIFS

VIEW_PX = 112  # a little more than the models' 96, so that a crop can wander
DRAWINGS = 12_000
_CHUNK = 250


@dataclass(frozen=True)
class Pool:
    """Drawings ready for training.

    ``views : (N, 2, VIEW_PX, VIEW_PX, 3) uint8``: view 0 the centre crop, view 1 the whole picture squashed.
    ``motif, medium, mood : (N,) int64`` index the vocabulary; ``details : (N, len(DETAILS)) bool``.
    """

    views: npt.NDArray[np.uint8]
    motif: npt.NDArray[np.int64]
    medium: npt.NDArray[np.int64]
    mood: npt.NDArray[np.int64]
    details: npt.NDArray[np.bool_]


def training_seeds(drawings: int = DRAWINGS) -> range:
    """Negative seeds only."""
    return range(-drawings, 0)


def assert_disjoint(seeds: Sequence[int], collection_seed: int, pictures: int) -> None:
    """Refuse to train on, or to be judged by, a shared drawing."""
    shared = {subject.seed for subject in plan_collection(collection_seed, pictures)} & set(seeds)
    if shared or max(seeds) >= 0:
        raise ValueError(
            f"training seeds must be negative and not in the collection: {sorted(shared)[:3]} ..."
        )


def two_views(image: Image.Image) -> npt.NDArray[np.uint8]:
    """(2, VIEW_PX, VIEW_PX, 3): the centre crop and the whole picture squashed."""
    wide, high = image.size
    side = min(wide, high)
    left, top = (wide - side) / 2, (high - side) / 2
    size, bicubic = (VIEW_PX, VIEW_PX), Image.Resampling.BICUBIC
    crop = image.resize(size, bicubic, box=(left, top, left + side, top + side))
    return np.stack([np.asarray(crop), np.asarray(image.resize(size, bicubic))])


def load_pool(cache: Path, drawings: int = DRAWINGS) -> Pool:
    """Read the pool from `cache`, drawing it first where it is not there."""
    path = cache / f"pool-{drawings}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, **_draw_pool(training_seeds(drawings)))
        partial.replace(path)
    with np.load(path, allow_pickle=False) as stored:
        return Pool(stored["views"], stored["motif"], stored["medium"], stored["mood"], stored["details"])


def _draw_pool(seeds: range) -> dict[str, npt.NDArray[np.generic]]:
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    with ProcessPoolExecutor(2) as processes:
        parts = list(processes.map(_draw_chunk, chunks))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _draw_chunk(seeds: range) -> dict[str, npt.NDArray[np.generic]]:
    views = np.empty((len(seeds), 2, VIEW_PX, VIEW_PX, 3), np.uint8)
    words = np.empty((len(seeds), 3), np.int64)
    details = np.zeros((len(seeds), len(DETAILS)), np.bool_)
    for row, seed in enumerate(seeds):
        painting = draw_painting(seed, size_px=LONG_SIDE_PX)
        views[row] = two_views(painting.image)
        words[row] = MOTIFS.index(painting.motif), MEDIA.index(painting.medium), MOODS.index(painting.mood)
        for kind, _ in painting.details:
            details[row, DETAILS.index(kind)] = True
    return {
        "views": views,
        "motif": words[:, 0],
        "medium": words[:, 1],
        "mood": words[:, 2],
        "details": details,
    }
