"""Vision transformers on inputs of any shape: positions for the patches there are, patches that overlap.

A network without positions (a convolutional one, up to its attention pool) takes any shape as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from open_clip.transformer import VisionTransformer
from torch import nn

from strata.base.errors import StrataError
from strata.models.networks import patch_convolution, resized_positions


@contextlib.contextmanager
def fitted_positions(visual: nn.Module, grid: tuple[int, int] | None) -> Iterator[None]:
    """Inside, ``visual`` knows positions for ``grid`` (rows, columns) of patches; None: it has no patches.

    Changes the modules for that time: two threads need modules of their own (``loading.share``).
    """
    trunk: Any = getattr(visual, "trunk", None)
    if isinstance(visual, VisionTransformer) and grid is not None and grid != visual.grid_size:
        own = visual.positional_embedding
        fitted = resized_positions(own.detach(), visual.grid_size, grid)
        visual.positional_embedding = nn.Parameter(fitted, requires_grad=False)
        try:
            yield
        finally:
            visual.positional_embedding = own
    elif hasattr(trunk, "dynamic_img_size") and grid not in (None, trunk.patch_embed.grid_size):
        with _dynamic(trunk):
            yield
    else:
        yield


def overlap_patches(visual: nn.Module, stride: int) -> None:
    """Run a transformer's patch convolution at ``stride``, padded so that H x W pixels give H / stride x
    W / stride patches whose centres are those of the cells.

    Raises StrataError where the tower has no patches or the padding would not be whole pixels.
    """
    patches = patch_convolution(visual)
    spare = [kernel - stride for kernel in patches.kernel_size]
    if any(pixels < 0 or pixels % 2 for pixels in spare):
        raise StrataError(
            f"dense.stride = {stride}: patches of {patches.kernel_size[0]} pixels need a stride that is "
            "smaller by an even number"
        )
    patches.stride = (stride, stride)
    patches.padding = (spare[0] // 2, spare[1] // 2)


@contextlib.contextmanager
def _dynamic(trunk: Any) -> Iterator[None]:
    """timm's own way: positions are resampled to the map that the patch convolution gives."""
    from timm.layers.format import Format

    patches = trunk.patch_embed
    changed = (
        (trunk, "dynamic_img_size", True),
        (patches, "strict_img_size", False),
        (patches, "flatten", False),
        (patches, "output_fmt", Format.NHWC),
    )
    before = [(module, name, getattr(module, name)) for module, name, _ in changed]
    for module, name, value in changed:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
