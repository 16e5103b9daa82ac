"""Is a reduced precision good enough for this network, and what would it gain? A few pictures answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from strata.base.errors import StrataError
from strata.extraction.encoding import activations, batch_pixels
from strata.extraction.network import Network, TappedLayer
from strata.maps.views import ViewedPicture
from strata.models.layers import Activation
from strata.models.loading import LoadedModel, cast

SAMPLE = 4  # pictures looked at
WORTH_IT = 1.2  # times as fast; less is not worth a sentence
SAME_COSINE = 0.999  # least cosine between a layer in reduced precision and in fp32

Seen = dict[str, Activation]


def check_precision(network: Network, exact: LoadedModel, views: Sequence[ViewedPicture]) -> None:
    """Compare the views' activations with those of ``exact``, the same model in fp32.

    StrataError naming the first layer that differs.
    """
    seen, _ = _look(network, network.model, views)
    truth, _ = _look(network, exact, views)
    for layer in network.layers:
        cosine = _least_cosine(layer, seen, truth)
        if not cosine >= SAME_COSINE:
            raise StrataError(
                f"layer {layer.info.name}: extract.precision {network.params.precision} is not exact enough "
                f"(cosine {cosine:.4f} with fp32, at least {SAME_COSINE} is needed); use fp32"
            )


def bf16_gain(network: Network, views: Sequence[ViewedPicture]) -> str:
    """What bf16 instead of fp32 would do for this network on this processor, in a sentence."""
    half = cast(network.model, "bf16")
    for model in (half, network.model):  # the first pass of a network chooses kernels and makes buffers
        _look(network, model, views)
    seen, seconds = _look(network, half, views)
    truth, exact_seconds = _look(network, network.model, views)
    worst = min(network.layers, key=lambda layer: _least_cosine(layer, seen, truth))
    cosine = _least_cosine(worst, seen, truth)
    gain = exact_seconds / seconds
    if gain < WORTH_IT:
        return f"bf16 would gain nothing on this processor (the network {gain:.1f} times as fast)"
    said = f"in bf16 the network would be {gain:.1f} times as fast here"
    if not cosine >= SAME_COSINE:
        return (
            f"{said}, but layer {worst.info.name} would not be exact enough (cosine {cosine:.4f} with fp32)"
        )
    return f"{said} (least cosine with fp32 {cosine:.5f}): extract.precision=bf16"


def _look(network: Network, model: LoadedModel, views: Sequence[ViewedPicture]) -> tuple[Seen, float]:
    """What the layers of ``model`` see of the views, and the seconds it took."""
    using = replace(network, model=model, batch=len(views))
    pixels = batch_pixels(using, views)
    started = time.perf_counter()
    seen = activations(using, pixels, network.layers)
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
    return seen, time.perf_counter() - started


def _least_cosine(layer: TappedLayer, seen: Seen, truth: Seen) -> float:
    """The least cosine of a row, over whatever the layer has."""
    one, other = seen[layer.info.name], truth[layer.info.name]
    pairs = ((one.map, other.map), (one.cls, other.cls), (one.vector, other.vector))
    return min(
        float(torch.cosine_similarity(a.float().flatten(1), b.float().flatten(1)).min())
        for a, b in pairs
        if a is not None and b is not None
    )
