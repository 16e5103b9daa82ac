"""Zero-shot from the files of ``extract`` and the tables to the files of this stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.base.threads import one_blas_thread
from strata.base.track import Track, no_track
from strata.collection.facets import labels_of
from strata.collection.tables import Tables
from strata.maps.features import database_rows, layer_names, read_layer_array, read_rows
from strata.measures.scores import Scored
from strata.models.loading import LoadedModel
from strata.naming.prompts import Column, build_columns, equal_texts, unique_texts
from strata.naming.results import Named, write_named
from strata.naming.scoring import Floats, cosine_logits
from strata.naming.text import class_vectors, count_cut, encode_texts
from strata.settings.params import EMBEDDING, PromptSet

BLOCK = 65_536  # pictures at once; constant, because another blocking may round differently


def name_pictures(
    features: Path,
    tables: Tables,
    out: Path,
    *,
    prompts: Mapping[str, PromptSet] | None,
    where: str,
    image_only: bool,
    load: Callable[[], LoadedModel],
    top: int,
    track: Track = no_track,
) -> tuple[Scored, dict[str, Any]]:
    """Name every picture with every prompt set; returns the scores and the status that was written.

    ``load`` loads the model, and is called only when there is something to name. Where nothing can be named,
    the same files are written empty and ``status`` says why. ``where`` : the file of the prompts.
    """
    columns, left_out = build_columns(prompts or {}, tables.classes, where)
    has_embedding = EMBEDDING in layer_names(features)
    reason = _reason(has_embedding, image_only, prompts, columns)
    rows = read_rows(features)
    database = database_rows(rows)
    image_ids = rows["image_id"].combine_chunks().filter(pa.array(database))
    own = labels_of(tables.images, image_ids)
    status: dict[str, Any] = {"status": reason or "ok", "left_out": left_out}
    if reason:
        nothing = np.zeros((len(image_ids), 0), np.float32)
        empty = Named(image_ids, own, [], nothing, np.zeros((0, 0), np.float32), False, top)
        return write_named(out, empty, status), status
    if equal := equal_texts(columns):
        status["equal_texts"] = equal
    model = load()
    texts = unique_texts(columns)
    text = class_vectors(columns, texts, encode_texts(model, texts, track))
    logits = _logits(read_layer_array(features, EMBEDDING, "vector"), np.flatnonzero(database), text, model)
    sigmoid = model.logit_bias is not None
    status |= {
        "texts": len(texts),
        "texts_cut": count_cut(model, texts),
        "logit_scale": model.logit_scale,
        "logit_bias": model.logit_bias,
        "probability": "sigmoid" if sigmoid else "softmax",
    }
    return write_named(out, Named(image_ids, own, columns, logits, text, sigmoid, top), status), status


def _logits(
    vectors: npt.NDArray[Any], rows: npt.NDArray[np.int64], text: Floats, model: LoadedModel
) -> Floats:
    """(N, K) float32 logits of the ``rows`` (N,) of ``vectors``."""
    logits = np.empty((len(rows), len(text)), np.float32)
    with one_blas_thread():
        for start in range(0, len(rows), BLOCK):
            images = np.asarray(vectors[rows[start : start + BLOCK]], np.float32)
            logits[start : start + BLOCK] = cosine_logits(images, text, model.logit_scale, model.logit_bias)
    return logits


def _reason(
    has_embedding: bool, image_only: bool, prompts: Mapping[str, PromptSet] | None, columns: list[Column]
) -> str:
    """Why nothing can be named; '' if something can."""
    if not prompts:
        return "not run: the data set has no prompts"
    if image_only:
        return "not run: the model is an image tower without a text tower"
    if not has_embedding:
        return "not run: 'embedding' is not among the layers"
    if not columns:
        return "not run: the data set has no classes of the facets that its prompts name"
    return ""
