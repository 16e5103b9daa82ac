"""What the page says about the data and the weights: names and hashes, the same on every machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from strata.settings.params import DatasetConf, ModelConf

DIGITS = 16
BATCH = 65_536  # pictures that are objects at once


def identity(
    dataset_name: str, dataset: DatasetConf, model_name: str, model: ModelConf, images: pa.Table
) -> list[tuple[str, str]]:
    """(fact, value) pairs; what a configuration leaves open is left out."""
    weights = model.weights
    facts = (
        ("data set", f"{dataset_name} ({dataset.title})"),
        ("licence", dataset.licence),
        ("citation", dataset.citation),
        ("pictures, SHA-256 over all", collection_hash(images)),
        ("model", f"{model_name} ({model.title})"),
        ("architecture", model.architecture),
        ("weights", weights.tag or (weights.path and Path(weights.path).name)),
        ("weights, SHA-256", weights.sha256[:DIGITS] if weights.sha256 else "recorded when first loaded"),
    )
    return [(name, value) for name, value in facts if value]


def collection_hash(images: pa.Table) -> str:
    """SHA-256 over the sorted (image_id, SHA-256 of the file) pairs, its first 16 digits."""
    digest, between = hashlib.sha256(), ""
    for batch in images.select(["image_id", "sha256"]).sort_by("image_id").to_batches(BATCH):
        pairs = zip(batch["image_id"].to_pylist(), batch["sha256"].to_pylist(), strict=True)
        digest.update((between + "\n".join(f"{name}\t{value}" for name, value in pairs)).encode("utf-8"))
        between = "\n"
    return digest.hexdigest()[:DIGITS]
