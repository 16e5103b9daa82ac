"""The network a run uses: its layers, what is kept of each, how many pictures go through it at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from strata.extraction.kernels import Computed, computed_with
from strata.maps.features import Kind, LayerInfo
from strata.maps.map_statistics import MapPooling
from strata.maps.rmac_regions import count_regions, cover_all
from strata.maps.store import HOW
from strata.maps.views import ViewSpec
from strata.models.layers import Tap, resolve_layers
from strata.models.loading import LoadedModel, cast, load_model
from strata.models.weights import CONFIG
from strata.settings.params import ExtractParams, ModelConf

LOCAL = "local-dir:"
HELD_BYTES = 512 << 20  # of the maps that are held at once, as float32
HELD_PIXELS = 32 * 448 * 448  # of the views worked on at once: bounds what the network itself holds
CPU_BATCH = 16  # more gives nothing, and a ResNet's maps leave the caches
GPU_BATCH = 128
GPU_STREAMS = 2

Rows = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]


@dataclass(frozen=True)
class TappedLayer:
    """One layer: where it is tapped, what is kept of it, and dtype and shape of a row of each array."""

    tap: Tap
    info: LayerInfo
    rows: Rows


@dataclass(frozen=True)
class Network:
    """A loaded model, its layers in the order asked for, and how many pictures go through it at once.

    ``batch`` is constant in a run, a short batch is filled up: kernels must not depend on how many are left.
    ``streams`` batches are worked on at once, each by ``threads`` threads. ``exact`` is the model in fp32
    where the precision is another. ``computed`` is what decides the last bits of its values.
    """

    model: LoadedModel
    layers: tuple[TappedLayer, ...]
    params: ExtractParams
    batch: int
    streams: int
    threads: int
    computed: Computed
    exact: LoadedModel | None

    @property
    def spec(self) -> ViewSpec:
        """How pictures are viewed for this model."""
        model = self.model
        return ViewSpec(
            model.image_size_px, self.params.view, self.params.decode, model.interpolation, model.fill
        )

    @property
    def pooling(self) -> MapPooling:
        """How maps are pooled."""
        return MapPooling(self.params.levels, self.params.gem_p, self.params.position_l2)


def open_network(
    conf: ModelConf,
    name: str,
    layers: Sequence[str],
    params: ExtractParams,
    *,
    device: str,
    batch: int | None,
    workers: int,
    hash_record: Path | None,
) -> Network:
    """Load the model ``name`` and find its layers. Raises StrataError for whatever cannot be had.

    ``batch`` (None: what suits the device) is halved until a batch's maps and pixels keep within HELD_BYTES
    and HELD_PIXELS; as many of ``workers`` cores as also keep within them work on a batch of their own.
    """
    exact = load_model(
        conf,
        image_size_px=params.image_size,
        conv1_stride=params.conv1_stride,
        device=device,
        hash_record=hash_record,
        name=name,
    )
    if exact.device.type == "cuda":
        _be_exact()
    reduced = params.precision != "fp32"
    model = cast(exact, params.precision) if reduced else exact
    taps = resolve_layers(model, layers, conf.aliases)
    size, streams = _sizes(taps, model, batch, workers)
    threads = max(1, workers // streams)
    return Network(
        model=model,
        layers=tuple(_layer(tap, params) for tap in taps),
        params=params,
        batch=size,
        streams=streams,
        threads=threads,
        computed=computed_with(model, size, threads),
        exact=exact if reduced else None,
    )


def space_key(network: Network, layer: TappedLayer) -> dict[str, Any]:
    """Everything that decides the values of a layer's arrays, as JSON: the key of its space in the store.

    Aliases are resolved, and what has no bearing on a layer's kind is left out: another GeM exponent computes
    no embedding again. What decides no more than the last bits stands apart, under HOW.
    """
    model, params, kind = network.model, network.params, layer.info.kind
    return {
        "network": network_name(model),
        "weights": model.sha256,
        "module": layer.tap.module,
        "kind": kind,
        "size_px": model.image_size_px,
        "conv1_stride": model.conv1_stride,
        "view": params.view,
        "interpolation": model.interpolation,
        "fill": list(model.fill),
        "decode": params.decode,
        "mean": list(model.mean) if params.pixel_norm == "model" else None,
        "std": list(model.std) if params.pixel_norm == "model" else None,
        "precision": params.precision,
        "position_l2": None if kind == "vector" else params.position_l2,
        "levels": params.levels if kind == "regions" else None,
        "gem_p": params.gem_p if kind == "regions" else None,
        **({"arrays": sorted(layer.rows)} if "max" in layer.rows else {}),
        HOW: network.computed,
    }


def _be_exact() -> None:
    """Keep cuDNN from rounding fp32 convolutions to TF32, its default, and to repeatable kernels."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True


def _layer(tap: Tap, params: ExtractParams) -> TappedLayer:
    positions, half, single = tap.height * tap.width, np.dtype("<f2"), np.dtype("<f4")
    one = (single, (tap.channels,))
    regions = count_regions(tap.height, tap.width, params.levels)
    rows: dict[str, tuple[np.dtype[Any], tuple[int, ...]]]
    kind: Kind
    if tap.kind == "vector":
        kind, rows = "vector", {"vector": one}
    elif positions <= regions:
        kind, rows = "map", {"map": (half, (positions, tap.channels))}
    else:
        kind, rows = "regions", {"regions": (half, (regions, tap.channels)), "mean": one, "gem": one}
        if not cover_all(tap.height, tap.width):
            rows["max"] = half, (tap.channels,)
    if tap.has_cls:
        rows["cls"] = one
    info = LayerInfo(
        name=tap.name,
        module=tap.module,
        kind=kind,
        channels=tap.channels,
        height=tap.height,
        width=tap.width,
        levels=params.levels,
        gem_p=params.gem_p,
        has_cls=tap.has_cls,
    )
    return TappedLayer(tap, info, rows)


def _sizes(taps: Iterable[Tap], model: LoadedModel, batch: int | None, workers: int) -> tuple[int, int]:
    """Pictures a batch, and batches at once. A GPU works on one while the next is put together."""
    held = sum(4 * tap.channels * tap.height * tap.width for tap in taps)
    fitting = min(HELD_BYTES // held, HELD_PIXELS // model.image_size_px**2)
    on_gpu = model.device.type == "cuda"
    size = batch or (GPU_BATCH if on_gpu else CPU_BATCH)
    while size > 1 and size > fitting:
        size //= 2
    return size, GPU_STREAMS if on_gpu else min(workers, max(1, fitting // size))


def network_name(model: LoadedModel) -> str:
    """What the weights are put into: open_clip's name for it, or the hash of the folder's own description."""
    stem = " with a linear stem" if model.linear_stem else ""
    if not model.spec.startswith(LOCAL):
        return model.spec + stem
    described = (Path(model.spec.removeprefix(LOCAL)) / CONFIG).read_bytes()
    return hashlib.sha256(described).hexdigest() + stem
