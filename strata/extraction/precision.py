"""Is a reduced precision good enough for this network? Its first batch answers, against fp32."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch

from strata.errors import StrataError
from strata.extraction.encoding import activations, batch_pixels
from strata.extraction.network import Layer, Network
from strata.layers import Activation
from strata.models import load_model
from strata.params import ModelConf
from strata.views import ViewedPicture

SAME_COSINE = 0.999  # least cosine between a layer in reduced precision and in fp32


def check_precision(
    network: Network, conf: ModelConf, name: str, views: Sequence[ViewedPicture], layers: Iterable[Layer]
) -> None:
    """Compare the views' activations with those in fp32; StrataError naming the first layer that differs."""
    wanted = list(layers)
    pixels = batch_pixels(network, views)
    seen = activations(network, pixels, wanted)
    exact = load_model(
        conf,
        precision="fp32",
        image_size_px=network.params.image_size,
        conv1_stride=network.params.conv1_stride,
        device=network.model.device,
        name=name,
    )
    truth = activations(replace(network, model=exact), pixels, wanted)
    for layer in wanted:
        cosine = _least_cosine(seen[layer.info.name], truth[layer.info.name], len(views))
        if not cosine >= SAME_COSINE:
            raise StrataError(
                f"layer {layer.info.name}: extract.precision {network.params.precision} is not exact enough "
                f"(cosine {cosine:.4f} with fp32, at least {SAME_COSINE} is needed); use fp32"
            )


def _least_cosine(seen: Activation, truth: Activation, count: int) -> float:
    """The least cosine of a row, over whatever the layer has."""
    pairs = ((seen.map, truth.map), (seen.cls, truth.cls), (seen.vector, truth.vector))
    return min(
        float(torch.cosine_similarity(a[:count].float().flatten(1), b[:count].float().flatten(1)).min())
        for a, b in pairs
        if a is not None and b is not None
    )
