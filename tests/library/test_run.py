"""A finished run read back: rows, vectors and tables fit together; ``evaluate`` finds the run's numbers."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import strata
from strata.base.errors import StrataError
from strata.measures.measure_names import MEASURES

COUNTS = ("n_positives", "n_found", "n_ranked")


@pytest.fixture(scope="module")
def run(finished: Path) -> strata.Run:
    return strata.open_run(finished)


def test_rows_and_vectors_go_together(run: strata.Run) -> None:
    assert run.ids("outside") == []
    for layer in run.layers:
        for kind in ("image", "query"):
            vectors = run.descriptors(layer, kind)  # type: ignore[arg-type]
            assert vectors.dtype == np.float32
            assert len(vectors) == len(run.ids(kind)) > 0  # type: ignore[arg-type]
    assert run.descriptors("late", reduced=True).shape[1] < run.descriptors("late").shape[1]
    assert set(run.ids("query")) <= set(run.tables.queries["query_id"].to_pylist())


def test_scores_hold_every_part_of_the_run(run: strata.Run) -> None:
    scores = run.scores()
    assert set(scores["of"].to_pylist()) == {"rankings", "clusters", "probe", "zeroshot"}
    assert {"metric", "value"} <= set(scores.schema.names)


def similarities(run: strata.Run, layer: str, kind: Any, *, reduced: bool) -> np.ndarray:
    """(Q, N) float32 cosines, as exact as the run's."""
    queries, pictures = (run.descriptors(layer, of, reduced=reduced) for of in (kind, "image"))
    unit = [v / np.linalg.norm(v.astype(np.float64), axis=1, keepdims=True) for v in (queries, pictures)]
    found: np.ndarray = (unit[0] @ unit[1].T).astype(np.float32)
    return found


def relevance(run: strata.Run, task: str) -> dict[str, dict[str, str]]:
    grades: dict[str, dict[str, str]] = defaultdict(dict)
    if task == "detail":
        columns = (run.tables.relevance[name].to_pylist() for name in ("query_id", "image_id", "grade"))
        for query, image, grade in zip(*columns, strict=True):
            grades[query][image] = grade
        return grades
    classes = run.tables.classes.to_pylist()
    main = {row["class_id"] for row in classes if row["facet"] == classes[0]["facet"]}
    labels = {row["image_id"]: main & set(row["labels"]) for row in run.tables.images.to_pylist()}
    return {one: {other: "good" for other in labels if labels[one] & labels[other]} for one in labels}


def main_classes(run: strata.Run) -> dict[str, str]:
    """image_id -> its class in the main facet, of which every picture of the demo has one."""
    classes, images = run.tables.classes.to_pylist(), run.tables.images.to_pylist()
    main = {row["class_id"] for row in classes if row["facet"] == classes[0]["facet"]}
    return {row["image_id"]: next((name for name in row["labels"] if name in main), "") for row in images}


@pytest.mark.parametrize("space", ["full", "pca"])
@pytest.mark.parametrize("task", ["class", "detail"])
@pytest.mark.parametrize("layer", ["stem", "late", "embedding"])
def test_evaluate_finds_the_numbers_of_the_run(run: strata.Run, layer: str, task: str, space: str) -> None:
    kind = "query" if task == "detail" else "image"
    names = run.ids(kind)  # type: ignore[arg-type]
    queries = {row["query_id"]: row for row in run.tables.queries.to_pylist()}
    own = {name: queries[name]["image_id"] if task == "detail" else name for name in names}
    motif = main_classes(run)
    groups = {name: queries[name]["group"] if task == "detail" else motif[name] for name in names}
    scored = strata.evaluate(
        similarities(run, layer, kind, reduced=space == "pca"),
        relevance(run, task),
        own=own,
        groups=groups,
        queries=names,
        items=run.ids(),
    )
    rows = [row for row in run.per_query(layer).to_pylist() if (row["task"], row["space"]) == (task, space)]
    by_query = {row["query_id"]: row for row in rows}
    assert set(by_query) == set(names)
    chances = [name for name in rows[0] if name.startswith("chance_")]
    assert len(chances) == 10
    for column in (*COUNTS, *MEASURES, *chances):
        wanted = np.array([by_query[name][column] for name in names], np.float64)
        np.testing.assert_allclose(scored.per_query[column], wanted, atol=1e-12, err_msg=column)
    assert scored.groups == [by_query[name]["group"] for name in names]


def test_a_layer_the_run_lacks_lists_those_it_has(run: strata.Run) -> None:
    with pytest.raises(StrataError, match="no layer 'early'; it has: stem, late, embedding"):
        run.descriptors("early")


def test_a_folder_without_a_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match="no finished run here; run `dvc repro`"):
        strata.open_run(tmp_path)


def test_a_stage_that_never_ran_is_one_line(run: strata.Run) -> None:
    with pytest.raises(StrataError, match=r"dvc\.lock: it knows no stage 'paint'"):
        run.used("paint")
