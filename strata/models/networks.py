"""Build the network of a weights file: open_clip's own path, a timm network alone, other input sizes."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import open_clip
import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch import nn

from strata.base.errors import StrataError, one_line
from strata.models.overlapping_patches import OverlappingPatches, choose_tiling
from strata.models.weights import TIMM, WeightsFile, tag_entry
from strata.settings.params import ModelConf

RESNET_STRIDE = 32  # a ModifiedResNet's map has one position for that many pixels
LINEAR_STEM = ("conv1", "bn1", "conv2", "bn2", "conv3", "bn3")


class TimmTower(nn.Module):
    """A timm network as an image tower; its pooled features are the embedding."""

    def __init__(self, trunk: Any, image_size: int, preprocess_cfg: dict[str, Any]) -> None:
        super().__init__()
        self.trunk = trunk
        self.image_size = image_size
        self.preprocess_cfg = preprocess_cfg

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) -> (B, D)."""
        features: torch.Tensor = self.trunk(image)
        return features


class ImageOnly(nn.Module):
    """An image tower without a text tower, in the shape of an open_clip model."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) -> (B, D), not normalised."""
        features: torch.Tensor = self.visual(image)
        return features


def patch_convolution(visual: nn.Module) -> nn.Conv2d:
    """The patch convolution of a vision transformer; StrataError for any other tower, also for a hybrid,
    whose patches are those of a map.
    """
    trunk = getattr(visual, "trunk", visual)
    found = getattr(getattr(trunk, "patch_embed", None), "proj", None)
    if isinstance(visual, VisionTransformer):
        found = visual.conv1
    if not isinstance(found, nn.Conv2d) or found.in_channels != 3:
        raise StrataError(
            f"extract.conv1_stride: {type(trunk).__name__} has no patch convolution; set it to null"
        )
    return found


def set_patch_stride(visual: nn.Module, stride: int, device: torch.device) -> None:
    """Run the patch convolution at ``stride``, on a CPU in the frequency domain where that is quicker."""
    direct = patch_convolution(visual)
    direct.stride = (stride, stride)
    tiling = choose_tiling(direct) if device.type == "cpu" else None
    if tiling is not None:
        path = next(name for name, module in visual.named_modules() if module is direct)
        parent, _, name = path.rpartition(".")
        setattr(visual.get_submodule(parent), name, OverlappingPatches(direct, tiling))


def build_network(conf: ModelConf, found: WeightsFile, size_px: int | None, where: str) -> Any:
    """The network with its weights, in float32 on the CPU; StrataError for a file that does not fit.

    ``size_px`` : another input size than its own; the positional embedding is then interpolated.
    """
    try:
        with _quiet():
            if found.spec.startswith(TIMM):
                return _build_timm(found, size_px)
            clip = open_clip.create_model(
                found.spec,
                found.pretrained,
                force_image_size=size_px if _of_timm(found.spec) else None,
                force_preprocess_cfg=_preprocess(tag_entry(conf, where)),
                pretrained_text=False,
                require_pretrained=True,
                weights_only=True,
            )
            if size_px is not None and isinstance(clip.visual, VisionTransformer):
                _resize_tokens(clip.visual, size_px)
            if size_px is not None and isinstance(clip.visual, ModifiedResNet):
                _resize_attention_pool(clip.visual, size_px)
            if conf.linear_stem:
                _make_stem_linear(clip.visual, where)
            return clip
    except StrataError:
        raise
    except Exception as error:  # open_clip, torch and timm each raise their own for a file that does not fit
        reason = one_line(error)[:240]
        raise StrataError(
            f"{found.file}: cannot be loaded as {found.spec} ({type(error).__name__}: {reason}); "
            "TorchScript and pickles are refused: use the safetensors file of the same weights"
        ) from None


def _build_timm(found: WeightsFile, size_px: int | None) -> ImageOnly:
    import timm
    from timm.data.config import resolve_data_config

    if found.file.suffix != ".safetensors":
        raise StrataError(f"{found.file}: timm weights must be a safetensors file")
    trunk: Any = timm.create_model(
        found.spec.removeprefix(TIMM),
        pretrained=True,
        pretrained_cfg_overlay={"file": str(found.file)},
        num_classes=0,
    )
    config: dict[str, Any] = resolve_data_config(model=trunk)  # type: ignore[no-untyped-call]
    native = int(config["input_size"][-1])
    if size_px is not None and hasattr(trunk, "set_input_size"):
        trunk.set_input_size(img_size=size_px)
    return ImageOnly(TimmTower(trunk, size_px or native, config))


def _of_timm(spec: str) -> bool:
    """A timm tower is built at its new size; open_clip's own are resized behind their weights.

    open_clip would interpolate a file's values as they are stored, and torch cannot in float16 on a CPU.
    """
    config = open_clip.factory.get_model_config(spec)
    return "timm_model_name" in (config or {}).get("vision_cfg", {})


def _make_stem_linear(visual: nn.Module, where: str) -> None:
    """Take the ReLUs out of a ModifiedResNet's stem; what lies behind ``bn3`` means nothing any more."""
    if not isinstance(visual, ModifiedResNet):
        raise StrataError(f"{where}: linear_stem is for CLIP's ResNets, not for a {type(visual).__name__}")
    for name in ("act1", "act2", "act3"):
        setattr(visual, name, nn.Identity())


def _resize_tokens(visual: VisionTransformer, size_px: int) -> None:
    """Interpolate a ViT's positional embedding (summary first) to the patches of ``size_px``."""
    rows, columns = visual.patch_size
    old = visual.positional_embedding.detach()
    grid = (size_px // rows, size_px // columns)
    visual.positional_embedding = nn.Parameter(resized_positions(old, visual.grid_size, grid))
    visual.grid_size, visual.image_size = grid, (size_px, size_px)


def _resize_attention_pool(visual: ModifiedResNet, size_px: int) -> None:
    """Interpolate the pool's positional embedding (summary first) to the map of ``size_px``."""
    side = size_px // RESNET_STRIDE
    if side < 1:
        raise StrataError(
            f"extract.image_size: a ResNet needs at least {RESNET_STRIDE} pixels, not {size_px}"
        )
    old = visual.attnpool.positional_embedding.detach()
    old_side = round((len(old) - 1) ** 0.5)
    visual.attnpool.positional_embedding = nn.Parameter(
        resized_positions(old, (old_side, old_side), (side, side))
    )
    visual.image_size = size_px


def resized_positions(positions: torch.Tensor, old: tuple[int, int], new: tuple[int, int]) -> torch.Tensor:
    """(1 + old rows * columns, D) -> (1 + new rows * columns, D), as open_clip does it."""
    if old == new:
        return positions
    summary, grid = positions[:1], positions[1:]
    square = grid.reshape(1, *old, -1).permute(0, 3, 1, 2)
    square = nn.functional.interpolate(square, new, mode="bicubic", antialias=True)
    return torch.cat([summary, square.permute(0, 2, 3, 1).reshape(new[0] * new[1], -1)])


def _preprocess(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    """A weights *file* of a known tag keeps that tag's mean, standard deviation and interpolation."""
    if entry is None:
        return None
    return {key: entry[key] for key in ("mean", "std", "interpolation", "resize_mode")}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """open_clip and timm report their progress through the root logger."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
