"""Run the text tower once over all texts of all classes of all prompt sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from strata.errors import StrataError
from strata.models import LoadedModel
from strata.track import Track, no_track
from strata.zeroshot.prompts import Column

BATCH = 256  # constant: another batch size changes the last bits

Floats = npt.NDArray[np.float32]


def encode_texts(model: LoadedModel, texts: Sequence[str], track: Track = no_track) -> Floats:
    """(T, D) float32 L2-normalised vectors of ``texts``.

    Raises StrataError for a model without a text tower or tokenizer, and for values that are not finite.
    """
    tokenize = model.tokenizer()
    starts = range(0, len(texts), BATCH)
    vectors = []
    with torch.inference_mode():
        for start in track(starts, total=len(starts), desc="texts"):
            tokens = tokenize(list(texts[start : start + BATCH]))
            vectors.append(model.clip.encode_text(tokens.to(model.device)).float().cpu())
    encoded = torch.nn.functional.normalize(torch.cat(vectors), dim=-1).numpy()
    if not np.isfinite(encoded).all():
        raise StrataError("the text tower's values are not finite; set extract.precision to fp32 or bf16")
    return np.asarray(encoded, np.float32)


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
    means = [
        vectors[[row[text] for text in column.texts]].astype(np.float64).mean(axis=0) for column in columns
    ]
    stacked = np.stack(means)
    return np.asarray(stacked / np.linalg.norm(stacked, axis=1, keepdims=True), np.float32)
