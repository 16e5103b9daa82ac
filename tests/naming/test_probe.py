"""The linear probe: the rotation is exact, the counts are right, nothing to learn is no crash."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from strata.collection.facets import FacetLabels
from strata.maps.features import ROWS_SCHEMA
from strata.measures.intervals import corrected_t
from strata.naming.probe import Protocol, drawn, probe, probe_file, rotated, scaled
from strata.results.flat import flatten
from tests.vector_files import write_vectors

PROTOCOL = Protocol(C=0.316, scale="none", splits=4, test_share=0.25, seed=22)


def labels_of(codes, several=0):
    return FacetLabels("motif", ["a", "b", "c"], np.asarray(codes, np.int64), several)


def named(found):
    """Every number and text by its name in metrics/*.json."""
    return flatten(found)[""]


def data(n=60, dimensions=8, spread=0.3, seed=0):
    random = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    centres = random.normal(size=(3, dimensions))
    return centres[codes] + spread * random.normal(size=(n, dimensions)), codes


def test_the_rotation_keeps_every_inner_product():
    values = np.random.default_rng(0).normal(size=(7, 40)).astype(np.float32)
    turned = rotated(values)
    assert turned.shape == (7, 7)
    np.testing.assert_allclose(turned @ turned.T, values.astype(np.float64) @ values.T, atol=1e-5)
    assert rotated(values.T).shape == (40, 7)


def test_the_rotated_regression_gives_the_same_probabilities():
    values, codes = data(n=30, dimensions=90, spread=2.0)
    turned = rotated(values)
    model = LogisticRegression(C=0.316, tol=1e-10, max_iter=5000)
    plain = model.fit(values[:20], codes[:20]).predict_proba(values[20:])
    np.testing.assert_allclose(
        model.fit(turned[:20], codes[:20]).predict_proba(turned[20:]), plain, atol=1e-6
    )


def test_separable_classes_are_named_and_the_interval_holds_the_mean():
    values, codes = data(spread=0.9)
    scores = named(probe(rotated(values), labels_of(codes), PROTOCOL))
    assert scores["accuracy"] > 0.7
    assert scores["accuracy_low"] <= scores["accuracy"] <= scores["accuracy_high"]
    assert scores["train_accuracy"] >= scores["accuracy"]
    assert scores["chance"] == pytest.approx(1 / 3)
    assert scores["majority"] == scores["accuracy_chance"] == pytest.approx(1 / 3)
    assert (scores["classes"], scores["probed"], scores["left_out"]) == (3, 60, 0)
    assert scores["not_converged"] == 0


def test_scores_equal_a_plain_loop_over_scikit_learn():
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedShuffleSplit

    values, codes = data(n=90, spread=2.0)
    codes[:20] = 0
    accuracy, balanced = [], []
    for train, test in StratifiedShuffleSplit(4, test_size=0.25, random_state=22).split(values, codes):
        model = LogisticRegression(C=0.316, max_iter=1000).fit(values[train], codes[train])
        accuracy.append(model.score(values[test], codes[test]))
        balanced.append(balanced_accuracy_score(codes[test], model.predict(values[test])))
    scores = named(probe(rotated(values), labels_of(codes), PROTOCOL))
    assert scores["accuracy"] == pytest.approx(np.mean(accuracy))
    assert scores["balanced_accuracy"] == pytest.approx(np.mean(balanced))
    low, high = corrected_t(accuracy, len(test) / len(train))
    assert (scores["accuracy_low"], scores["accuracy_high"]) == pytest.approx((low, high))


def test_scaling_lets_a_strong_penalty_see_unit_vectors():
    values, codes = data(n=90, spread=2.0)
    wide = np.hstack([values, np.zeros((len(values), 254))])
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True) / 16
    plain = named(probe(rotated(scaled(unit, "none")), labels_of(codes), PROTOCOL))
    root = named(probe(rotated(scaled(unit, "sqrt_dim")), labels_of(codes), PROTOCOL))
    assert scaled(unit, "sqrt_dim") == pytest.approx(unit * np.sqrt(unit.shape[1]))
    assert root["train_accuracy"] >= plain["train_accuracy"]


def test_a_class_of_one_picture_and_unlabelled_pictures_are_left_out():
    values, codes = data(n=41)
    codes = np.where(np.arange(41) % 3 == 2, 0, codes)
    codes[-1], codes[0] = 2, -1
    scores = named(probe(rotated(values), labels_of(codes), PROTOCOL))
    assert (scores["classes"], scores["probed"], scores["left_out"]) == (2, 39, 2)


@pytest.mark.parametrize(
    ("codes", "several", "said"),
    [
        ([0] * 10, 0, "one class has"),
        ([-1] * 10, 0, "no class has"),
        ([0, 1, 2], 0, "no class has"),
        ([0, 1] * 5, 3, "3 pictures have several labels"),
        ([0, 0, 1, 1, 2, 2], 0, "6 pictures cannot be split for 3 classes"),
    ],
)
def test_where_nothing_can_be_learnt_a_text_says_why(codes, several, said):
    scores = named(probe(rotated(np.eye(len(codes))), labels_of(codes, several), PROTOCOL))
    assert list(scores) == ["accuracy_note"]
    assert said in scores["accuracy_note"]


def test_a_split_that_leaves_one_class_to_learn_from_is_said():
    codes = np.array([0] * 100 + [1] * 2)
    few = dataclasses.replace(PROTOCOL, test_share=0.9, splits=20)
    said = named(probe(np.ones((102, 2)), labels_of(codes), few))["accuracy_note"]
    assert said == "not probed: a split with 0.9 held out has one class to learn from (probe.test_share)"


def test_one_split_has_no_interval():
    values, codes = data()
    scores = named(probe(rotated(values), labels_of(codes), Protocol(0.316, "none", 1, 0.25, 22)))
    assert not {"accuracy_low", "accuracy_high"} & set(scores)


def test_fits_that_stop_early_are_counted_not_warned_about(monkeypatch):
    monkeypatch.setattr("strata.naming.logistic_regression.MAX_STEPS", 0)
    values, codes = data(spread=2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert named(probe(rotated(values), labels_of(codes), PROTOCOL))["not_converged"] == 4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.integers(12, 200), st.integers(0, 9))
def test_a_drawing_keeps_the_classes_shares_and_two_of_every_class(sizes, most, seed):
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    chosen = drawn(classes, most, seed)
    assert len(chosen) == min(most, len(classes))
    assert (np.diff(chosen) > 0).all()
    for size, found in zip(sizes, np.bincount(classes[chosen], minlength=len(sizes)), strict=True):
        share = size * len(chosen) / max(len(classes), 1)
        assert found >= min(size, 2)
        assert found <= max(2, share + 2)
    np.testing.assert_array_equal(drawn(classes, most, seed), chosen)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write vectors with a query crop and a picture from outside before, amid and behind them."""
    monkeypatch.setattr("strata.base.files.ROWS_PER_GROUP", 64)
    monkeypatch.setattr("strata.descriptors.vectors.ROWS_PER_GROUP", 64)

    def to_file(values):
        n = len(values)
        kinds = ["outside", *["image"] * (n // 2), "outside", *["image"] * (n - n // 2), "query"]
        entries = [
            {"row": row, "kind": kind, "image_id": f"p{row:03}", "query_id": None}
            for row, kind in enumerate(kinds)
        ]
        everything = np.full((n + 3, values.shape[1]), 1e6, np.float32)
        everything[[kind == "image" for kind in kinds]] = values
        rows = pa.Table.from_pylist(entries, schema=ROWS_SCHEMA)
        write_vectors(tmp_path / "made.parquet", rows, everything)
        return tmp_path / "made.parquet"

    return to_file


def test_a_file_is_probed_by_its_database_rows(write):
    values, codes = data(n=150, spread=2.0)
    values = values.astype(np.float32)
    assert probe_file(write(values), labels_of(codes), PROTOCOL) == probe(
        rotated(values), labels_of(codes), PROTOCOL
    )


def test_more_pictures_than_asked_for_are_drawn_and_the_scores_say_so(write):
    values, codes = data(n=300, spread=2.0)
    codes[:30] = -1
    few = dataclasses.replace(PROTOCOL, max_pictures=120)
    scores = named(probe_file(write(values), labels_of(codes), few))
    assert scores["drawn"] == "120 of 270 pictures, by class, seed 22"
    assert (scores["probed"], scores["left_out"]) == (120, 30)
    places = np.flatnonzero(codes >= 0)[drawn(codes[codes >= 0], 120, 22)]
    loop = named(probe(rotated(values[places].astype(np.float32)), labels_of(codes[places]), PROTOCOL))
    assert scores["accuracy"] == loop["accuracy"]


def test_the_limit_changes_nothing_for_those_below_it(write):
    values, codes = data(n=60, spread=0.9)
    path = write(values)
    plain = named(probe_file(path, labels_of(codes), PROTOCOL))
    assert "drawn" not in plain
    assert named(probe_file(path, labels_of(codes), dataclasses.replace(PROTOCOL, max_pictures=60))) == plain
    codes[:20] = -1  # forty are left: below the limit, though the vectors are not
    limited = probe_file(path, labels_of(codes), dataclasses.replace(PROTOCOL, max_pictures=50))
    assert limited == probe_file(path, labels_of(codes), PROTOCOL)


def test_several_labels_are_said_whatever_the_limit(write):
    values, codes = data(n=60)
    limited = dataclasses.replace(PROTOCOL, max_pictures=30)
    found = named(probe_file(write(values), labels_of(codes, several=2), limited))
    assert found == {"accuracy_note": "not probed: 2 pictures have several labels"}


def test_a_large_collection_without_labels_is_explained(write):
    values, codes = data(n=60)
    limited = dataclasses.replace(PROTOCOL, max_pictures=30)
    found = named(probe_file(write(values), labels_of(np.full_like(codes, -1)), limited))
    assert "no class has" in found["accuracy_note"]
