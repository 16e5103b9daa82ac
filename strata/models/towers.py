"""What kinds of image tower there are, how to read their outputs and what their layers are called.

Known: open_clip's VisionTransformer and ModifiedResNet, and any timm network, which open_clip keeps
behind ``trunk.``; that prefix may be left out of a module path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch import nn

from strata.models.loading import LoadedModel

TRUNK = "trunk."
TIMM_BLOCKS = ("blocks", "stages", "layers")  # what timm calls the blocks of its networks
MOST_PREFIX_TOKENS = 16  # a class token and registers


@dataclass(frozen=True)
class Tower:
    """How to read a tower's outputs.

    ``grid`` : (H, W) of a transformer's tokens, None for a convolutional network. ``sequence_first`` :
    paths whose tokens are (L, B, C). ``channels_last`` : paths whose maps are (B, H, W, C).
    """

    grid: tuple[int, int] | None
    has_class_token: bool
    sequence_first: frozenset[str]
    channels_last: frozenset[str]

    def prefix_tokens(self, output: torch.Tensor) -> int | None:
        """How many tokens of (B, L, C) stand before the map's; None if L does not fit the grid."""
        if self.grid is None or output.dim() != 3:
            return None
        prefix = output.shape[1] - self.grid[0] * self.grid[1]
        return prefix if 0 <= prefix <= MOST_PREFIX_TOKENS else None

    def is_map(self, output: torch.Tensor) -> bool:
        """Is it (B, C, H, W), and not a transformer's (B, heads, L, channels of a head)?"""
        if output.dim() != 4 or self.grid is None or output.shape[2:] == self.grid:
            return output.dim() == 4
        tokens = self.grid[0] * self.grid[1]
        return not any(0 <= side - tokens <= MOST_PREFIX_TOKENS for side in output.shape[1:])


def describe_tower(model: LoadedModel, shape: tuple[int, int] | None = None) -> Tower:
    """The tower of a loaded model for an input of ``shape`` (height, width); None: its own size."""
    visual = model.visual
    trunk = getattr(visual, "trunk", None)
    first = frozenset[str]()
    transformer = getattr(visual, "transformer", None)
    if not getattr(transformer, "batch_first", True):
        first = frozenset(path for path, _ in visual.named_modules() if path.startswith("transformer."))
    last = frozenset[str]()
    if getattr(trunk, "output_fmt", "NCHW") == "NHWC":
        last = frozenset(path for path, module in visual.named_modules() if not isinstance(module, nn.Conv2d))
    class_token = isinstance(visual, VisionTransformer) or getattr(trunk, "cls_token", None) is not None
    shape = shape or (model.image_size_px, model.image_size_px)
    return Tower(_grid(model, shape), class_token, first, last)


def _grid(model: LoadedModel, shape: tuple[int, int]) -> tuple[int, int] | None:
    """(H, W) of the tokens of an input of ``shape``, as the network counts them.

    By the patch convolution as it is set, or by the hybrid that stands in its place. None: no tokens, none
    whose order is known, or none that are read (``conv1_stride`` allows ``conv1`` alone).
    """
    if model.conv1_stride is not None:
        return None
    if isinstance(model.visual, VisionTransformer):
        return _convolved(model.visual.conv1, shape)
    patches: Any = getattr(getattr(model.visual, "trunk", None), "patch_embed", None)
    if not hasattr(patches, "dynamic_feat_size"):
        return None
    convolution = getattr(patches, "proj", None)
    if isinstance(convolution, nn.Conv2d) and convolution.kernel_size == tuple(patches.patch_size):
        return _convolved(convolution, shape)
    rows, columns = patches.dynamic_feat_size(shape)
    return rows, columns


def _convolved(convolution: nn.Conv2d, shape: tuple[int, int]) -> tuple[int, int] | None:
    if isinstance(convolution.padding, str):
        return None
    rows, columns = (
        (side + 2 * padding - kernel) // stride + 1
        for side, padding, kernel, stride in zip(
            shape, convolution.padding, convolution.kernel_size, convolution.stride, strict=True
        )
    )
    return rows, columns


def module_path(visual: nn.Module, name: str, aliases: Mapping[str, str]) -> str | None:
    """The path of the module called ``name`` in the tower; None if there is none.

    ``conv1`` is also the first convolution of a tower that has no module of that name.
    """
    wanted = (dict(aliases) or derived_aliases(visual)).get(name, name)
    modules = dict(visual.named_modules())
    for path in (wanted, TRUNK + wanted):
        if path and path in modules:
            return path
    return _first_convolution(visual) if wanted == "conv1" else None


def derived_aliases(visual: nn.Module) -> dict[str, str]:
    """stem, early, middle and late of a tower whose YAML names none.

    ``stem`` is the end of the tower's stem (a ModifiedResNet's: its pool), or the first convolution where no
    module is called so; the others stand at a quarter, half and the end of the blocks. Blocks that cannot be
    told are left out.
    """
    if isinstance(visual, ModifiedResNet):
        return {"stem": "avgpool", "early": "layer1", "middle": "layer2", "late": "layer4"}
    stem = re.sub(r"(^|\.)stem\..*", r"\1stem", _first_convolution(visual) or "")
    found = {"stem": stem} if stem else {}
    blocks = _blocks(visual)
    if blocks:
        early, middle = max(0, len(blocks) // 4 - 1), max(0, len(blocks) // 2 - 1)
        found |= {"early": blocks[early], "middle": blocks[middle], "late": blocks[-1]}
    return found


def _blocks(visual: nn.Module) -> Sequence[str]:
    if isinstance(visual, VisionTransformer):
        return [f"transformer.resblocks.{index}" for index in range(len(visual.transformer.resblocks))]
    trunk = getattr(visual, "trunk", None)
    for name in TIMM_BLOCKS:
        found = getattr(trunk, name, None)
        if isinstance(found, (nn.Sequential, nn.ModuleList)) and len(found):
            return [f"{TRUNK}{name}.{index}" for index in range(len(found))]
    if isinstance(trunk, nn.Module):
        return [f"{TRUNK}{name}" for name, _ in trunk.named_children() if re.fullmatch(r"layer\d+", name)]
    return []


def _first_convolution(visual: nn.Module) -> str | None:
    return next((path for path, module in visual.named_modules() if isinstance(module, nn.Conv2d)), None)


def names_that_exist(visual: nn.Module, aliases: Mapping[str, str]) -> str:
    """A readable line: the aliases, then the module paths with their numbers drawn together."""
    highest: dict[str, int] = {}
    for path, _ in visual.named_modules():
        head, _, tail = path.rpartition(".")
        if not path or re.search(r"\.\d+\.", path) or path.count(".") > 2:
            continue
        if tail.isdigit():
            highest[f"{head}."] = max(int(tail), highest.get(f"{head}.", 0))
        else:
            highest.setdefault(path, -1)
    paths = [path if last < 0 else f"{path}{f'0..{last}' if last else 0}" for path, last in highest.items()]
    return f"{', '.join(dict(aliases) or derived_aliases(visual))}; modules: {', '.join(paths)}"
