"""Logits, probabilities and what the predictions are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from strata.measures.average_precision import step_average_precision
from strata.measures.chance import step_ap
from strata.measures.intervals import wilson
from strata.measures.scores import Policy, Score, Scored

ECE_BINS = 15
BLOCK = 65_536  # rows at once, so that what stands beside a result stays small; every row is on its own

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


def cosine_logits(images: Floats, texts: Floats, scale: float, bias: float | None) -> Floats:
    """scale * cosine + bias: images (N, D), texts (K, D) -> (N, K) float32.

    An image vector of length zero has cosine 0 with everything.
    """
    lengths = np.maximum(np.linalg.norm(images.astype(np.float64), axis=1, keepdims=True), 1e-12)
    unit = np.asarray(images / lengths, np.float32)
    return np.asarray(np.float32(scale) * (unit @ texts.T) + np.float32(bias or 0.0), np.float32)


def probabilities(logits: npt.NDArray[np.floating[Any]], *, sigmoid: bool) -> Doubles:
    """(N, K) -> (N, K): a softmax over the classes, or each class on its own for a sigmoid model."""

    def of(block: npt.NDArray[np.floating[Any]]) -> Doubles:
        values = block.astype(np.float64)
        return np.asarray(expit(values) if sigmoid else softmax(values, axis=1))

    return _by_blocks(of, logits)


def likeliest(logits: Floats, count: int) -> npt.NDArray[np.int64]:
    """(N, min(count, K)): the classes with the highest logits, best first; ties by column."""
    return _by_blocks(lambda block: np.argsort(-block, axis=1, kind="stable")[:, :count].copy(), logits)


def entropy(chances: Doubles) -> Doubles:
    """(N, K) -> (N,): in nats, of the probabilities made to sum to one. 0 is certain, log K knows nothing."""

    def of(block: Doubles) -> Doubles:
        share = block / np.maximum(block.sum(axis=1, keepdims=True), 1e-300)
        return np.asarray(-np.sum(share * np.log(np.maximum(share, 1e-300)), axis=1))

    return _by_blocks(of, chances)


def _by_blocks(
    work: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], rows: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    parts = [work(rows[start : start + BLOCK]) for start in range(0, max(len(rows), 1), BLOCK)]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def score_set(logits: Floats, truth: Truth, top: int, *, sigmoid: bool) -> Scored:
    """Scores of one prompt set. logits (N, K); truth (N, K): which classes of the facet a picture has.

    Pictures without a label of the facet are counted and left out. If any picture has several, accuracy is
    not defined: the classes are ranked instead (``map``).
    """
    labelled = truth.any(axis=1)
    several = (("n", labelled.sum()), ("n_unlabelled", (~labelled).sum()), ("classes", truth.shape[1]))
    counts = [Score(name, int(count)) for name, count in several]
    found = Scored(counts, [Policy("probability", "sigmoid" if sigmoid else "softmax")])
    if not labelled.any():
        return found + Scored([], [Policy("status", "not scored: no picture has a label of this facet")])
    if (truth.sum(axis=1) > 1).any():
        ranked = _ranked_classes(logits[labelled], truth[labelled])
        return found + Scored(ranked, [Policy("task", "multi-label")])
    chances = probabilities(logits[labelled], sigmoid=sigmoid)
    scores = _accuracy(logits[labelled], truth[labelled].argmax(axis=1), top)
    error = Score("ece", calibration_error(chances, truth[labelled].argmax(axis=1)))
    return found + Scored([*scores, error], [Policy("task", "single-label")])


def _accuracy(logits: Floats, truth: npt.NDArray[np.int64], top: int) -> list[Score]:
    """Accuracies and what they are to be compared with. Top k says nothing with k or fewer classes."""
    n, classes = logits.shape
    order = likeliest(logits, max(1, top))
    scores = []
    for k in sorted({1, top}):
        if k == 1 or k < classes:
            right = int((order[:, :k] == truth[:, None]).any(axis=1).sum())
            scores.append(Score(f"top{k}", right / n, *wilson(right, n), chance=k / classes))
    counts = np.bincount(truth, minlength=classes)
    hits = np.bincount(truth[order[:, 0] == truth], minlength=classes)
    present = counts > 0
    return [
        *scores,
        Score("balanced_accuracy", float(np.mean(hits[present] / counts[present])), chance=1 / classes),
        Score("majority", float(counts.max() / n)),
        Score("chance", 1 / classes),
    ]


def _ranked_classes(logits: Floats, truth: Truth) -> list[Score]:
    """Mean over the classes of the step AP of all pictures ranked by that class's logit, and its chance."""
    present = [column for column in range(truth.shape[1]) if truth[:, column].any()]
    found = []
    for column in present:
        order = np.argsort(-logits[:, column], kind="stable")
        ranks = np.flatnonzero(truth[order, column])
        found.append(step_average_precision(ranks, len(ranks)))
    chance = float(np.mean(step_ap(truth[:, present].sum(axis=0), len(truth))))
    return [Score("map", float(np.mean(found)), chance=chance), Score("chance", chance)]


def calibration_error(chances: Doubles, truth: npt.NDArray[np.int64]) -> float:
    """Expected calibration error: mean |accuracy - confidence| over 15 equal bins of the confidence,
    weighted by their pictures (Guo et al. 2017, eq. 3). 0..1.
    """
    confidence = chances.max(axis=1)
    right = chances.argmax(axis=1) == truth
    # bins are (low, high]: 1.0 belongs to the last one
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(truth))
