"""Networks with random weights, made once, that every side of a comparison loads from the same folder.

Speed does not depend on the weights' values, and nothing has to be downloaded.
"""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors.torch import save_model

from strata.settings.params import ModelConf, Weights

SEED = 20
PREPROCESS = {
    "mean": list(OPENAI_DATASET_MEAN),
    "std": list(OPENAI_DATASET_STD),
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}


def local_model(name: str, folder: Path) -> Path:
    """open_clip's model ``name`` as a folder under ``folder`` (made on the first call) that open_clip loads
    by ``local-dir:PATH`` and this pipeline by ``weights.path``."""
    made = folder / name
    config, weights = made / "open_clip_config.json", made / "open_clip_model.safetensors"
    if not weights.is_file():
        made.mkdir(parents=True, exist_ok=True)
        description = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": PREPROCESS}
        config.write_text(json.dumps(description, indent=1), encoding="utf-8")
        torch.manual_seed(SEED)
        part = weights.with_suffix(".part")
        save_model(open_clip.create_model(name), str(part))
        part.rename(weights)
    return made


def local_conf(made: Path) -> ModelConf:
    """What ``conf/models`` would say of a folder of ``local_model``: layers by the network's own aliases."""
    weights = Weights(path=str(made), tag=None, sha256=None, source=None)
    return ModelConf(title=made.name, architecture=None, weights=weights, aliases={}, image_only=False)
