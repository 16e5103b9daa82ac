"""The stage on a small run written by the contract: what it leaves, twice the same, and how it fails."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from stages import retrieve
from strata.base.errors import StrataError
from strata.base.files import read_json, write_array, write_json, write_table
from strata.collection.tables import Tables, from_rows, write_tables
from strata.maps.features import ROWS_SCHEMA, LayerInfo, write_layer_info
from strata.maps.rmac_regions import count_regions
from strata.measures.scores import read_scores
from strata.results.flat import flatten
from tests.vector_files import write_vectors

ROOT = Path(__file__).resolve().parents[2]
PICTURES = [f"p{n:02d}" for n in range(12)]
SIDE, LEVELS, CHANNELS = 4, 3, 7
LAYERS = ["blocks.5", "blocks.11", "embedding"]
BOX = {"x0": 10.0, "y0": 20.0, "x1": 60.0, "y1": 70.0}


def write_run(folder: Path, **changes: Any) -> None:
    """params.yaml, conf and the outs of the stages before: two layers with regions, one without."""
    shutil.copytree(ROOT / "conf", folder / "conf", dirs_exist_ok=True)
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["retrieve"] |= {"match": "region", "top_k": 3, **changes}
    yaml.dump(values, folder / "params.yaml")
    rng, data = np.random.default_rng(11), folder / "data"
    write_tables(data / "tables", tables())
    crops = [("query", i, f"q{i}") for i in PICTURES[:3]]
    entries = [*(("image", i, None) for i in PICTURES), *crops]
    rows = pa.Table.from_pylist(
        [{"row": n, "kind": k, "image_id": i, "query_id": q} for n, (k, i, q) in enumerate(entries)],
        schema=ROWS_SCHEMA,
    )
    write_table(data / "features" / "rows.parquet", rows)
    for part in ("features", "descriptors", "reduced", "clusters"):
        write_json(data / part / "layers.json", LAYERS)
        write_json(data / part / "policies.json", {"fit_set": f"{part} of paris"})
    write_json(data / "features" / "view.json", {"view": "center_crop", "size_px": 224})
    alike = np.eye(len(rows), dtype=np.float32)
    alike[[5, 7]] = alike[[0, 6]]  # p05 repeats p00, of which a query is made, and p07 p06
    write_array(data / "features" / "embedding" / "vector.npy", alike)
    for name in LAYERS:
        kind, side = ("vector", 1) if name == "embedding" else ("regions", SIDE)
        write_layer_info(
            data / "features", LayerInfo(name, name, kind, CHANNELS, side, side, LEVELS, 3.0, False)
        )
        if kind == "regions":
            stored = rng.random((len(rows), count_regions(SIDE, SIDE, LEVELS), CHANNELS)).astype(np.float16)
            write_array(data / "features" / name / "regions.npy", stored)
        for part, width in (("descriptors", CHANNELS), ("reduced", 3)):
            vectors = rng.normal(size=(len(rows), width)).astype(np.float32)
            write_vectors(data / part / f"{name}.parquet", rows, vectors)
        clusters = {
            "row": pa.array(range(12), pa.int32()),
            "image_id": PICTURES,
            "cluster": pa.array(rng.integers(0, 2, 12), pa.int32()),
            "distance": pa.array(rng.random(12), pa.float32()),
        }
        write_table(data / "clusters" / f"{name}.parquet", pa.table(clusters))
        write_array(data / "clusters" / f"{name}.centroids.npy", rng.normal(size=(2, 3)).astype(np.float32))


def tables() -> Tables:
    images = [
        {"image_id": i, "path": i, "width": 120, "height": 90, "labels": [f"c{n % 3}"], "status": "ok"}
        for n, i in enumerate(PICTURES)
    ]
    broken = {"image_id": "p99", "path": "p99", "labels": ["c0"], "status": "the file is empty"}
    relevant = [(q, i) for q in PICTURES[:3] for i in PICTURES[:5] if q != i]
    return Tables(
        from_rows("images", [*images, broken]),
        from_rows(
            "queries",
            [
                {"query_id": f"q{i}", "image_id": i, "group": f"g{n % 2}", **BOX}
                for n, i in enumerate(PICTURES[:3])
            ],
        ),
        from_rows(
            "relevance",
            [{"query_id": f"q{q}", "image_id": i, "grade": "good", **BOX} for q, i in relevant],
        ),
        from_rows(
            "classes", [{"class_id": f"c{n}", "facet": "f", "name": "x", "synonyms": []} for n in range(3)]
        ),
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stages.retrieve", "data/rankings"])
    return tmp_path


def metrics_of(project: Path) -> dict[tuple[str, str], Any]:
    metrics = flatten(read_scores(project / "data/rankings"))
    return {(layer, name): value for layer, own in metrics.items() for name, value in own.items()}


def test_it_leaves_rankings_scores_and_a_line_with_counts(project: Path) -> None:
    write_run(project)
    line = retrieve.main()
    assert line.startswith("3 layers, 3 boxed, 0 whole and 12 class queries, 2 duplicates kept; best layer ")
    assert read_json(project / "data/rankings/layers.json") == LAYERS
    top = pq.read_table(project / "data/rankings/blocks.11/topk.parquet")
    assert top.schema.names[:6] == ["task", "query_id", "rank", "image_id", "score", "grade"]
    assert top.num_rows == (3 + 12) * 3
    boxes = [row for row in top.to_pylist() if row["task"] == "detail"]
    assert all(0 <= row["x0"] < row["x1"] <= 120 and 0 <= row["y0"] < row["y1"] <= 90 for row in boxes)
    per_query = pq.read_table(project / "data/rankings/blocks.11/per_query.parquet").to_pylist()
    assert {(row["task"], row["space"]) for row in per_query} == {
        (task, space) for task in ("detail", "class") for space in ("full", "pca", "in_cluster")
    }
    found = metrics_of(project)
    assert found[LAYERS[0], "pool_fit_set"] == "descriptors of paris"
    assert found[LAYERS[0], "reduce_fit_set"] == "reduced of paris"
    values = [row["ap_step"] for row in per_query if (row["task"], row["space"]) == ("detail", "full")]
    assert found["blocks.11", "detail_map"] == pytest.approx(np.mean(values))
    assert found["blocks.11", "detail_match"] == "region"
    assert found["embedding", "detail_match"] == "global (the layer has no map)"
    assert 0 <= found["blocks.5", "detail_detection_ap"] <= found["blocks.5", "detail_detection_ceiling"] <= 1


def test_measures_asked_for_by_name_are_scored_and_no_others(project: Path) -> None:
    write_run(project, measures=["mrr", "ndcg_at_3"])
    retrieve.main()
    found = metrics_of(project)
    rows = pq.read_table(project / "data/rankings/blocks.5/per_query.parquet").to_pylist()
    values = [row["mrr"] for row in rows if (row["task"], row["space"]) == ("detail", "full")]
    assert found["blocks.5", "detail_mrr"] == pytest.approx(np.mean(values))
    assert 0 < found["blocks.5", "class_ndcg_at_3"] < 1
    write_run(project, measures=[])
    retrieve.main()
    assert not {"detail_mrr", "class_ndcg_at_3"} & {name for _, name in metrics_of(project)}


def test_an_unreadable_picture_stays_among_the_positives(project: Path) -> None:
    write_run(project)
    retrieve.main()
    rows = pq.read_table(project / "data/rankings/embedding/per_query.parquet").to_pylist()
    mine = next(
        row for row in rows if (row["task"], row["space"], row["query_id"]) == ("class", "full", "p00")
    )
    assert (mine["n_positives"], mine["n_found"], mine["n_ranked"]) == (4, 3, 11)


def test_two_runs_leave_the_same_bytes(project: Path) -> None:
    write_run(project)
    kept = []
    for _ in range(2):
        retrieve.main()
        folder = project / "data/rankings"
        kept.append({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert kept[0] == kept[1]
    assert len(kept[0]) == 3 + 3 + 2 * len(LAYERS)


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "euclidean"},
        {"self_match": "include"},
        {"junk": "negative"},
        {"match": "global"},
        {"class_every": 4},
        {"budget_mib": 1},
        {"duplicates": "drop"},
        {"postprocess": "k_reciprocal"},
    ],
)
def test_every_policy_runs_and_is_named_beside_the_numbers(project: Path, changes: dict[str, Any]) -> None:
    write_run(project, **changes)
    retrieve.main()
    found = metrics_of(project)
    assert found["blocks.5", "detail_self_match"] == changes.get("self_match", "exclude")
    assert found["blocks.5", "detail_junk"] == changes.get("junk", "skip")
    assert found["blocks.5", "class_metric"] == changes.get("metric", "cosine")
    assert found["blocks.5", "detail_metric"] == "cosine"
    said = "k_reciprocal (k1 20, k2 6, weight 0.3), transductive" if "postprocess" in changes else None
    assert found.get(("blocks.5", "class_postprocess")) == said
    assert ("blocks.5", "detail_postprocess") not in found  # its queries are matched by region
    searched = 10 if "duplicates" in changes else 12
    assert found["blocks.5", "class_n_queries"] == searched // changes.get("class_every", 1)
    assert found["blocks.5", "class_n_database"] == searched


def test_duplicates_are_counted_and_left_out_of_every_ranking_on_demand(project: Path) -> None:
    write_run(project, duplicates="drop")
    retrieve.main()
    counts = flatten(read_scores(project / "data/rankings/duplicates"))
    assert [(name, own["n_exact"], own["n_near"]) for name, own in counts.items()] == [
        ("database", 0, 2),
        ("between_labels", 0, 2),
        ("of_queries", 0, 1),
    ]
    rows = pq.read_table(project / "data/rankings/duplicates/repeats.parquet").to_pylist()
    assert [(row["image_id"], row["repeats"]) for row in rows] == [("p05", "p00"), ("p07", "p06")]
    for layer in LAYERS:
        near = pq.read_table(project / f"data/rankings/{layer}/topk.parquet")["image_id"].to_pylist()
        assert not {"p05", "p07"} & set(near)


def test_without_the_embedding_files_alone_are_compared(project: Path) -> None:
    write_run(project)
    for part in ("features", "descriptors", "reduced", "clusters"):
        write_json(project / "data" / part / "layers.json", LAYERS[:2])
    retrieve.main()
    counts = flatten(read_scores(project / "data/rankings/duplicates"))
    assert "n_near" not in counts["database"]
    assert counts["database"]["near_duplicates"] == "not looked for: 'embedding' is not among the layers"


def test_a_missing_input_is_one_line_and_leaves_nothing(project: Path) -> None:
    write_run(project)
    (project / "data/reduced/embedding.parquet").unlink()
    with pytest.raises(StrataError, match=r"embedding\.parquet: no such file"):
        retrieve.main()
    assert not (project / "data/rankings").exists()
