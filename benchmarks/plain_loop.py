"""What most people write to get CLIP features: open_clip, its own transform, a DataLoader, forward hooks.

Written as it honestly would be: inference mode, the transform's Pillow resize in worker processes, fp32, no
padding of the last batch. Maps are averaged over their positions, the cheapest pooling there is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

Floats = npt.NDArray[np.float32]


class Pictures(Dataset[torch.Tensor]):
    """The files, each through open_clip's transform."""

    def __init__(self, paths: Sequence[Path], transform: Any) -> None:
        self.paths = paths
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> torch.Tensor:
        tensor: torch.Tensor = self.transform(Image.open(self.paths[place]))
        return tensor


@lru_cache(maxsize=1)
def load_plain(model_name: str) -> tuple[Any, Any]:
    """The network in evaluation mode and its transform. ``model_name`` may be ``local-dir:FOLDER``."""
    model, _, transform = open_clip.create_model_and_transforms(model_name)
    return model.eval(), transform


def run_plain_loop(
    model_name: str,
    paths: Sequence[Path],
    hooks: tuple[str, ...] = (),
    batch: int = 32,
    workers: int = 2,
) -> dict[str, Any]:
    """Embed the pictures; with ``hooks`` (module paths of the image tower) their outputs as well.

    Returns ``seconds`` (the loop, from files to arrays; the network is loaded before), ``embedding``
    (N, D) float32 and ``layers``: path -> (N, C) float32, in the order of ``paths``.
    """
    model, transform = load_plain(model_name)
    features: dict[str, torch.Tensor] = {}
    handles = [
        model.visual.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: features.__setitem__(name, output.detach())
        )
        for name in hooks
    ]
    started = time.perf_counter()
    loader = DataLoader(Pictures(paths, transform), batch_size=batch, num_workers=workers)
    embeddings: list[Floats] = []
    layers: dict[str, list[Floats]] = {name: [] for name in hooks}
    with torch.inference_mode():
        for pixels in loader:
            embeddings.append(model.encode_image(pixels).numpy())
            for name in hooks:
                layers[name].append(_mean(features[name]))
    result = {
        "embedding": np.concatenate(embeddings),
        "layers": {name: np.concatenate(parts) for name, parts in layers.items()},
    }
    seconds = time.perf_counter() - started
    for handle in handles:
        handle.remove()
    return {"seconds": seconds, **result}


def _mean(output: torch.Tensor) -> Floats:
    """Over the positions of a (B, C, H, W) map or of the (B, T, C) tokens."""
    mean = output.mean(dim=(2, 3)) if output.ndim == 4 else output.mean(dim=1)
    return np.asarray(mean.numpy())
