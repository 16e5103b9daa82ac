"""stages.probe: every layer and facet, with a reason where there is no number."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages import probe
from strata.base.files import read_json, write_json
from strata.collection.tables import Tables, from_rows, write_tables
from strata.maps.features import ROWS_SCHEMA
from strata.measures.scores import read_scores
from strata.results.flat import flatten
from tests.vector_files import write_vectors

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


def write_inputs(labels, facets, n=48):
    images = [
        {"image_id": f"p{i:02}", "path": f"p{i:02}.png", "labels": labels(i), "status": "ok"}
        for i in range(n)
    ]
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
    values = 3 * np.eye(3)[np.arange(n + 1) % 3] + np.random.default_rng(0).normal(size=(n + 1, 3))
    write_vectors(Path("descriptors/late.parquet"), rows, values.astype(np.float32))
    write_json(Path("descriptors/layers.json"), ["late"])
    write_json(Path("descriptors/policies.json"), {"fit_set": "paris"})


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["probe", "descriptors", "tables", "probe"])
    yaml = YAML()
    values = yaml.load(PARAMS.read_text(encoding="utf-8"))
    values["probe"]["splits"] = 3
    with open("params.yaml", "w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


def scores():
    return flatten(read_scores(Path("probe")), ["animal", "mood"])["late"]


def test_every_facet_is_probed_the_main_one_without_a_suffix():
    animals, moods = ["cat", "dog", "cow"], ["calm", "wild"]
    write_inputs(lambda i: [animals[i % 3], moods[i % 2]], [("animal", animals), ("mood", moods)])
    assert probe.main() == "1 layers, 2 facets, 48 pictures, 3 splits each"
    assert read_json(Path("probe/layers.json")) == ["late"]
    found = scores()
    assert found["accuracy"] > 0.8 > found["accuracy_mood"]
    assert found["accuracy_low"] <= found["accuracy"] <= found["accuracy_high"]
    assert found["chance_mood"] == 0.5
    assert found["pool_fit_set"] == "paris"
    assert found["protocol"] == "vectors times sqrt(D), C 0.316, 3 stratified splits, 0.25 held out, seed 22"
    first = Path("probe/scores.parquet").read_bytes()
    probe.main()
    assert Path("probe/scores.parquet").read_bytes() == first


def test_one_class_several_labels_and_no_classes_are_explained():
    write_inputs(lambda i: ["cat"], [("animal", ["cat"])])
    probe.main()
    assert "two classes are needed" in scores()["accuracy_note"]
    write_inputs(lambda i: ["cat", "dog"][: 1 + i % 2], [("animal", ["cat", "dog"])])
    probe.main()
    assert "24 pictures have several labels" in scores()["accuracy_note"]
    write_inputs(lambda i: [], [])
    assert probe.main() == "1 layers, 0 facets, 48 pictures, 3 splits each"
    assert "no classes" in scores()["accuracy_note"]


def test_fits_that_do_not_converge_are_one_warning_line(monkeypatch, capsys):
    monkeypatch.setattr("strata.naming.logistic_regression.MAX_STEPS", 0)
    write_inputs(lambda i: [["cat", "dog"][i % 2]], [("animal", ["cat", "dog"])])
    probe.main()
    line = capsys.readouterr().err
    assert line.startswith("probe: warning: late, animal: 3 of 3 fits did not converge; lower probe.C")
    assert line.count("\n") == 1
