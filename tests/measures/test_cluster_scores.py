"""Agreement of clusters with labels, against loops and closed cases."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.measures.cluster_scores import (
    agreement,
    purity,
    purity_by_chance,
    silhouette,
    size_scores,
)


def values_of(scores):
    return {score.metric: score.value for score in scores}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=40))
def test_purity_equals_the_loop(pairs):
    classes, found = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    right = 0
    for number in set(found.tolist()):
        right += Counter(classes[found == number].tolist()).most_common(1)[0][1]
    assert purity(classes, found) == pytest.approx(right / len(pairs))


def test_perfect_clusters_score_one_whatever_their_numbers():
    scores = agreement(np.array([2, 2, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 2]), seed=0)
    assert [score.metric for score in scores[:4]] == ["ami", "nmi", "ari", "purity"]
    assert [score.value for score in scores[:4]] == pytest.approx([1, 1, 1, 1])
    assert scores[3].chance < 0.8


@pytest.mark.parametrize(
    ("clusters", "classes", "what"),
    [
        (np.arange(30), np.arange(30) % 3, "30 clusters"),
        (np.arange(30) % 3, np.arange(30) % 25, "25 classes"),
        (np.arange(30), np.arange(30), "30 classes"),
    ],
)
def test_groups_of_single_pictures_are_no_result_and_the_note_says_so(clusters, classes, what):
    first, *counts = agreement(clusters, classes, seed=0)
    assert (first.metric, first.value) == ("ami", None)
    assert first.note == f"no result: {what} of 30 pictures, nearly all of one picture"
    assert [score.metric for score in counts] == ["labelled", "left_out"]


def test_random_clusters_have_the_purity_of_chance_and_no_ami():
    random = np.random.default_rng(0)
    classes, found = random.integers(0, 4, 2000), random.integers(0, 8, 2000)
    ami, _, _, by_majority, *_ = agreement(found, classes, seed=0)
    assert ami.value == pytest.approx(ami.chance, abs=0.01)
    assert by_majority.value == pytest.approx(by_majority.chance, abs=0.02)


def test_the_chance_of_purity_is_the_mean_over_shuffles_and_repeats():
    classes = np.array([0, 0, 0, 1, 1, 2], np.int64)
    found = np.array([0, 0, 1, 1, 2, 2], np.int64)
    assert purity_by_chance(classes, found, seed=3) == purity_by_chance(classes, found, seed=3)
    random = np.random.default_rng(3)
    loop = np.mean([purity(random.permutation(classes), found) for _ in range(100)])
    assert purity_by_chance(classes, found, seed=3) == pytest.approx(loop)


def test_pictures_without_exactly_one_label_are_left_out_and_counted():
    scores = values_of(agreement(np.array([0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, -1]), seed=0))
    assert (scores["labelled"], scores["left_out"], scores["purity"]) == (4, 1, 1.0)


def test_without_labels_there_are_only_counts():
    found = agreement(np.array([0, 1]), np.array([-1, -1]), seed=0)
    assert values_of(found) == {"labelled": 0, "left_out": 2}


def test_sizes_count_empty_clusters():
    found = values_of(size_scores(np.array([2, 1, 0])))
    assert found == {"n": 3, "k": 3, "smallest": 0, "largest": 2}
    assert all(type(value) is int for value in found.values())


def test_silhouette_says_that_layers_cannot_be_compared():
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(c, 0.1, (20, 2)) for c in (0, 5)]).astype(np.float32)
    score = silhouette(values, np.repeat([0, 1], 20), seed=0)
    assert score.value > 0.9
    assert "not comparable between layers" in score.note


def test_silhouette_of_many_pictures_is_a_repeatable_sample(monkeypatch):
    monkeypatch.setattr("strata.measures.cluster_scores.SILHOUETTE_SAMPLE", 50)
    random = np.random.default_rng(0)
    values, found = random.normal(size=(400, 3)).astype(np.float32), random.integers(0, 3, 400)
    first, second = (silhouette(values, found, seed=1) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("found", [[0, 0, 0], [0, 1, 2]])
def test_an_undefined_silhouette_has_a_reason_instead_of_a_number(found):
    score = silhouette(np.eye(3, dtype=np.float32), np.array(found), seed=0)
    assert score.value is None
    assert score.note.startswith("undefined")


def test_many_pictures_are_shuffled_fewer_times(monkeypatch):
    classes, found = np.arange(60) % 3, np.arange(60) % 5
    random = np.random.default_rng(4)
    loop = np.mean([purity(random.permutation(classes), found) for _ in range(20)])
    monkeypatch.setattr("strata.measures.cluster_scores.SHUFFLED", 20 * 60)
    assert purity_by_chance(classes, found, seed=4) == pytest.approx(loop)


def test_a_sampled_silhouette_says_of_how_many(monkeypatch):
    monkeypatch.setattr("strata.measures.cluster_scores.SILHOUETTE_SAMPLE", 30)
    values = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    score = silhouette(values, np.arange(50) % 2, seed=7)
    assert score.note.endswith("; of 30 pictures, seed 7")
