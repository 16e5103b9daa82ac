"""From views to what is kept of them: one forward pass, every layer pooled, a row for every item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from strata.base.errors import StrataError
from strata.extraction.network import Network, TappedLayer
from strata.extraction.plan import Job
from strata.maps.geometry import Box, picture_box_to_view
from strata.maps.map_statistics import keep_map, pool_regions
from strata.maps.masks import Mask, box_mask, picture_mask
from strata.maps.store import Arrays
from strata.maps.views import ViewedPicture
from strata.models.layers import Activation, forward_taps
from strata.models.loading import normalise


def encode(
    network: Network, jobs: Sequence[Job], views: Sequence[ViewedPicture], layers: Iterable[TappedLayer]
) -> dict[str, Arrays]:
    """The arrays of every item of ``jobs`` (in their order), for each of ``layers`` by name.

    At most ``network.batch`` jobs. Items of the picture itself take the valid part of its map, those with a
    box the positions inside it; a layer without positions, and a class token, cannot be limited to a box.
    """
    wanted = list(layers)
    seen = activations(network, batch_pixels(network, views), wanted)
    source = np.array([place for place, job in enumerate(jobs) for _ in job.items])
    boxes = [
        None if item.roi is None else _in_view(network, job, item.roi) for job in jobs for item in job.items
    ]
    return {
        layer.info.name: _keep(network, layer, seen[layer.info.name], views, source, boxes)
        for layer in wanted
    }


def batch_pixels(network: Network, views: Sequence[ViewedPicture]) -> torch.Tensor:
    """(batch, 3, S, S) uint8, filled up with black views; in pinned memory if a GPU takes it."""
    side = network.model.image_size_px
    pixels = torch.zeros(
        (network.batch, side, side, 3), dtype=torch.uint8, pin_memory=network.model.device.type == "cuda"
    ).permute(0, 3, 1, 2)  # channels last, as decoded pictures and the network's input are
    for place, view in enumerate(views):
        pixels[place] = view.pixels
    return pixels.to(network.model.device, non_blocking=True)


@torch.no_grad()
def activations(
    network: Network, pixels: torch.Tensor, layers: Iterable[TappedLayer]
) -> dict[str, Activation]:
    """What the layers see of ``batch_pixels``, by name."""
    values = normalise(pixels, network.model, network.params.pixel_norm)
    return forward_taps(network.model, values, tuple(layer.tap for layer in layers))


@torch.inference_mode()
def _keep(
    network: Network,
    layer: TappedLayer,
    seen: Activation,
    views: Sequence[ViewedPicture],
    source: npt.NDArray[np.int64],
    boxes: Sequence[Box | None],
) -> Arrays:
    """One layer's arrays, a row an item. ``source``: its picture in the batch; ``boxes``: in view pixels."""
    kept: Arrays = {}
    if seen.cls is not None:
        kept["cls"] = _numpy(seen.cls.float())[source]
    if seen.vector is not None:
        kept["vector"] = _numpy(_finite(seen.vector.float(), layer.info.name))[source]
    if seen.map is None:
        return kept
    size, shape = network.model.image_size_px, seen.map.shape[2:]
    inside = [picture_mask(view.valid, size, *shape) for view in views]
    whole = _pool(network, layer, seen.map, inside)
    arrays = {name: values[source] for name, values in whole.items()}
    limited = [(place, box) for place, box in enumerate(boxes) if box is not None]
    for start in range(0, len(limited), network.batch):
        part = limited[start : start + network.batch]
        places = [place for place, _ in part]
        masks = [box_mask(box, inside[source[place]], size) for place, box in part]
        maps = seen.map[torch.as_tensor(source[places], device=seen.map.device)]
        for name, values in _pool(network, layer, maps, masks).items():
            arrays[name][places] = values
    return {**kept, **arrays}


def _pool(network: Network, layer: TappedLayer, maps: torch.Tensor, masks: Sequence[Mask]) -> Arrays:
    """Pool maps by their masks; rows beyond the masks (a short batch) are all valid and of no interest."""
    valid = None
    if not all(mask.all() for mask in masks):
        stacked = np.ones((len(maps), *masks[0].shape), bool)
        stacked[: len(masks)] = np.stack(masks)
        valid = torch.from_numpy(stacked).to(maps.device)
    if layer.info.kind == "map":
        return {"map": _numpy(keep_map(maps, valid, network.pooling, layer.info.name))}
    pooled = pool_regions(maps, valid, network.pooling, layer.info.name)
    found = {"regions": pooled.regions, "mean": pooled.mean, "gem": pooled.gem, "max": pooled.whole}
    return {name: _numpy(values) for name, values in found.items() if values is not None}


def _in_view(network: Network, job: Job, box: Box) -> Box:
    return picture_box_to_view(box, job.width, job.height, network.model.image_size_px, network.params.view)


def _finite(values: torch.Tensor, layer: str) -> torch.Tensor:
    if not bool(torch.isfinite(values).all()):
        raise StrataError(f"layer {layer}: its values are not finite; use extract.precision fp32")
    return values


def _numpy(values: torch.Tensor) -> npt.NDArray[Any]:
    return np.asarray(values.cpu().numpy())
