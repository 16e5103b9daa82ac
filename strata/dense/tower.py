"""The network that gives a picture's map: one layer, any shape of input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from strata.base.errors import StrataError
from strata.dense.view import map_shape, resample
from strata.maps.views import Picture
from strata.models.layers import Tap, forward_taps, resolve_layers
from strata.models.loading import LoadedModel, load_model, normalise, share
from strata.models.positions import overlap_patches
from strata.settings.params import ModelConf, Precision

Map = npt.NDArray[np.float16]
PixelNorm = Literal["model", "none"]


@dataclass(frozen=True)
class DenseTower:
    """``stride``: pixels from one cell of the layer's map to the next; ``size_px``: a picture's long side;
    ``pixel_norm``: see ``models.loading.normalise``."""

    model: LoadedModel
    tap: Tap
    stride: int
    size_px: int
    pixel_norm: PixelNorm = "model"


@dataclass(frozen=True)
class DenseView:
    """How a run sees pictures for dense matching. ``name``: the model's, for messages."""

    name: str
    conf: ModelConf
    precision: Precision
    pixel_norm: PixelNorm
    size_px: int
    stride: int | None


def load_network(view: DenseView, device: str | None, hash_record: Path | None = None) -> LoadedModel:
    """The model; see ``models.loading.load_model``."""
    return load_model(
        view.conf, precision=view.precision, device=device, hash_record=hash_record, name=view.name
    )


def layer_tower(model: LoadedModel, layer: str, view: DenseView) -> DenseTower:
    """One layer of it; see ``open_tower``."""
    aliases, pixel_norm = view.conf.aliases, view.pixel_norm
    return open_tower(model, layer, aliases, size_px=view.size_px, stride=view.stride, pixel_norm=pixel_norm)


def open_tower(
    model: LoadedModel,
    layer: str,
    aliases: Mapping[str, str],
    *,
    size_px: int,
    stride: int | None = None,
    pixel_norm: PixelNorm = "model",
) -> DenseTower:
    """``layer`` of ``model``; ``stride`` runs a ViT's patch convolution that densely (None: its own).

    Raises StrataError for a layer that has no map, or one whose cells are no whole pixels.
    """
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
    return DenseTower(own, tap, side // tap.height, size_px, pixel_norm)


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
    values = normalise(pixels, tower.model, tower.pixel_norm)
    seen = forward_taps(tower.model, values, [tower.tap])[tower.tap.name].map
    assert seen is not None
    maps = seen.permute(0, 2, 3, 1).to(torch.float16).cpu().contiguous()
    return np.asarray(maps.numpy(), np.float16)
