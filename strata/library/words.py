"""Text towers of finished runs: sentences as vectors that are compared with the run's embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.library.asking import embeddings
from strata.library.run import Run
from strata.library.search import run_model
from strata.models.loading import LoadedModel, load_model
from strata.naming.text import encode_texts
from strata.settings.params import ExtractParams, parse

Floats = npt.NDArray[np.float32]


def text_vectors(run: Run, texts: Sequence[str]) -> Floats:
    """(T, D) float32 L2-normalised vectors of ``texts``, by the run's own model."""
    if not all(text.strip() for text in texts):
        raise StrataError("a text to look for has no words")
    return encode_texts(_model(run), texts)


def sort_by_words(run: Run, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Which of ``texts`` each of ``run.ids()`` is nearest to, and its probability among them."""
    database, model = embeddings(run), _model(run)
    logits = model.logit_scale * (database @ text_vectors(run, texts).T)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = shifted / shifted.sum(axis=1, keepdims=True)
    return shares.argmax(axis=1), np.asarray(shares.max(axis=1), np.float32)


@lru_cache(maxsize=1)
def _model(run: Run) -> LoadedModel:
    name, conf = run_model(run)
    conf = conf.model_copy(update={"image_only": False})
    told = parse(ExtractParams, run.used("extract")["params.yaml"]["extract"], "dvc.lock: extract")
    return load_model(conf, precision=told.precision, device="cpu", name=name)
