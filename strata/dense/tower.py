"""The network that gives a picture's map: one layer, any shape of input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from strata.base.errors import StrataError
from strata.dense.view import map_shape, resample
from strata.maps.views import Picture
from strata.models.layers import Tap, forward_taps, resolve_layers
from strata.models.loading import LoadedModel, normalise, share
from strata.models.positions import overlap_patches

Map = npt.NDArray[np.float16]


@dataclass(frozen=True)
class DenseTower:
    """``stride``: pixels from one cell of the layer's map to the next; ``size_px``: a picture's long side."""

    model: LoadedModel
    tap: Tap
    stride: int
    size_px: int


def open_tower(
    model: LoadedModel, layer: str, aliases: Mapping[str, str], *, size_px: int, stride: int | None = None
) -> DenseTower:
    """``layer`` of ``model``; ``stride`` runs a ViT's patch convolution that densely (None: its own)."""
    own = share(model)
    if stride is not None:
        overlap_patches(own.visual, stride)
    (tap,) = resolve_layers(own, [layer], aliases)
    side = own.image_size_px
    if tap.kind != "map" or side % tap.height:
        raise StrataError(
            f"dense.layers: {layer!r} gives {tap.height} x {tap.width} positions of {side} pixels a side; a "
            "dense match needs a map whose cells are whole pixels"
        )
    return DenseTower(own, tap, side // tap.height, size_px)


def twin(tower: DenseTower) -> DenseTower:
    """The same weights in modules of their own: two threads may run the two."""
    return replace(tower, model=share(tower.model))


def picture_map(tower: DenseTower, picture: Picture) -> Map:
    """(rows, columns, C) float16: the map of a whole (H, W, 3) uint8 picture."""
    height, width = picture.shape[:2]
    rows, columns = map_shape(width, height, tower.size_px, tower.stride)
    pixels = resample(
        picture,
        (0, 0, width, height),
        columns * tower.stride,
        rows * tower.stride,
        tower.model.interpolation,
    )
    return np.asarray(run_tower(tower, pixels[None])[0])


@torch.no_grad()
def run_tower(tower: DenseTower, pixels: torch.Tensor) -> Map:
    """(B, 3, H, W) uint8, sides whole strides -> (B, H / stride, W / stride, C) float16."""
    seen = forward_taps(tower.model, normalise(pixels, tower.model), [tower.tap])[tower.tap.name].map
    assert seen is not None
    maps = seen.permute(0, 2, 3, 1).to(torch.float16).cpu().contiguous()
    return np.asarray(maps.numpy(), np.float16)
