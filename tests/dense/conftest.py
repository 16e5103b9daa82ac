"""Drawn pictures and the demo's own network, small and quick."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from stages.settings import model_conf
from strata.dense.building import Source, compute_maps, lay_out_maps
from strata.dense.details import Collection
from strata.dense.index import open_index
from strata.dense.indexing import build_index, fit_on_maps
from strata.dense.kept import KeptMaps
from strata.dense.raw_maps import RawMaps, open_raw_maps
from strata.dense.tower import DenseTower, open_tower
from strata.models.loading import load_model

Pixels = npt.NDArray[np.uint8]


def drawn(seed: int, width: int, height: int) -> Pixels:
    """(height, width, 3): soft colour noise with some hard rectangles, so that no two places are alike."""
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.random((1, 3, 1 + height // 12, 1 + width // 12), np.float32))
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0]
    picture = (smooth.clamp(0, 1) * 255).to(torch.uint8).permute(1, 2, 0).numpy().copy()
    for _ in range(12):
        x, y = int(random.integers(width)), int(random.integers(height))
        w, h = (int(random.integers(3, 40)) for _ in range(2))
        picture[y : y + h, x : x + w] = random.integers(0, 256, 3)
    return picture


@pytest.fixture(scope="session")
def tower() -> DenseTower:
    conf = model_conf("demo-rn")
    return open_tower(load_model(conf, device="cpu"), "middle", conf.aliases, size_px=272)


def source_of(pictures: Sequence[Pixels]) -> Source:
    ids = [f"{number:04d}" for number in range(len(pictures))]
    sizes = np.array([picture.shape[1::-1] for picture in pictures], np.int64)
    return Source(ids, [f"{number:064x}" for number in range(len(pictures))], sizes, pictures.__getitem__)


def raw_maps(folder: Path, source: Source, tower: DenseTower, kept: KeptMaps) -> RawMaps:
    """The stored maps, laid out and opened."""
    lay_out_maps(folder, source, tower, kept)
    return open_raw_maps(folder)


def collection_of(folder: Path, tower: DenseTower, pictures: Sequence[Pixels]) -> Collection:
    """Everything from the pictures to an open index."""
    source, kept = source_of(pictures), KeptMaps(folder / "store", {"test": 1}, tower.tap.channels)
    compute_maps(source, tower, kept)
    raw = raw_maps(folder / "maps", source, tower, kept)
    projection = fit_on_maps(raw, dims=64, power=0.25, seed=22, fit_set="drawn")
    build_index(folder / "index", raw, projection)
    return Collection(
        open_index(folder / "index"), projection, tower, lambda image_id: pictures[int(image_id)]
    )
