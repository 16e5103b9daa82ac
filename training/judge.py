"""How well saved weights name the demo collection, through open_clip's own loading and transform."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import open_clip
import torch
from PIL import Image
from torch import Tensor

from strata.demo.vocabulary import MEDIA, MOODS, MOTIFS
from training.captions import NOUNS, article

TEMPLATE = "a painting of a {}."


def zero_shot_accuracy(model_folder: Path, collection: Path) -> dict[str, float]:
    """Top-1 shares in 0..1 for motif, medium and mood on a collection written by `strata.demo`."""
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{model_folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{model_folder}")
    model.eval()
    rows = json.loads((collection / "annotations.json").read_text(encoding="utf-8"))["pictures"]
    prompts = {
        "motif": (MOTIFS, [TEMPLATE.format(name) for name in MOTIFS]),
        "medium": (MEDIA, [f"{article(NOUNS[name][0])} {NOUNS[name][0]}." for name in MEDIA]),
        "mood": (MOODS, [f"a {name} scene." for name in MOODS]),
    }
    with torch.inference_mode():
        pictures = _encode_pictures(model, transform, [collection / row["file"] for row in rows])
        accuracy = {}
        for facet, (names, texts) in prompts.items():
            choice = (pictures @ model.encode_text(tokenizer(texts), normalize=True).T).argmax(1)
            truth = torch.tensor([names.index(row[facet]) for row in rows])
            accuracy[facet] = float((choice == truth).float().mean())
    return accuracy


def _encode_pictures(
    model: open_clip.CLIP, transform: open_clip.transform.Compose, paths: Sequence[Path]
) -> Tensor:
    batches = []
    for start in range(0, len(paths), 64):
        images = []
        for path in paths[start : start + 64]:
            with Image.open(path) as image:
                images.append(transform(image))
        batches.append(model.encode_image(torch.stack(images), normalize=True))
    return torch.cat(batches)
