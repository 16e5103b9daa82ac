"""Run the text tower once over all texts of all classes of all prompt sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from strata.base.errors import StrataError
from strata.base.track import Track, no_track
from strata.models.loading import LoadedModel
from strata.naming.causal import describe_text_tower, fused_attention
from strata.naming.prompts import Column

BATCH_TOKENS = 2048  # on a CPU what its caches like; constants: another batch size changes the last bits
BATCH_TOKENS_GPU = 65_536

Floats = npt.NDArray[np.float32]


def encode_texts(model: LoadedModel, texts: Sequence[str], track: Track = no_track) -> Floats:
    """(T, D) float32 L2-normalised vectors of ``texts``.

    Texts of like length go through the tower together, as far as its vectors depend on them. Raises
    StrataError for a model without a text tower or tokenizer, and for values that are not finite.
    """
    tokens, tower = model.tokenizer()(list(texts)), describe_text_tower(model.clip)
    positions = tower.positions(tokens)
    order = torch.argsort(positions, stable=True)
    budget = BATCH_TOKENS if model.device.type == "cpu" else BATCH_TOKENS_GPU
    sizes = _batches(positions[order].tolist(), budget)
    vectors: list[torch.Tensor] = []
    with torch.inference_mode(), fused_attention(tower):
        for rows in track(torch.split(order, sizes), total=len(sizes), desc="texts"):
            first = tokens[rows, : int(positions[rows].max())].to(model.device)
            vectors.append(tower.encode(first).float().cpu())
    encoded = torch.nn.functional.normalize(torch.cat(vectors), dim=-1)[torch.argsort(order)].numpy()
    if not np.isfinite(encoded).all():
        raise StrataError("the text tower's values are not finite; set extract.precision to fp32 or bf16")
    return np.asarray(encoded, np.float32)


def _batches(lengths: Sequence[int], budget: int) -> list[int]:
    """How many texts, of rising ``lengths``, a batch takes: ``budget`` tokens or one text."""
    sizes = [0]
    for length in lengths:
        if sizes[-1] and (sizes[-1] + 1) * length > budget:
            sizes.append(0)
        sizes[-1] += 1
    return sizes


def count_cut(model: LoadedModel, texts: Sequence[str]) -> int:
    """How many texts are longer than the text tower's context, whose end it never sees.

    0 for tokenizers that do not say (those of the hub).
    """
    tokenizer = model.tokenizer()
    encode, context = getattr(tokenizer, "encode", None), getattr(tokenizer, "context_length", None)
    if encode is None or context is None:
        return 0
    return sum(len(encode(text)) + 2 > context for text in texts)  # 2: the tokens for start and end


def class_vectors(columns: Sequence[Column], texts: Sequence[str], vectors: Floats) -> Floats:
    """(K, D) float32: the mean of each column's normalised text vectors, normalised again.

    vectors : (T, D), of ``texts``.
    """
    row = {text: position for position, text in enumerate(texts)}
    places = ([row[text] for text in column.texts] for column in columns)
    stacked = np.stack([vectors[own].astype(np.float64).mean(axis=0) for own in places])
    return np.asarray(stacked / np.linalg.norm(stacked, axis=1, keepdims=True), np.float32)
