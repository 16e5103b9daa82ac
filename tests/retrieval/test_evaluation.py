"""One layer end to end in memory: planted vectors with known scores, and a plain second implementation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import average_precision_score

from strata.base import threads
from strata.collection.tables import Tables, from_rows
from strata.maps.features import ROWS_SCHEMA, LayerInfo
from strata.maps.rmac_regions import region_boxes
from strata.maps.stored_layers import StoredLayer
from strata.results.flat import flatten
from strata.retrieval import judging, query_blocks
from strata.retrieval.class_queries import class_queries
from strata.retrieval.evaluation import LayerResult, evaluate_layer
from strata.retrieval.layer_vectors import LayerVectors
from strata.retrieval.queries import build_database, own_queries
from strata.retrieval.region_matching import Frames, RegionStore
from strata.retrieval.similarity import build_index
from strata.settings.params import ProtocolEntry, RetrieveParams
from tests import planted

NO_CLASSES = from_rows("classes", [])
PROTOCOL = ProtocolEntry(ap="step", positives={"detail": {"positive": ["good"], "junk": ["junk"]}})


def params(**changes: Any) -> RetrieveParams:
    values = {"match": "global", "metric": "cosine", "top_k": 4, "self_match": "exclude", "junk": "skip"}
    return RetrieveParams(
        **{
            **values,
            "class_every": 1,
            "duplicates": "keep",
            "near_duplicate": 0.98,
            "budget_mib": 16,
            "postprocess": "none",
            "methods": planted.methods(),
            **changes,
        }
    )


def row_table(image_ids: list[str], crops: list[tuple[str, str]] = ()) -> pa.Table:
    entries = [("image", i, None) for i in image_ids] + [("query", i, q) for q, i in crops]
    return pa.Table.from_pylist(
        [{"row": n, "kind": k, "image_id": i, "query_id": q} for n, (k, i, q) in enumerate(entries)],
        schema=ROWS_SCHEMA,
    )


def image_rows(image_ids: list[str], labels: list[list[str]] | None = None) -> list[dict]:
    named = labels or [[] for _ in image_ids]
    sized = {"width": 100, "height": 100, "status": "ok"}
    return [
        {"image_id": i, "path": i, "labels": own, **sized} for i, own in zip(image_ids, named, strict=True)
    ]


def frames(n: int) -> Frames:
    return Frames(np.full((n, 2), 100), "squash", 100)


def metrics(result: LayerResult) -> dict[str, float | str]:
    """Everything by its name in metrics/*.json."""
    return flatten(result.scored)[""]


def class_run(
    vectors: np.ndarray,
    labels: list[list[str]],
    clusters: np.ndarray,
    ranked_in_full: bool = False,
    **changes: Any,
) -> LayerResult:
    """Class retrieval on vectors that are descriptors and reduced vectors in one.

    ``ranked_in_full``: also where nothing but the neighbours is asked for.
    """
    ids = [f"{n:03d}" for n in range(len(vectors))]
    names = sorted({label for own in labels for label in own})
    classes = [{"class_id": c, "facet": "f", "name": c, "synonyms": []} for c in names]
    tables = Tables(
        from_rows("images", image_rows(ids, labels)),
        from_rows("queries", []),
        from_rows("relevance", []),
        from_rows("classes", classes),
    )
    database = build_database(row_table(ids), tables.images)
    chosen = params(**changes)
    index = build_index(vectors.astype(np.float32), chosen.metric, database.ranked)
    layer = LayerVectors(index, index, clusters.astype(np.int32), None, True)
    own = own_queries(tables, row_table(ids), database, PROTOCOL, chosen, "whole")
    by_class = class_queries(tables, database, chosen.class_every)
    if ranked_in_full:
        by_class = replace(by_class, tasks=[replace(task, graded=True) for task in by_class.tasks])
    sets = [own, by_class]
    return evaluate_layer(layer, database, sets, chosen, "whole", frames(len(ids)))


def test_planted_classes_are_found_perfectly() -> None:
    vectors = np.repeat(np.eye(3), 4, axis=0) + 0.01 * np.random.default_rng(0).normal(size=(12, 3))
    found = metrics(class_run(vectors, [[f"c{n // 4}"] for n in range(12)], np.arange(12) // 4))
    for name in (
        "map",
        "map_pca",
        "map_in_cluster",
        "p_at_1",
        "r_precision",
        "hit_at_5",
    ):
        assert found[f"class_{name}"] == 1.0
    assert "class_map_low" not in found  # all alike: nothing tells how other classes would differ
    assert found["class_p_at_5"] == pytest.approx(3 / 5)
    assert found["class_p_at_1_chance"] == pytest.approx(3 / 11)
    assert found["class_recall_in_cluster"] == pytest.approx(3 / 10)
    assert (found["class_n_queries"], found["class_n_without_positives"], found["class_n_database"]) == (
        12,
        0,
        12,
    )
    assert (found["class_map_n_groups"], found["class_n_unanswered"]) == (3, 0)
    assert (found["class_ap"], found["class_self_match"], found["class_match"]) == (
        "step",
        "exclude",
        "global",
    )


def test_a_planted_mistake_costs_what_it_should() -> None:
    """Four pictures on a line; a's only relative c is its second neighbour, and so on."""
    angles = np.array([0.0, 0.1, 0.25, 0.45])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    result = class_run(vectors, [["x"], ["y"], ["x"], ["y"]], np.zeros(4))
    rows = result.per_query.filter(pa.compute.equal(result.per_query["space"], "full"))
    # nearest first: a: b c d; b: a c d; c: b d a; d: c b a
    assert rows["ap_step"].to_pylist() == pytest.approx([1 / 2, 1 / 3, 1 / 3, 1 / 2])
    assert metrics(result)["class_map"] == pytest.approx(5 / 12)
    top = result.topk.to_pylist()
    assert [row["image_id"] for row in top[:3]] == ["001", "002", "003"]
    assert [row["grade"] for row in top[:3]] == [None, "good", None]
    assert [row["rank"] for row in top[:3]] == [1, 2, 3]
    assert top[0]["score"] == pytest.approx(np.cos(0.1))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_class_retrieval_is_what_a_plain_loop_with_scikit_learn_gets(metric: str, monkeypatch) -> None:
    rng = np.random.default_rng(9)
    vectors = rng.normal(size=(60, 6)).astype(np.float32)
    clusters = rng.integers(0, 3, 60)
    labels = [[name for name in "abcd" if rng.random() < 0.3] for _ in range(60)]
    monkeypatch.setattr(query_blocks, "queries_per_block", lambda *_: 7)
    found = class_run(vectors, labels, clusters, metric=metric, class_every=2).per_query.to_pylist()
    full = {row["query_id"]: row for row in found if row["space"] == "full"}
    inside = {row["query_id"]: row for row in found if row["space"] == "in_cluster"}
    assert list(full) == [f"{n:03d}" for n in range(0, 60, 2)]
    exact = vectors.astype(float)
    units = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    for query in range(0, 60, 2):
        others = np.array([n for n in range(60) if n != query])
        close = units[others] @ units[query]
        if metric == "euclidean":
            close = -np.linalg.norm(exact[others] - exact[query], axis=1)
        relevant = np.array([bool(set(labels[n]) & set(labels[query])) for n in others])
        mine, boxed_in = full[f"{query:03d}"], inside[f"{query:03d}"]
        assert mine["n_positives"] == relevant.sum()
        if not relevant.any():
            assert mine["ap_step"] is None
            continue
        assert mine["ap_step"] == pytest.approx(average_precision_score(relevant, close))
        assert mine["p_at_5"] == pytest.approx(relevant[np.argsort(-close)[:5]].mean())
        together = clusters[others] == clusters[query]
        share = relevant[together].sum() / relevant.sum()
        expected = average_precision_score(relevant[together], close[together]) * share if share else 0.0
        assert boxed_in["ap_step"] == pytest.approx(expected)
        nearest = np.argsort(-close)[:10]
        assert boxed_in["recall_in_cluster"] == pytest.approx(together[nearest].mean())


def test_blocks_of_queries_change_nothing(monkeypatch) -> None:
    rng = np.random.default_rng(3)
    vectors, labels = rng.normal(size=(40, 5)), [[str(n % 4)] for n in range(40)]
    once = class_run(vectors, labels, rng.integers(0, 3, 40))
    rng = np.random.default_rng(3)
    monkeypatch.setattr(query_blocks, "queries_per_block", lambda *_: 3)
    again = class_run(rng.normal(size=(40, 5)), labels, rng.integers(0, 3, 40))
    assert once.topk.equals(again.topk)
    assert once.per_query.equals(again.per_query)
    assert once.scored == again.scored


def same(one: LayerResult, other: LayerResult) -> bool:
    tables = one.topk.equals(other.topk) and one.per_query.equals(other.per_query)
    return tables and one.scored == other.scored


def test_the_number_of_cores_changes_nothing(monkeypatch) -> None:
    monkeypatch.setattr(judging, "SHORT", 0)
    rng = np.random.default_rng(3)
    vectors, labels, clusters = rng.normal(size=(90, 5)), [[str(n % 4)] for n in range(90)], np.arange(90) % 3
    runs = []
    for count in (1, 3):
        monkeypatch.setattr(threads, "cores", lambda count=count: count)
        runs.append(class_run(vectors, labels, clusters))
    assert same(*runs)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_alone_are_those_of_the_full_rankings(metric: str) -> None:
    """Without labels only the nearest are looked for; pictures that say nothing are among the queries."""
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(70, 5))
    vectors[[4, 40]] = 0
    vectors[[7, 20, 66]] = vectors[30]
    given = vectors, [[] for _ in range(70)], rng.integers(0, 4, 70)
    alone = class_run(*given, metric=metric)
    assert same(alone, class_run(*given, metric=metric, ranked_in_full=True))
    assert metrics(alone)["class_n_unanswered"] == 2


def test_without_labels_there_are_neighbours_but_no_map() -> None:
    found = class_run(np.eye(4)[:, :3] + 1, [[], [], [], []], np.zeros(4))
    assert metrics(found).get("class_map") is None
    assert metrics(found)["class_n_without_positives"] == 4
    assert found.topk.num_rows == 12


def test_a_euclidean_run_on_normalised_vectors_says_it_cannot_differ() -> None:
    vectors = np.random.default_rng(1).normal(size=(8, 3))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [[str(n % 2)] for n in range(8)]
    noted = metrics(class_run(units, labels, np.zeros(8), metric="euclidean"))
    assert noted["euclidean_note"] == "same ranking as cosine: the descriptors are L2-normalised"
    assert noted["class_map"] == metrics(class_run(units, labels, np.zeros(8)))["class_map"]
    assert "euclidean_note" not in metrics(class_run(vectors, labels, np.zeros(8), metric="euclidean"))


SIDE, LEVELS, CHANNELS = 4, 3, 6


def detail_run(
    lost: str | None = None, view: str = "crop", has_map: bool = True, **changes: Any
) -> LayerResult:
    """Six pictures; a detail (channel 0) lies in one region of a, b and c; 0 shows it too but is junk.

    Its box is exactly the second region of level 3: 2 x 2 cells of a 4 x 4 map of a picture of 100 pixels.
    """
    ids = [i for i in "0abcef" if i != lost]
    boxes = region_boxes(SIDE, SIDE, LEVELS)
    small = len(boxes) - 9 + 1
    _, row, col, size = boxes[small].tolist()
    box = {"x0": col * 25.0, "y0": row * 25.0, "x1": (col + size) * 25.0, "y1": (row + size) * 25.0}
    crops = [(f"q{i}", i) for i in "abc" if i != lost]
    regions = np.random.default_rng(2).uniform(0, 0.4, (len(ids) + len(crops), len(boxes), CHANNELS))
    for place, image_id in enumerate(ids):
        if image_id in "0abc":
            regions[place, small] = [1, 0, 0, 0, 0, 0]
    regions[len(ids) :] = [1, 0, 0, 0, 0, 0]
    queries = [
        {"query_id": f"q{i}", "image_id": i, "group": "g1" if i == "a" else "g2", **box} for i in "abc"
    ]
    tables = Tables(
        from_rows("images", image_rows(list("0abcef"))),
        from_rows("queries", queries),
        from_rows(
            "relevance",
            [{"query_id": f"q{q}", "image_id": i, "grade": "good", **box} for q in "abc" for i in "abc"]
            + [{"query_id": f"q{q}", "image_id": "0", "grade": "junk", **box} for q in "abc"],
        ),
        NO_CLASSES,
    )
    rows = row_table(ids, crops)
    database = build_database(rows, tables.images)
    chosen = params(**{"match": "region", **changes})
    vectors = np.random.default_rng(4).normal(size=(len(rows), 5)).astype(np.float32)
    index = build_index(vectors, "cosine", database.ranked)
    info = LayerInfo("x", "x", "regions", CHANNELS, SIDE, SIDE, LEVELS, 3.0, False)
    store = RegionStore(StoredLayer(info, {"regions": regions.astype(np.float16)}), LEVELS, None)
    regions_used = store if chosen.match == "region" and has_map else None
    layer = LayerVectors(index, index, np.zeros(len(rows), np.int32), regions_used, has_map)
    own = own_queries(tables, rows, database, PROTOCOL, chosen, view)
    return evaluate_layer(layer, database, [own], chosen, view, frames(len(ids)))


def test_a_detail_is_found_by_region_with_its_box_in_pixels() -> None:
    result = detail_run()
    assert metrics(result)["detail_map"] == 1.0
    assert metrics(result)["detail_match"] == "region"
    assert metrics(result)["detail_detection_ap"] == 1.0
    assert metrics(result)["detail_detection_ceiling"] == 1.0
    first = [row for row in result.topk.to_pylist() if row["query_id"] == "qa"][:3]
    assert [(row["image_id"], row["grade"]) for row in first] == [("0", "junk"), ("b", "good"), ("c", "good")]
    assert [(row["x0"], row["y0"], row["x1"], row["y1"]) for row in first] == [(25.0, 0.0, 75.0, 50.0)] * 3
    assert first[0]["score"] == pytest.approx(1.0)


def test_junk_as_negative_costs_its_rank() -> None:
    """All four score alike, so 0 comes first: it is skipped, or costs each positive a rank."""
    for junk, expected in (("skip", 1.0), ("negative", (1 / 2 + 2 / 3) / 2)):
        found = metrics(detail_run(junk=junk))
        assert found["detail_map"] == pytest.approx(expected)
        assert found["detail_junk"] == junk
        assert found["detail_detection_ap"] == pytest.approx(expected)


def test_a_lost_picture_costs_recall_and_a_lost_query_scores_zero() -> None:
    found = metrics(detail_run(lost="b"))
    assert found["detail_n_queries"] == 3
    assert found["detail_n_unanswered"] == 1
    assert found["detail_map"] == pytest.approx((0.5 + 0 + 0.5) / 3)
    assert found["detail_map_macro"] == pytest.approx((0.5 + (0 + 0.5) / 2) / 2)
    assert found["detail_detection_ap"] == pytest.approx((0.5 + (0 + 0.5) / 2) / 2)
    assert found["detail_detection_ceiling"] >= found["detail_detection_ap"]


def test_global_matching_has_no_boxes_and_no_detection() -> None:
    result = detail_run(match="global")
    assert metrics(result)["detail_match"] == "global"
    assert "detail_detection_ap" not in metrics(result)
    assert result.topk["x0"].null_count == result.topk.num_rows


def test_a_layer_without_a_map_is_asked_for_the_whole_picture() -> None:
    found = metrics(detail_run(view="roi", has_map=False))
    assert found["detail_query_view"] == "whole (the layer has no map)"
    assert found["detail_match"] == "global (the layer has no map)"
    assert metrics(detail_run(view="roi"))["detail_query_view"] == "roi"


def test_detections_do_not_depend_on_the_blocks(monkeypatch) -> None:
    once = detail_run()
    monkeypatch.setattr(query_blocks, "queries_per_block", lambda *_: 1)
    again = detail_run()
    assert once.scored == again.scored
    assert once.topk.equals(again.topk)


def test_the_own_picture_included_by_its_whole_view_raises_chance() -> None:
    included, excluded = (
        detail_run(view="whole", match="global", self_match=s) for s in ("include", "exclude")
    )
    assert metrics(included)["detail_p_at_1"] == metrics(included)["detail_p_at_1_chance"] == 1.0
    assert metrics(included)["detail_chance"] == "own picture first"
    assert metrics(excluded)["detail_chance"] == "uniform"
    assert metrics(excluded)["detail_map_chance"] < metrics(included)["detail_map_chance"]
