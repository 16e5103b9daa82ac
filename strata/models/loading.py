"""Load an open_clip model by its YAML: weights checked, cast, on its device, ready to be tapped.

Not done here: finding and checking the file (``models.weights``), tapping layers (``models.layers``), making
pixels (``strata.maps.views``).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import open_clip
import torch
from torch import nn

from strata.base.errors import StrataError, one_line
from strata.models.networks import build_network, set_patch_stride
from strata.models.weights import check_hash, find_weights
from strata.settings.params import ModelConf, Precision

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
Colour = tuple[float, float, float]
Tokenizer = Callable[[list[str]], torch.Tensor]


@dataclass(frozen=True)
class LoadedModel:
    """A frozen network in evaluation mode and what goes with it.

    ``clip`` has ``visual`` and ``encode_image`` (and ``encode_text`` unless ``image_only``). ``mean`` and
    ``std`` are per channel, of pixels in 0..1. ``logit_scale`` is the factor itself, not its logarithm;
    ``logit_bias`` is set for models trained with a sigmoid loss.
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
    linear_stem: bool
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
        """open_clip's tokenizer for this model. StrataError without a text tower, or if it cannot be had."""
        if self.image_only:
            raise StrataError(f"{self.spec} is an image-only network: it has no text tower")
        try:
            tokenizer: Tokenizer = open_clip.get_tokenizer(self.spec)
        except Exception as error:  # a missing package, or files that are not on this disk
            raise StrataError(f"{self.spec}: its tokenizer cannot be loaded ({_line(error)})") from None
        return tokenizer


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

    ``precision`` casts the weights (no autocast: on CPUs it is slower than fp32). ``image_size_px``: None is
    the model's own; another size interpolates the positional embedding. ``conv1_stride`` runs a ViT's patch
    convolution with that stride; only the layer ``conv1`` means anything then. ``hash_record``: see
    ``weights.check_hash``. Raises StrataError of one line for missing or changed weights and for what does
    not fit together.
    """
    chosen = device if isinstance(device, torch.device) else pick_device(device)
    found = find_weights(conf, name)
    sha256 = check_hash(found, conf, name, hash_record)
    clip = build_network(conf, found, image_size_px, f"conf/models/{name}.yaml")
    scale, bias = _number(clip, "logit_scale"), _number(clip, "logit_bias")  # before the cast rounds them
    if conv1_stride is not None:
        set_patch_stride(clip.visual, conv1_stride, chosen)
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
        linear_stem=conf.linear_stem,
        logit_scale=1.0 if scale is None else math.exp(scale),
        logit_bias=bias,
    )


def share(model: LoadedModel) -> LoadedModel:
    """The same weights in modules of their own: two threads may run and hook the two."""
    return _with_weights(model, lambda weight: weight)


def cast(model: LoadedModel, precision: Precision) -> LoadedModel:
    """A copy of the model in another precision."""
    dtype = DTYPES[precision]
    copied = _with_weights(model, lambda weight: weight.to(dtype) if weight.is_floating_point() else weight)
    return replace(copied, dtype=dtype)


def _with_weights(model: LoadedModel, change: Callable[[torch.Tensor], torch.Tensor]) -> LoadedModel:
    """Copied modules whose parameters and buffers are ``change`` of the model's."""
    clip = model.clip
    known: dict[int, Any] = {id(weight): change(weight) for weight in clip.buffers()}
    for weight in clip.parameters():
        known[id(weight)] = nn.Parameter(change(weight), requires_grad=False)
    return replace(model, clip=copy.deepcopy(clip, known))


def normalise(
    pixels: torch.Tensor, model: LoadedModel, pixel_norm: Literal["model", "none"] = "model"
) -> torch.Tensor:
    """(B, 3, S, S) uint8 -> the network's input, on its device and in its dtype, channels last.

    Divided by 255; with ``model`` also its mean subtracted and divided by its standard deviation, in float32.
    """
    raw = pixels.to(model.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
    values = raw.to(torch.float32).div_(255)
    if pixel_norm == "model":
        values.sub_(_everywhere(model.mean, values)).div_(_everywhere(model.std, values))
    return values.to(model.dtype)


def _everywhere(colour: Colour, like: torch.Tensor) -> torch.Tensor:
    """The colour at every position of one picture: in one stretch of memory, as the pixels are, it is taken
    off several times as fast as three numbers.
    """
    one = torch.tensor(colour, device=like.device).view(1, 3, 1, 1).expand(1, *like.shape[1:])
    return one.contiguous(memory_format=torch.channels_last)


def _number(clip: Any, name: str) -> float | None:
    value = getattr(clip, name, None)
    return None if value is None else float(value.detach())


def _square(size: int | tuple[int, int], spec: str) -> int:
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise StrataError(f"{spec}: its pictures are {width} x {height} pixels; only square models run")
    return height


def _colour(values: Any) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"[:240]
