"""Load an open_clip model by its YAML: weights checked, cast, on its device, ready to be tapped.

Not done here: finding and checking the file (``strata.weights``), tapping layers (``strata.layers``), making
pixels (``strata.views``).
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import open_clip
import torch
from torch import nn

from strata.errors import StrataError
from strata.params import ModelConf, Precision
from strata.weights import TIMM, WeightsFile, check_hash, find_weights, tag_entry

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
Colour = tuple[float, float, float]
Tokenizer = Callable[[list[str]], torch.Tensor]


@dataclass(frozen=True)
class LoadedModel:
    """A frozen network in evaluation mode and what goes with it.

    ``clip`` has ``visual`` and ``encode_image`` (and ``encode_text`` unless ``image_only``). ``mean`` and ``std`` are
    per channel, of pixels in 0..1. ``logit_scale`` is the factor itself, not its logarithm; ``logit_bias`` is set for
    models trained with a sigmoid loss.
    """

    clip: Any
    spec: str
    mean: Colour
    std: Colour
    interpolation: Literal["bicubic", "bilinear"]
    image_size_px: int
    conv1_stride: int | None
    sha256: str
    device: torch.device
    dtype: torch.dtype
    image_only: bool
    logit_scale: float
    logit_bias: float | None

    @property
    def visual(self) -> nn.Module:
        """The image tower."""
        tower: nn.Module = self.clip.visual
        return tower

    @property
    def fill(self) -> tuple[int, int, int]:
        """The mean colour in 0..255: padding of this colour becomes nearly zero for the network."""
        red, green, blue = (round(255 * value) for value in self.mean)
        return red, green, blue

    def tokenizer(self) -> Tokenizer:
        """open_clip's tokenizer for this model. StrataError if the model has no text tower or it cannot be had."""
        if self.image_only:
            raise StrataError(f"{self.spec} is an image-only network: it has no text tower")
        try:
            tokenizer: Tokenizer = open_clip.get_tokenizer(self.spec)
        except Exception as error:  # a missing package, or files that are not on this disk
            raise StrataError(f"{self.spec}: its tokenizer cannot be loaded ({_line(error)})") from None
        return tokenizer


class ImageTower(nn.Module):
    """An image network without a text tower, in the shape of an open_clip model."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def encode_image(self, image: torch.Tensor, normalize: bool = False) -> torch.Tensor:
        """(B, 3, S, S) -> (B, D)."""
        features: torch.Tensor = self.visual(image)
        return nn.functional.normalize(features, dim=-1) if normalize else features


def pick_device(wanted: str | None) -> torch.device:
    """The device called ``wanted``; None: the first GPU if there is one, else the CPU."""
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=wanted).device
    except (RuntimeError, AssertionError) as error:
        raise StrataError(
            f"device {wanted!r} cannot be used ({_line(error)}); unset STRATA_DEVICE to choose"
        ) from None


def load_model(
    conf: ModelConf,
    *,
    precision: Precision = "fp32",
    image_size_px: int | None = None,
    conv1_stride: int | None = None,
    device: str | torch.device | None = None,
    hash_record: Path | None = None,
    name: str = "NAME",
) -> LoadedModel:
    """Load the model of ``conf`` (conf/models/``name``.yaml) through open_clip's own path.

    ``precision`` casts the weights (no autocast: on CPUs it is slower than fp32). ``image_size_px``: None is the
    model's own; another size interpolates the positional embedding. ``conv1_stride`` runs a ViT's patch convolution
    with that stride; only the layer ``conv1`` means anything then. ``hash_record``: see ``weights.check_hash``.
    Raises StrataError of one line for missing or changed weights and for what does not fit together.
    """
    chosen = device if isinstance(device, torch.device) else pick_device(device)
    found = find_weights(conf, name)
    sha256 = check_hash(found, conf, name, hash_record)
    clip = _build(conf, found, image_size_px, f"conf/models/{name}.yaml")
    scale, bias = getattr(clip, "logit_scale", None), getattr(clip, "logit_bias", None)
    if conv1_stride is not None:
        patch_convolution(clip.visual).stride = (conv1_stride, conv1_stride)
    clip.eval().requires_grad_(False)
    clip.to(device=chosen, dtype=DTYPES[precision], memory_format=torch.channels_last)
    preprocess = clip.visual.preprocess_cfg
    return LoadedModel(
        clip=clip,
        spec=found.spec,
        mean=_colour(preprocess["mean"]),
        std=_colour(preprocess["std"]),
        interpolation="bilinear" if preprocess["interpolation"] == "bilinear" else "bicubic",
        image_size_px=_square(clip.visual.image_size, found.spec),
        conv1_stride=conv1_stride,
        sha256=sha256,
        device=chosen,
        dtype=DTYPES[precision],
        image_only=conf.image_only,
        logit_scale=1.0 if scale is None else float(scale.detach().float().exp()),
        logit_bias=None if bias is None else float(bias.detach().float()),
    )


def normalise(
    pixels: torch.Tensor, model: LoadedModel, pixel_norm: Literal["model", "none"] = "model"
) -> torch.Tensor:
    """(B, 3, S, S) uint8 -> the network's input, on its device and in its dtype, channels last.

    Divided by 255; with ``model`` also its mean subtracted and divided by its standard deviation, in float32.
    """
    values = pixels.to(model.device).to(torch.float32) / 255
    if pixel_norm == "model":
        mean, std = (
            torch.tensor(channel, device=model.device).view(1, 3, 1, 1) for channel in (model.mean, model.std)
        )
        values = (values - mean) / std
    return values.to(model.dtype).contiguous(memory_format=torch.channels_last)


def patch_convolution(visual: nn.Module) -> nn.Conv2d:
    """The patch convolution of a vision transformer; StrataError for any other tower."""
    trunk = getattr(visual, "trunk", visual)
    found = getattr(getattr(trunk, "patch_embed", None), "proj", None)
    if isinstance(visual, open_clip.transformer.VisionTransformer):
        found = visual.conv1
    if not isinstance(found, nn.Conv2d):
        raise StrataError(
            f"extract.conv1_stride: {type(trunk).__name__} has no patch convolution; set it to null for this model"
        )
    return found


def _build(conf: ModelConf, found: WeightsFile, size_px: int | None, where: str) -> Any:
    try:
        with _quiet():
            if found.spec.startswith(TIMM):
                return _build_timm(found, size_px)
            clip = open_clip.create_model(
                found.spec,
                found.pretrained,
                force_image_size=None if _is_resnet(found.spec) else size_px,
                force_preprocess_cfg=_preprocess(tag_entry(conf, where)),
                pretrained_text=False,
                require_pretrained=True,
                weights_only=True,
            )
            if size_px is not None and isinstance(clip.visual, open_clip.modified_resnet.ModifiedResNet):
                _resize_attention_pool(clip.visual, size_px)
            return clip
    except StrataError:
        raise
    except Exception as error:  # open_clip, torch and timm each raise their own for a file that does not fit
        raise StrataError(
            f"{found.file}: cannot be loaded as {found.spec} ({_line(error)}); TorchScript and pickled files are "
            "refused: use the safetensors file of the same weights"
        ) from None


def _build_timm(found: WeightsFile, size_px: int | None) -> ImageTower:
    import timm
    from open_clip.timm_model import TimmModel

    if found.file.suffix != ".safetensors":
        raise StrataError(f"{found.file}: timm weights must be a safetensors file")
    architecture = found.spec.removeprefix(TIMM)
    trunk = timm.create_model(
        architecture, pretrained=True, pretrained_cfg_overlay={"file": str(found.file)}, num_classes=0
    )
    config = timm.data.resolve_data_config(model=trunk)
    native = config["input_size"][-1]
    visual = TimmModel(architecture, trunk.num_features, native, pool="", proj=None, pretrained=False)
    visual.trunk = trunk
    visual.preprocess_cfg = {key: config[key] for key in ("mean", "std", "interpolation")}
    if size_px is not None:
        visual.set_input_size(size_px)
    return ImageTower(visual)


def _is_resnet(spec: str) -> bool:
    """A ModifiedResNet is built at its own size: open_clip does not resize its attention pool's embedding."""
    config = open_clip.factory.get_model_config(spec)
    layers = (config or {}).get("vision_cfg", {}).get("layers")
    return isinstance(layers, list)


def _resize_attention_pool(visual: Any, size_px: int) -> None:
    """Interpolate the positional embedding of the pool to the map of ``size_px``, as open_clip does for a ViT."""
    side = size_px // 32
    if side < 1:
        raise StrataError(f"extract.image_size: a ResNet needs at least 32 pixels, not {size_px}")
    old = visual.attnpool.positional_embedding.detach()
    summary, grid = old[:1], old[1:]
    old_side = round(grid.shape[0] ** 0.5)
    if side != old_side:
        square = grid.reshape(1, old_side, old_side, -1).permute(0, 3, 1, 2)
        square = nn.functional.interpolate(square, (side, side), mode="bicubic", antialias=True)
        grid = square.permute(0, 2, 3, 1).reshape(side * side, -1)
        visual.attnpool.positional_embedding = nn.Parameter(torch.cat([summary, grid]))
    visual.image_size = size_px


def _preprocess(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    """A weights *file* of a known tag keeps that tag's mean, standard deviation and interpolation."""
    if entry is None:
        return None
    return {key: entry[key] for key in ("mean", "std", "interpolation", "resize_mode")}


def _square(size: int | tuple[int, int], spec: str) -> int:
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise StrataError(
            f"{spec}: its pictures are {width} x {height} pixels; only square models are supported"
        )
    return height


def _colour(values: Any) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


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


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:240]
