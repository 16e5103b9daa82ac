"""Planted features give known numbers, and the pipeline from ``pool`` to ``summarize`` reports exactly those.

Random features give the chance levels of the closed forms.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import hypergeom

from stages.settings import dataset_conf, model_conf, params
from strata.base.files import read_json
from strata.maps.features import read_rows
from strata.measures import chance
from strata.models.loading import load_model
from strata.naming.prompts import build_columns, unique_texts
from strata.naming.text import class_vectors, encode_texts
from strata.results.flat import flatten
from strata.retrieval.class_queries import class_queries
from strata.retrieval.evaluation import evaluate_layer
from strata.retrieval.layer_vectors import LayerVectors
from strata.retrieval.queries import build_database, own_queries
from strata.retrieval.region_matching import Frames
from strata.retrieval.similarity import build_index
from tests import planted
from tests.planted import CELL, LAYOUTS, Floats, N

STAGES = {
    "pool": "data/features data/descriptors",
    "reduce": "data/descriptors data/reduced",
    "cluster": "data/reduced data/tables data/clusters",
    "retrieve": "data/rankings",
    "probe": "data/descriptors data/tables data/probe",
    "zeroshot": "data/features data/tables data/zeroshot",
    "grid": "data/features data/tables data/grid",
    "summarize": "metrics data/plots",
}
F = Fraction
# by hand, query by query in the order of LAYOUTS; junk takes no rank
STEP = [F(1), F(1, 2), F(5, 6), F(1, 4), F(1), F(9, 20), F(1, 2), F(5, 6)]
TRAPEZOID = [F(1), F(1, 4), F(19, 24), F(1, 8), F(1), F(23, 80), F(1, 2), F(19, 24)]
STRICT = [*STEP[:7], F(1, 2)]  # "o-g" once ok is junk
JUNK_IS_A_MISS = [F(1), F(1, 2), F(1, 2), F(1, 5), F(7, 10), F(1, 3), F(1, 2), F(5, 6)]
OWN_COUNTS = [F(1), F(5, 6), F(11, 12), F(7, 10), F(1), F(13, 18), F(2, 3), F(11, 12)]
POSITIVES = np.array([1, 1, 2, 1, 3, 2, 2, 2])  # readable or not

Metrics = dict[str, Any]


def run_stages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Metrics]:
    """Every stage's ``main`` in turn in the current folder -> metrics by file and key."""
    for name, arguments in STAGES.items():
        monkeypatch.setattr("sys.argv", [name, *arguments.split()])
        importlib.import_module(f"stages.{name}").main()
    return {path.stem: read_json(path) for path in Path("metrics").glob("*.json")}


def text_of_motifs() -> Floats:
    """(5, D): the demo model's own vectors of the motifs."""
    model = load_model(model_conf("demo-rn"), device="cpu")
    prompts = dataset_conf("planted").prompts
    assert prompts is not None
    columns, _ = build_columns(prompts, planted.tables().classes, "planted")
    texts = unique_texts(columns)
    return class_vectors(columns, texts, encode_texts(model, texts))


def random_layers(seed: int) -> dict[str, Floats]:
    """Features that know nothing: a map and an embedding."""
    random = np.random.default_rng(seed)
    rows = N + len(LAYOUTS)
    maps = random.random((rows, planted.SIDE, planted.SIDE, 32), dtype=np.float32)
    return {"maps": maps, "embedding": random.normal(size=(rows, 128)).astype(np.float32)}


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, F(0)) / len(values)


def rounded(value: float | Fraction) -> float:
    return round(float(value), 4)


def check(found: Mapping[str, Any], expected: Mapping[str, float | Fraction]) -> None:
    """Equal to the last of the four decimals."""
    assert {name: found[name] for name in expected} == {n: rounded(value) for n, value in expected.items()}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Metrics]:
    """The metrics of one run on planted features."""
    folder = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        ranked = planted.ranked_vectors()
        layers = {
            "maps": planted.as_maps(ranked),
            "ranked": ranked,
            "cells": planted.with_queries(planted.cell_vectors()),
            "shapes": planted.with_queries(planted.shape_vectors()),
        }
        planted.write_project(folder, {**layers, "embedding": layers["shapes"]})
        layers["embedding"] = planted.with_queries(planted.named_vectors(text_of_motifs()))
        planted.write_features(folder / "data/features", layers)
        return run_stages(monkeypatch)


@pytest.mark.parametrize("layer", ["maps", "ranked"])
def test_planted_ranks_give_the_average_precisions_worked_out_by_hand(
    simulated: dict[str, Metrics], layer: str
) -> None:
    found = simulated["retrieval"][layer]
    expected = {
        "detail_map": mean(STEP),
        "detail_map_step": mean(STEP),
        "detail_map_trapezoid": mean(TRAPEZOID),
        "detail_map_macro": mean(STEP),
        "detail_map_n_groups": 4,
        "detail_p_at_1": F(5, 8),
        "detail_p_at_5": F(1 + 1 + 2 + 1 + 3 + 2 + 1 + 2, 40),
        "detail_hit_at_5": 1,
        "detail_recall_at_10": F(15, 16),  # half the positives of one query cannot be read
        "strict_map": mean(STRICT),
        "detail_n_queries": 8,
    }
    check(found, expected)
    assert found["detail_match"] == ("region" if layer == "maps" else "global (the layer has no map)")


def test_the_headline_repeats_the_planted_numbers(simulated: dict[str, Metrics]) -> None:
    headline = simulated["headline"]
    assert (headline["pictures_used"], headline["pictures_rejected"]) == (40, 1)
    check(headline, {"class_map": 1, "ami": 1, "accuracy": 1, "zeroshot_top1": F(33, 40)})
    assert (headline["class_map_layer"], headline["ami_layer"]) == ("shapes", "shapes")


def test_two_points_are_found_grouped_and_named_without_a_mistake(simulated: dict[str, Metrics]) -> None:
    found = ("class_map", "class_p_at_10", "class_map_pca", "class_map_in_cluster")
    check(simulated["retrieval"]["shapes"], dict.fromkeys(found, 1.0))
    grouped = ("ami", "nmi", "ari", "purity", "silhouette")
    check(simulated["clusters"]["shapes"], dict.fromkeys(grouped, 1.0))
    check(simulated["probe"]["shapes"], {"accuracy": 1, "accuracy_low": 1, "chance": F(1, 2)})


def test_cells_give_the_class_map_of_their_order(simulated: dict[str, Metrics]) -> None:
    """Nine of the same shape, ten of the other, ten of the same: whatever stands first in a cell."""
    related = 2 * CELL - 1
    last = [F(CELL - 1 + place, related + place) for place in range(1, CELL + 1)]
    precision = (CELL - 1 + sum(last)) / F(related)
    expected: dict[str, float | Fraction] = {
        "class_map": precision,
        "class_map_pca": precision,
        "class_map_chance": float(chance.step_ap(related, N - 1)),
        "class_p_at_1": 1,
        "class_p_at_10": F(9, 10),
        "class_r_precision": F(9, 19),
        "class_recall_at_10": F(9, 19),
        "class_map_in_cluster": F(9, 19),
        "class_recall_in_cluster": 1,
    }
    check(simulated["retrieval"]["cells"], expected)


def test_clusters_across_the_classes_score_what_independence_gives(simulated: dict[str, Metrics]) -> None:
    half = N // 2
    counts = np.arange(1, half + 1)
    odds = hypergeom(N, half, half).pmf(counts)
    by_chance = 4 * float(np.sum(odds * counts / N * np.log(N * counts / half**2)))
    pairs, wholes, every = 4 * math.comb(CELL, 2), 2 * math.comb(half, 2), math.comb(N, 2)
    ari = (pairs - wholes**2 / every) / (wholes - wholes**2 / every)
    inside = 10 * 2 * math.sqrt(0.1) / 19
    outside = math.sqrt(0.35) + math.sqrt(0.45)
    expected: dict[str, float | Fraction] = {
        "nmi": 0,
        "ami": -by_chance / (math.log(2) - by_chance),
        "ari": ari,
        "purity": F(1, 2),
        "silhouette": 1 - inside / outside,
        "smallest": half,
    }
    check(simulated["clusters"]["cells"], expected)


def test_a_probe_is_wrong_on_a_class_that_cannot_be_told_apart(simulated: dict[str, Metrics]) -> None:
    """Every split tests 4 matt, 1 satin and 5 gloss pictures, and satin looks like matt."""
    expected = {
        "accuracy_finish": F(9, 10),
        "accuracy_low_finish": F(9, 10),
        "accuracy_high_finish": F(9, 10),
        "balanced_accuracy_finish": F(2, 3),
        "train_accuracy_finish": F(9, 10),
        "majority_finish": F(1, 2),
        "chance_finish": F(1, 3),
    }
    check(simulated["probe"]["shapes"], expected)
    check(simulated["probe"]["cells"], {"accuracy": 1, "train_accuracy": 1})


def test_embeddings_named_wrongly_on_purpose_give_the_known_accuracies(simulated: dict[str, Metrics]) -> None:
    expected = {
        "top1": F(33, 40),
        "top2": F(37, 40),
        "balanced_accuracy": F(3 + 5 + 4 + 5 + 6, 30),
        "majority": F(16, 40),
        "chance": F(1, 5),
    }
    check(simulated["zeroshot"]["motif"], expected)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [({"junk": "negative"}, JUNK_IS_A_MISS), ({"self_match": "include"}, OWN_COUNTS)],
)
def test_the_other_policies_give_their_own_known_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: dict[str, str], expected: list[Fraction]
) -> None:
    monkeypatch.chdir(tmp_path)
    ranked = planted.ranked_vectors()
    planted.write_project(tmp_path, {"maps": planted.as_maps(ranked), "ranked": ranked}, **policy)
    metrics = run_stages(monkeypatch)["retrieval"]
    for layer in ("maps", "ranked"):
        check(metrics[layer], {"detail_map": mean(expected)})


def test_random_features_give_the_chance_levels_within_their_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    planted.write_project(tmp_path, random_layers(1))
    metrics = run_stages(monkeypatch)
    positives, junk = POSITIVES, [layout.count("j") for layout in LAYOUTS]
    readable = np.array([layout.count("g") + layout.count("o") for layout in LAYOUTS])
    by_chance = {
        "detail": np.mean(chance.step_ap(readable, N - 1 - np.array(junk)) * readable / positives),
        "class": chance.step_ap(19, N - 1),
    }
    for layer in ("maps", "embedding"):
        found = metrics["retrieval"][layer]
        for task, expected in by_chance.items():
            check(found, {f"{task}_map_chance": float(expected)})
        assert found["class_map_note"] == "2 groups: an interval needs 5"
        assert found["detail_map_note"] == "4 groups: an interval needs 5"
        assert not {"class_map_low", "detail_map_low"} & set(found)
        probed = metrics["probe"][layer]
        assert probed["accuracy_low"] <= probed["chance"] == 0.5 <= probed["accuracy_high"]
        assert abs(metrics["clusters"][layer]["ami"]) < 0.1
    named = metrics["zeroshot"]["motif"]
    assert named["top1_low"] <= named["chance"] == 0.2 <= named["top1_high"]


def test_over_many_seeds_random_vectors_score_chance_on_average(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every measure that has a chance level: the mean of 40 seeds is within 3 standard errors of it.

    But for hits that are all but sure: they have no standard error to speak of.
    """
    monkeypatch.chdir(tmp_path)
    planted.write_project(tmp_path, random_layers(0))
    tables, chosen = planted.tables(), params()
    rows = read_rows(tmp_path / "data/features")
    database = build_database(rows, tables.images)
    protocol = dataset_conf("planted").protocol
    own = own_queries(tables, rows, database, protocol, chosen.retrieve, chosen.query.view)
    query_sets = [own, class_queries(tables, database, every=1)]
    frames = Frames(np.full((N, 2), 224, np.int64), "center_crop", 224)
    found = []
    for seed in range(40):
        vectors = random_layers(seed)["embedding"]
        index = build_index(vectors, "cosine", database.ranked)
        clusters = np.zeros(len(vectors), np.int32)
        layer = LayerVectors(index, index, clusters, regions=None, has_map=False)
        result = evaluate_layer(layer, database, query_sets, chosen.retrieve, chosen.query.view, frames)
        found.append(flatten(result.scored)[""])
    by_chance = {
        name.removesuffix("_chance"): value
        for name, value in found[0].items()
        if name.endswith("_chance") and isinstance(value, float) and value < 0.95
    }
    assert {"detail_map", "strict_map", "class_map", "class_p_at_5", "class_r_precision"} <= set(by_chance)
    for measure, expected in by_chance.items():
        values = np.array([metrics[measure] for metrics in found], np.float64)
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert abs(values.mean() - expected) <= 3 * error + 1e-12, measure
