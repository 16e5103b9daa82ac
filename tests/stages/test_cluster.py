"""stages.cluster: assignments of the pictures, scored against every facet."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages import cluster
from stages.running import run_stage
from strata.base.files import read_array, read_json, read_table, write_json
from strata.collection.tables import Tables, from_rows, write_tables
from strata.maps.features import ROWS_SCHEMA
from strata.measures.scores import read_scores
from strata.results.flat import flatten
from tests.vector_files import write_vectors

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ["layer1.0", "layer1.1"]


def write_inputs(n=24, labelled=True, n_classes=3):
    animals, moods = ["cat", "dog", "cow"][:n_classes], ["calm", "wild"]
    images = [
        {
            "image_id": f"p{i:02}",
            "path": f"p{i:02}.png",
            "labels": [animals[i % n_classes], moods[i % 2]] if labelled else [],
            "status": "ok",
        }
        for i in range(n)
    ]
    facets = [("animal", animals), ("mood", moods)] if labelled else []
    classes = [
        {"class_id": name, "facet": facet, "name": name, "synonyms": []}
        for facet, names in facets
        for name in names
    ]
    empty = from_rows("queries", []), from_rows("relevance", [])
    write_tables(Path("tables"), Tables(from_rows("images", images), *empty, from_rows("classes", classes)))
    entries = [{"row": i, "kind": "image", "image_id": f"p{i:02}", "query_id": None} for i in range(n)]
    entries.append({"row": n, "kind": "query", "image_id": "p00", "query_id": "q"})
    rows = pa.Table.from_pylist(entries, schema=ROWS_SCHEMA)
    values = 20 * np.eye(3)[np.arange(n + 1) % 3] + np.random.default_rng(0).normal(size=(n + 1, 3))
    for name in LAYERS:
        write_vectors(Path(f"reduced/{name}.parquet"), rows, values.astype(np.float32))
    write_json(Path("reduced/layers.json"), LAYERS)
    write_json(Path("reduced/policies.json"), {"fit_set": "transductive: fitted on the evaluated database"})


def write_params(k=None, conf_k=None):
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["dataset"], values["cluster"]["k"] = "folder", k
    with open("params.yaml", "w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    values = yaml.load((ROOT / "conf/datasets/folder.yaml").read_text(encoding="utf-8"))
    values["k"] = conf_k
    Path("conf/datasets").mkdir(parents=True, exist_ok=True)
    with open("conf/datasets/folder.yaml", "w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["cluster", "reduced", "tables", "clusters"])
    write_params()


def scores(layer):
    return flatten(read_scores(Path("clusters")), ["animal", "mood"])[layer]


def test_pictures_are_clustered_and_query_crops_are_not():
    write_inputs()
    assert cluster.main() == "2 layers, 24 pictures in 3 clusters, 2 facets scored"
    assert read_json(Path("clusters/layers.json")) == LAYERS
    table = read_table(Path("clusters/layer1.0.parquet"))
    assert table.schema.names == ["row", "image_id", "cluster", "distance"]
    assert table["image_id"].to_pylist() == [f"p{i:02}" for i in range(24)]
    assert table["cluster"].to_pylist() == [0, 1, 2] * 8
    assert read_array(Path("clusters/layer1.1.centroids.npy")).shape == (3, 3)


def test_every_facet_is_scored_the_main_one_without_a_suffix():
    write_inputs()
    cluster.main()
    found = scores("layer1.1")
    assert found["ami"] == found["purity"] == 1
    assert found["purity_chance"] < 0.7
    assert found["ami_mood"] < 0.1
    assert (found["n"], found["k"], found["smallest"], found["largest"]) == (24, 3, 8, 8)
    assert found["labelled"] == 24
    assert found["fit_set"].startswith("transductive")
    assert "not comparable between layers" in found["silhouette_note"]


def test_k_comes_from_the_data_set_unless_the_parameter_is_set():
    write_inputs()
    write_params(conf_k=5)
    assert "in 5 clusters" in cluster.main()
    write_params(k=2, conf_k=5)
    assert "in 2 clusters" in cluster.main()


def test_without_labels_k_follows_from_the_number_of_pictures():
    write_inputs(labelled=False)
    assert "in 3 clusters" in cluster.main()  # sqrt(24 / 2)


def test_without_labels_there_are_sizes_and_silhouette():
    write_inputs(labelled=False)
    write_params(k=3)
    assert cluster.main() == "2 layers, 24 pictures in 3 clusters, 0 facets scored"
    assert "ami" not in scores("layer1.0")
    assert scores("layer1.0")["silhouette"] > 0.8
    write_params(k=None)
    assert "in 3 clusters" in cluster.main()  # sqrt(24 / 2), rounded


def test_a_second_run_gives_the_same_bytes():
    write_inputs()
    cluster.main()
    first = {path: path.read_bytes() for path in Path("clusters").iterdir()}
    cluster.main()
    assert first == {path: path.read_bytes() for path in Path("clusters").iterdir()}


@pytest.mark.parametrize(
    ("inputs", "k", "said"),
    [
        ({"n": 4}, 9, r"4 pictures cannot make 9 clusters"),
        ({"n_classes": 1}, None, r"only one class; set cluster\.k"),
    ],
)
def test_what_cannot_be_clustered_is_one_clear_line(inputs, k, said):
    write_inputs(**inputs)
    write_params(k=k)
    with pytest.raises(SystemExit, match=rf"^cluster: error: [^\n]*{said}[^\n]*$"):
        run_stage("cluster", cluster.main)
