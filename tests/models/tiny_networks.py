"""open_clip folders with small random networks: every kind of tower, built in a second."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

from strata.models.loading import LoadedModel, load_model
from strata.settings.params import ModelConf, Weights

TEXT = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
VISION: dict[str, dict[str, Any]] = {
    "vit": {"image_size": 32, "patch_size": 8, "width": 32, "head_width": 16, "layers": 4},
    "rn": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64, "patch_size": None},
    "cnn": {
        "image_size": 64,
        "timm_model_name": "test_efficientnet",
        "timm_pool": "avg",
        "timm_proj": "linear",
    },
    "timm-vit": {"image_size": 160, "timm_model_name": "test_vit", "timm_pool": "", "timm_proj": "linear"},
    "registers": {"image_size": 160, "timm_model_name": "test_vit2", "timm_pool": "", "timm_proj": "linear"},
}
PREPROCESS = {
    "mean": [0.4, 0.5, 0.6],
    "std": [0.2, 0.25, 0.3],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}


def write_network(folder: Path, kind: str, **model_options: Any) -> Path:
    """A folder in open_clip's form; parameters and statistics are random, none is zero or one."""
    config = {"embed_dim": 24, "vision_cfg": VISION[kind], "text_cfg": TEXT, **model_options}
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"model_cfg": config, "preprocess_cfg": PREPROCESS})
    (folder / "open_clip_config.json").write_text(text, encoding="utf-8")
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    logging.disable(level)
    generator = torch.Generator().manual_seed(7)
    state = {
        name: value + 0.05 * torch.rand(value.shape, generator=generator)
        if value.is_floating_point()
        else value
        for name, value in network.state_dict().items()
    }
    save_file(
        {name: value.contiguous() for name, value in state.items()}, folder / "open_clip_model.safetensors"
    )
    return folder


def conf_of(path: Path | None, **options: Any) -> ModelConf:
    """The YAML of a model whose weights are at ``path``."""
    weights = Weights(
        path=None if path is None else str(path),
        tag=options.pop("tag", None),
        sha256=options.pop("sha256", None),
        source=options.pop("source", None),
    )
    values = {"title": "tiny", "architecture": None, "aliases": {}, "image_only": False, **options}
    return ModelConf(weights=weights, **values)


def load(path: Path, **options: Any) -> LoadedModel:
    """That network on the CPU."""
    return load_model(conf_of(path), device="cpu", **options)
