"""The two models: open_clip configurations, the small vocabulary they are trained with, and their files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import CLIP
from safetensors.torch import save_file
from torch import Tensor

IMAGE_PX = 96
CONTEXT = 32
VOCABULARY = 49_408  # open_clip's own tokenizer
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"

_TEXT = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 64, "heads": 4, "layers": 2}
_VISION: dict[str, dict[str, Any]] = {
    # three-convolution stem, four stages, attention pool: RN50 with a quarter of its width and of its blocks
    "demo-rn": {
        "image_size": IMAGE_PX,
        "layers": [1, 1, 1, 1],
        "width": 16,
        "head_width": 64,
        "patch_size": None,
    },
    "demo-vit": {"image_size": IMAGE_PX, "layers": 6, "width": 128, "head_width": 32, "patch_size": 16},
}
MODELS = tuple(_VISION)


def model_config(name: str) -> dict[str, Any]:
    """What ``open_clip_config.json`` holds."""
    return {
        "model_cfg": {"embed_dim": 128, "vision_cfg": _VISION[name], "text_cfg": _TEXT},
        "preprocess_cfg": {
            "size": [IMAGE_PX, IMAGE_PX],
            "mode": "RGB",
            "mean": list(MEAN),
            "std": list(STD),
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }


def known_tokens(texts: Iterable[str]) -> Tensor:
    """Sorted ids of every token in the texts, with padding, start and end: (T,) int64."""
    ids = open_clip.SimpleTokenizer(context_length=CONTEXT)(list(texts))
    return torch.unique(ids)


def tokenize(texts: Iterable[str], known: Tensor) -> Tensor:
    """Token ids as ranks within `known`: (texts, CONTEXT) int64.

    Ranks keep the order of ids, so the end token stays the largest, which is how CLIP finds it.
    """
    ids = open_clip.SimpleTokenizer(context_length=CONTEXT)(list(texts))
    ranks = torch.searchsorted(known, ids)
    if not bool((known[ranks.clamp(max=len(known) - 1)] == ids).all()):
        raise ValueError("a text holds a token that the small vocabulary lacks")
    return ranks


def build(name: str, tokens: int) -> CLIP:
    """The model with a token table of `tokens` rows (training needs only the words it says)."""
    config = model_config(name)["model_cfg"]
    return CLIP(
        embed_dim=config["embed_dim"],
        vision_cfg=config["vision_cfg"],
        text_cfg={**config["text_cfg"], "vocab_size": tokens},
    )


def save(model: CLIP, name: str, known: Tensor, folder: Path) -> None:
    """Write configuration and fp16 weights; rows of tokens never seen in training are zero."""
    folder.mkdir(parents=True, exist_ok=True)
    state: dict[str, Tensor] = {}
    for key, value in model.state_dict().items():
        if key == "token_embedding.weight":
            table = torch.zeros(VOCABULARY, value.shape[1], dtype=value.dtype)
            table[known] = value
            value = table
        state[key] = value.half().contiguous() if value.is_floating_point() else value.contiguous()
    save_file(state, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(model_config(name), indent=2) + "\n", encoding="utf-8")


def normalise(views: Tensor) -> Tensor:
    """(B, 3, H, W) uint8 or float in 0..255 -> float with the models' mean and std."""
    mean = torch.tensor(MEAN).view(1, 3, 1, 1) * 255.0
    std = torch.tensor(STD).view(1, 3, 1, 1) * 255.0
    return (views.float() - mean) / std
