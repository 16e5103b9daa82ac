"""Tap any layers of an image tower in one forward pass that stops at the deepest of them.

A layer is an alias (``stem`` .. ``late``), ``conv1`` .. ``conv3``, ``embedding``, or any dotted module
path of the tower. Its module's output is read by a hook; nothing of the network is rewritten. Token
sequences become a map and a class token; register tokens are dropped. A module that runs several times
in a pass counts with its first run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

from strata.base.errors import StrataError, one_line
from strata.models.loading import LoadedModel
from strata.models.networks import LINEAR_STEM, patch_convolution
from strata.models.positions import fitted_positions
from strata.models.towers import Tower, describe_tower, module_path, names_that_exist
from strata.settings.params import EMBEDDING


@dataclass(frozen=True)
class Tap:
    """One layer to read. ``module`` is its path in the image tower ('' for the embedding).

    ``kind`` ``map``: (channels, height, width), perhaps with a class token; ``vector``: (channels,).
    ``clone``: the network overwrites this output later in the same pass, so reading it copies it.
    """

    name: str
    module: str
    kind: Literal["map", "vector"]
    channels: int
    height: int
    width: int
    has_cls: bool
    clone: bool


@dataclass(frozen=True)
class Activation:
    """What a tap read, in the network's dtype, on its device.

    Either ``map`` (B, C, H, W; a view) and perhaps ``cls`` (B, C), or ``vector`` (B, C).
    """

    map: torch.Tensor | None
    cls: torch.Tensor | None
    vector: torch.Tensor | None


class _Stop(Exception):
    """Raised inside the hook of the last tap to leave the forward pass."""


def resolve_layers(model: LoadedModel, names: Sequence[str], aliases: Mapping[str, str]) -> tuple[Tap, ...]:
    """Find the modules called ``names`` and learn their shapes from one blank picture.

    ``aliases`` maps names to module paths; empty: derived from the tower. Raises StrataError for a name
    that does not exist (listing those that do), for a module without a usable output, and for a layer
    that means nothing with ``conv1_stride``.
    """
    tower = describe_tower(model)
    paths = {name: _path(model, tower, name, aliases) for name in names}
    side = model.image_size_px
    blank = torch.zeros(1, 3, side, side, dtype=model.dtype, device=model.device)
    try:
        with fitted_positions(model.visual, tower.grid):
            outputs = _run(model, blank, dict.fromkeys(paths.values(), False))
    except (RuntimeError, AssertionError) as error:
        reason = one_line(error)[:200]
        raise StrataError(
            f"extract.image_size: {model.spec} cannot run on {side} pixels ({reason})"
        ) from None
    taps = []
    for name, path in paths.items():
        if path not in outputs:
            raise StrataError(
                f"layers: {name!r} ({path}) never runs by itself in this network (its parent does its work); "
                f"ask for its parent or one of: {names_that_exist(model.visual, aliases)}"
            )
        output, version = outputs[path]
        taps.append(replace(_measured(name, path, tower, output), clone=output._version != version))
    return tuple(taps)


def forward_taps(model: LoadedModel, pixels: torch.Tensor, taps: Iterable[Tap]) -> dict[str, Activation]:
    """Run the network as far as the deepest tap: name -> what was read.

    pixels : (B, 3, H, W) from ``models.normalise``; where they are not of the model's own size, a vision
    transformer's positions are interpolated to the patches there are. ``embedding`` is what the image tower
    gives: open_clip's ``encode_image(pixels, normalize=False)``.
    """
    taps = tuple(taps)
    tower = describe_tower(model, (pixels.shape[2], pixels.shape[3]))
    with fitted_positions(model.visual, tower.grid):
        outputs = _run(model, pixels, {tap.module: tap.clone for tap in taps})
    return {tap.name: _activation(tap.module, tower, outputs[tap.module][0]) for tap in taps}


def _path(model: LoadedModel, tower: Tower, name: str, aliases: Mapping[str, str]) -> str:
    path = "" if name == EMBEDDING else module_path(model.visual, name, aliases)
    if path is None:
        known = names_that_exist(model.visual, aliases)
        raise StrataError(f"layers: this model has no layer {name!r}; there are: {EMBEDDING}, {known}")
    if model.conv1_stride is not None and (
        not path or model.visual.get_submodule(path) is not patch_convolution(model.visual)
    ):
        raise StrataError(
            f"layers: {name!r} means nothing with extract.conv1_stride, only conv1 does (the rest of the "
            "network knows no positions on the denser grid); ask for conv1 alone or set the stride to null"
        )
    if model.linear_stem and path not in LINEAR_STEM:
        raise StrataError(
            f"layers: {name!r} means nothing behind a stem without its ReLUs (the model's linear_stem); "
            f"ask for: {', '.join(LINEAR_STEM)}"
        )
    return path


def _run(
    model: LoadedModel, pixels: torch.Tensor, clones: Mapping[str, bool]
) -> dict[str, tuple[torch.Tensor, int]]:
    """Module path -> (its first output, that tensor's version when it was read).

    A version that has grown by the end of the pass means that a later in-place operation (the ReLUs of a
    ResNet) changed the tensor. The pass is left as soon as every module of ``clones`` has run.
    """
    seen: dict[str, tuple[torch.Tensor, int]] = {}
    pending = set(clones)

    def hook(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def read(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if path not in pending:
                return
            tensor = _first_tensor(path, output)
            seen[path] = (tensor.clone() if clones[path] else tensor, tensor._version)
            pending.discard(path)
            if not pending:
                raise _Stop

        return read

    handles = [model.visual.get_submodule(path).register_forward_hook(hook(path)) for path in clones if path]
    try:
        with torch.no_grad(), contextlib.suppress(_Stop):
            embedding = _first_tensor(EMBEDDING, model.visual(pixels))  # CoCa's returns its tokens, too
            if "" in pending:
                seen[""] = (embedding, embedding._version)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _first_tensor(path: str, output: Any) -> torch.Tensor:
    if isinstance(output, (tuple, list)) and output:
        output = output[0]  # an attention module returns (output, weights)
    if not isinstance(output, torch.Tensor):
        raise StrataError(f"layers: {path!r} returns {type(output).__name__}, not a tensor")
    return output


def _activation(path: str, tower: Tower, output: torch.Tensor) -> Activation:
    """Tell maps, token sequences and vectors apart by their shape."""
    if path in tower.sequence_first:
        output = output.transpose(0, 1)
    if output.dim() == 2:
        return Activation(None, None, output)
    if tower.is_map(output):
        if path in tower.channels_last:
            output = output.permute(0, 3, 1, 2)
        if output.shape[2:] == (1, 1):
            return Activation(None, None, output.flatten(1))
        return Activation(output, None, None)
    prefix = tower.prefix_tokens(output)
    if tower.grid is not None and prefix is not None:
        tokens = torch.unflatten(output[:, prefix:], 1, tower.grid).permute(0, 3, 1, 2)
        return Activation(tokens, output[:, 0] if prefix and tower.has_class_token else None, None)
    raise StrataError(
        f"layers: the output of {path!r} has the shape {tuple(output.shape)}: no map, tokens "
        "or vector; ask for the module around it"
    )


def _measured(name: str, path: str, tower: Tower, output: torch.Tensor) -> Tap:
    found = _activation(path, tower, output)
    if found.map is None:
        assert found.vector is not None
        return Tap(name, path, "vector", found.vector.shape[1], 1, 1, False, False)
    _, channels, height, width = found.map.shape
    return Tap(name, path, "map", channels, height, width, found.cls is not None, False)
