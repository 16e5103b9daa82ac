"""Load a model by name, file or folder, and see what its layers make of a list of pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.maps.views import Picture, ViewSpec, decode_picture, make_view
from strata.models import loading
from strata.models.layers import Tap, forward_taps, resolve_layers
from strata.models.weights import CONFIG, TIMM
from strata.settings.params import ModelConf, Precision, View, Weights, parse


@dataclass(frozen=True)
class Model:
    """A network that is ready to be tapped; ``aliases``: names of its layers, empty: those of its tower."""

    loaded: loading.LoadedModel
    aliases: dict[str, str]

    def taps(self, layers: Sequence[str]) -> tuple[Tap, ...]:
        """Name, module path, kind and shape of some layers; StrataError with the names that exist."""
        return resolve_layers(self.loaded, layers, self.aliases)


def load_model(
    model: str | Path,
    pretrained: str | Path | None = None,
    *,
    precision: Precision = "fp32",
    image_size: int | None = None,
    device: str | None = "cpu",
) -> Model:
    """Load a model for ``tap``.

    model : a YAML of ``conf/models``; a folder with ``open_clip_config.json`` and weights; or an
        architecture: a name of open_clip, ``hf-hub:...``, or ``timm/...`` for an image-only network.
    pretrained : of an architecture, open_clip's tag (weights are fetched when first used) or a weights file.
    image_size : pixels a side; None is the model's own. device : None takes a GPU if there is one.

    Raises StrataError of one line for weights that are missing, changed or do not fit.

    Examples
    --------
    >>> import strata
    >>> model = strata.load_model("models/demo-rn")
    >>> [(tap.name, tap.channels, tap.height) for tap in model.taps(["stem", "late", "embedding"])]
    [('stem', 16, 24), ('late', 512, 3), ('embedding', 128, 1)]
    """
    conf, name = _conf(model, pretrained)
    loaded = loading.load_model(conf, precision=precision, image_size_px=image_size, device=device, name=name)
    return Model(loaded, conf.aliases)


def tap(
    model: Model,
    layers: Sequence[str],
    pictures: Iterable[Any],
    *,
    view: View = "center_crop",
    batch: int = 16,
) -> dict[str, npt.NDArray[np.float32]]:
    """What ``layers`` see of some pictures, in one forward pass that stops at the deepest of them.

    layers : aliases (stem, early, middle, late, embedding) or module paths of the image tower.
    pictures : files, their bytes, Pillow images, or (H, W, 3) uint8 arrays.
    view : how a picture becomes the network's square: center_crop (CLIP's own), squash or letterbox.

    Returns layer -> (N, C, H, W) float32 for a map, (N, C) for a vector, in the order of ``pictures``. Class
    and register tokens are no part of a map.

    Examples
    --------
    >>> import numpy as np, strata
    >>> model = strata.load_model("models/demo-rn")
    >>> red = np.full((60, 80, 3), (200, 30, 30), np.uint8)
    >>> seen = strata.tap(model, ["layer2", "embedding"], [red, 255 - red])
    >>> seen["layer2"].shape, seen["embedding"].shape
    ((2, 128, 12, 12), (2, 128))
    """
    taps, loaded = model.taps(layers), model.loaded
    spec = ViewSpec(loaded.image_size_px, view, "full", loaded.interpolation, loaded.fill)
    views = (make_view(read_picture(picture), spec).pixels for picture in pictures)
    seen: dict[str, list[npt.NDArray[np.float32]]] = {one.name: [] for one in taps}
    while pixels := list(islice(views, batch)):
        found = forward_taps(loaded, loading.normalise(torch.stack(pixels), loaded), taps)
        for name, activation in found.items():
            values = activation.vector if activation.map is None else activation.map
            assert values is not None
            seen[name].append(values.float().cpu().numpy())
    if not seen or not next(iter(seen.values())):
        raise StrataError("tap: there must be at least one layer and one picture")
    return {name: np.ascontiguousarray(np.concatenate(parts)) for name, parts in seen.items()}


def read_picture(picture: Any) -> Picture:
    """(H, W, 3) uint8 RGB of a file, its bytes, a Pillow image or such an array."""
    if isinstance(picture, Image.Image):
        stream = io.BytesIO()
        try:
            picture.save(stream, "TIFF")  # then a palette or 16 bits are read as they are from a file
        except OSError as error:
            raise StrataError(f"a Pillow image of mode {picture.mode}: {error}") from None
        return decode_picture(stream.getvalue())
    if isinstance(picture, bytes):
        return decode_picture(picture)
    if isinstance(picture, (str, Path)):
        try:
            return decode_picture(Path(picture).read_bytes())
        except OSError as error:
            raise StrataError(f"{picture}: {error.strerror or error}") from None
        except StrataError as error:
            raise StrataError(f"{picture}: {error}") from None
    values = np.asarray(picture)
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] != 3 or 0 in values.shape:
        raise StrataError(f"a picture is (H, W, 3) uint8, not {values.shape} {values.dtype}")
    return values


def _conf(model: str | Path, pretrained: str | Path | None) -> tuple[ModelConf, str]:
    path = Path(model)
    if path.suffix in (".yaml", ".yml"):
        try:
            values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StrataError(f"{path}: no such file") from None
        return parse(ModelConf, values, str(path)), path.stem
    if path.is_dir() and not (path / CONFIG).is_file():
        raise StrataError(f"{path}: no {CONFIG} in this folder, so it is no model in open_clip's form")
    architecture = None if path.is_dir() else str(model)
    file = path if architecture is None else pretrained if _is_file(pretrained) else None
    weights = Weights(
        path=None if file is None else str(file),
        tag=None if file is not None or pretrained is None else str(pretrained),
        sha256=None,
        source=None,
    )
    image_only = (architecture or "").startswith(TIMM)
    conf = ModelConf(
        title=str(model), architecture=architecture, weights=weights, aliases={}, image_only=image_only
    )
    return conf, str(model)


def _is_file(pretrained: str | Path | None) -> bool:
    return pretrained is not None and Path(pretrained).is_file()
