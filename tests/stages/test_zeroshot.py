"""The stage zeroshot on a small project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages.running import run_stage
from stages.zeroshot import main
from strata.base.files import read_json, read_table, write_array, write_json, write_table
from strata.collection.tables import Tables, from_rows, read_tables, write_tables
from strata.maps.features import ROWS_SCHEMA
from strata.measures.scores import read_scores
from strata.results.flat import flatten
from tests.models.tiny_networks import write_network

ROOT = Path(__file__).resolve().parents[2]


def change(path: Path, keys: str, value: Any) -> None:
    yaml = YAML()
    content = yaml.load(path)
    *parents, last = keys.split(".")
    part = content
    for key in parents:
        part = part[key]
    part[last] = value
    yaml.dump(content, path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder data set of four pictures, a local model, and what extract would have left."""
    for name in (
        "params.yaml",
        "conf/datasets/folder.yaml",
        "conf/models/local.yaml",
        "conf/paths/folder.yaml",
        "conf/paths/local.yaml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    write_network(tmp_path / "own model", "vit")
    change(tmp_path / "conf/paths/local.yaml", "path", str(tmp_path / "own model"))
    change(tmp_path / "params.yaml", "dataset", "folder")
    change(tmp_path / "params.yaml", "model", "local")
    names = [f"{label}/{i}.jpg" for label in ("cat", "owl") for i in range(2)]
    images = [
        {"image_id": n, "path": n, "width": 9, "height": 9, "labels": [n[:3]], "status": "ok"} for n in names
    ]
    classes = [{"class_id": n, "facet": "label", "name": n, "synonyms": []} for n in ("cat", "owl")]
    empty = {name: from_rows(name, []) for name in ("queries", "relevance")}
    tables = Tables(images=from_rows("images", images), classes=from_rows("classes", classes), **empty)
    write_tables(tmp_path / "data/tables", tables)
    rows = [{"row": i, "kind": "image", "image_id": n, "query_id": None} for i, n in enumerate(names)]
    features = tmp_path / "data/features"
    write_table(features / "rows.parquet", pa.Table.from_pylist(rows, schema=ROWS_SCHEMA))
    write_json(features / "layers.json", ["late", "embedding"])
    write_array(features / "embedding/vector.npy", np.random.default_rng(0).normal(size=(4, 24)).astype("f4"))
    return tmp_path


def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["zeroshot", "data/features", "data/tables", "data/zeroshot"])
    run_stage("zeroshot", main)


def test_the_stage_names_pictures_and_says_so_in_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(project, monkeypatch)
    said = capsys.readouterr().out
    assert said.startswith("zeroshot: 2 prompt sets, 3 texts; label top1 0.")
    assert said.count("\n") == 1
    named, _ = flatten(read_scores(project / "data/zeroshot")).values()
    wanted = {
        "top1",
        "top1_low",
        "top1_high",
        "top1_chance",
        "balanced_accuracy",
        "chance",
        "majority",
        "ece",
    }
    assert wanted <= set(named)
    assert read_json(project / "data/zeroshot/status.json")["status"] == "ok"


def test_words_and_templates_are_typed_without_the_data_sets_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(project / "conf/paths/folder.yaml", "words", ["owl", "fox"])
    change(project / "conf/paths/folder.yaml", "templates", ["my {name}", "{name}"])
    run(project, monkeypatch)
    columns = read_table(project / "data/zeroshot/columns.parquet").to_pylist()
    texts = {(row["prompt_set"], row["class_id"]): row["texts"] for row in columns}
    assert texts["typed", "cat"] == ["my cat", "cat"]
    assert {name: row for (kind, name), row in texts.items() if kind == "words"} == {
        "owl": ["my owl", "owl"],
        "fox": ["my fox", "fox"],
    }
    scores = flatten(read_scores(project / "data/zeroshot"))
    assert (scores["words"]["n"], scores["words"]["n_unlabelled"]) == (2, 2)


def test_classes_of_one_name_are_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = read_tables(project / "data/tables")
    rows = [{**row, "name": "crane"} for row in tables.classes.to_pylist()]
    write_tables(project / "data/tables", replace(tables, classes=from_rows("classes", rows)))
    run(project, monkeypatch)
    said = "prompt set label: 1 texts are those of several classes: 'a photo of a crane.' (cat, owl)"
    assert said in capsys.readouterr().err
    status = read_json(project / "data/zeroshot/status.json")
    assert status["equal_texts"]["label_a"] == {"a photo of a crane.": ["cat", "owl"]}
    scores = flatten(read_scores(project / "data/zeroshot"))
    assert str(scores["label"]["equal_texts"]).startswith("1 texts are those of several classes")


def test_without_the_embedding_it_explains_itself_and_succeeds(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(project / "data/features/layers.json", ["late"])
    run(project, monkeypatch)
    assert "nothing named: not run: 'embedding' is not among the layers" in capsys.readouterr().out


def test_a_description_that_no_class_has_is_one_line_and_nothing_is_written(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(project / "conf/datasets/folder.yaml", "prompts.label.templates", ["{description}"])
    with pytest.raises(
        SystemExit, match=r"^zeroshot: error: conf/datasets/folder\.yaml: prompts\.label: .*$"
    ):
        run(project, monkeypatch)
    assert not (project / "data/zeroshot").exists()
