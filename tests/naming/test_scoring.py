"""Scores of zero-shot predictions, against slow oracles and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.measures.intervals import wilson
from strata.measures.scores import Scored
from strata.naming.scoring import (
    calibration_error,
    cosine_logits,
    entropy,
    likeliest,
    probabilities,
    score_set,
)
from strata.results.flat import flatten

seeds = st.integers(0, 10_000)


def named(found: Scored) -> dict[str, float | str]:
    """Every number and text by its name in metrics/*.json."""
    return flatten(found)[""]


def case(seed: int, n: int = 60, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Logits that know a little, one true class a picture."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[codes]
    return logits.astype(np.float32), np.eye(classes, dtype=bool)[codes]


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_logits_are_scale_times_cosine_plus_bias(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(4, 6)).astype(np.float32)
    texts = rng.normal(size=(3, 6)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    seen = cosine_logits(images, texts, 14.3, -2.5)
    assert seen.dtype == np.float32
    for i, image in enumerate(images.astype(float)):
        for j, text in enumerate(texts.astype(float)):
            cosine = sum(a * b for a, b in zip(image, text, strict=True)) / math.sqrt(
                sum(a * a for a in image)
            )
            assert seen[i, j] == pytest.approx(14.3 * cosine - 2.5, abs=1e-4)


def test_a_picture_without_any_activation_has_the_logit_of_cosine_zero() -> None:
    assert cosine_logits(np.zeros((1, 2), np.float32), np.eye(2, dtype=np.float32), 10, None).tolist() == [
        [0, 0]
    ]


def test_probabilities_sum_to_one_unless_the_model_is_a_sigmoid_one() -> None:
    logits = np.array([[1.0, 2.0, 900.0]], np.float32)
    assert probabilities(logits, sigmoid=False).sum() == pytest.approx(1)
    seen = probabilities(logits, sigmoid=True)
    assert seen[0].tolist() == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-2)), 1])


def test_ties_go_to_the_earlier_column() -> None:
    assert likeliest(np.array([[1, 3, 3, 2]], np.float32), 3).tolist() == [[1, 2, 3]]


def test_entropy_is_zero_when_certain_and_log_k_when_not() -> None:
    assert entropy(np.array([[1.0, 0, 0], [1 / 3] * 3])).tolist() == pytest.approx([0, math.log(3)])


@given(seeds, st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_accuracies_are_those_of_a_loop_and_of_scikit_learn(seed: int, top: int) -> None:
    from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score

    logits, truth = case(seed)
    codes = truth.argmax(axis=1)
    scores = named(score_set(logits, truth, top, sigmoid=False))
    right = sum(
        int(max(range(5), key=lambda c: row[c]) == code) for row, code in zip(logits, codes, strict=True)
    )
    assert scores["top1"] == pytest.approx(right / 60)
    assert (scores["top1_low"], scores["top1_high"]) == wilson(right, 60)
    if 1 < top < 5:
        expected = top_k_accuracy_score(codes, logits, k=top, labels=np.arange(5))
        assert scores[f"top{top}"] == pytest.approx(expected)
    assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(codes, logits.argmax(axis=1)))
    assert scores["majority"] == pytest.approx(max(np.bincount(codes)) / 60)
    assert scores["chance"] == scores["top1_chance"] == pytest.approx(1 / 5)
    assert scores["n"] == 60


@pytest.mark.parametrize("top", [5, 6])
def test_top_k_is_left_out_where_it_cannot_miss(top: int) -> None:
    scores = named(score_set(*case(0), top, sigmoid=False))
    assert f"top{top}" not in scores
    assert "top1" in scores


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_calibration_error_is_that_of_a_loop_over_the_bins(seed: int) -> None:
    logits, truth = case(seed)
    chances, codes = probabilities(logits, sigmoid=False), truth.argmax(axis=1)
    expected = 0.0
    for bin_ in range(15):
        inside = [
            (row.max(), row.argmax() == code)
            for row, code in zip(chances, codes, strict=True)
            if bin_ / 15 < row.max() <= (bin_ + 1) / 15
        ]
        if inside:
            confidence = np.mean([c for c, _ in inside])
            expected += len(inside) / 60 * abs(confidence - np.mean([r for _, r in inside]))
    assert calibration_error(chances, codes) == pytest.approx(expected, abs=1e-12)


def test_certain_and_always_right_is_perfectly_calibrated_and_always_wrong_is_worst() -> None:
    assert calibration_error(np.eye(3), np.arange(3)) == 0
    assert calibration_error(np.eye(3), np.array([1, 2, 0])) == 1


def test_pictures_without_a_label_of_the_facet_are_skipped_and_counted() -> None:
    logits, truth = case(1)
    some = truth.copy()
    some[:20] = False
    scores = named(score_set(logits, some, 2, sigmoid=False))
    expected = named(score_set(logits[20:], truth[20:], 2, sigmoid=False))
    assert scores == {**expected, "n_unlabelled": 20}


def test_without_any_label_there_is_a_reason_and_no_number() -> None:
    logits, truth = case(1)
    scores = named(score_set(logits, np.zeros_like(truth), 2, sigmoid=False))
    assert str(scores["status"]).startswith("not scored")
    assert "top1" not in scores


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_several_labels_a_picture_are_scored_by_mean_average_precision(seed: int) -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(40, 4)).astype(np.float32)
    truth = rng.random((40, 4)) < 0.4
    truth[0] = True
    truth[:, 3] = False  # a class nobody has: no AP, no part in the mean
    truth[1:3] = False
    labelled = truth.any(axis=1)
    scores = named(score_set(logits, truth, 2, sigmoid=True))
    expected = [average_precision_score(truth[labelled, c], logits[labelled, c]) for c in range(3)]
    assert scores["map"] == pytest.approx(np.mean(expected))
    assert scores["task"] == "multi-label"
    assert scores["probability"] == "sigmoid"
    assert "top1" not in scores
    assert 0 < float(str(scores["chance"])) == scores["map_chance"] < 1


def test_blocks_of_rows_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, _ = case(5)
    for work in (
        lambda: probabilities(logits, sigmoid=False),
        lambda: entropy(probabilities(logits, sigmoid=True)),
        lambda: likeliest(logits, 2),
    ):
        monkeypatch.setattr("strata.naming.scoring.BLOCK", 65_536)
        whole = work()
        monkeypatch.setattr("strata.naming.scoring.BLOCK", 7)
        np.testing.assert_array_equal(work(), whole)
