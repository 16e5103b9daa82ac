"""stages.pool and stages.export_whitening on small features."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages import export_whitening, pool
from stages.running import run_stage
from strata.base.files import read_json, write_array, write_json, write_table
from strata.descriptors.vectors import read_vectors
from strata.maps.features import ROWS_SCHEMA, LayerInfo, write_layer_info

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
N, CHANNELS = 12, 4


def write_features(folder, seed=0):
    random = np.random.default_rng(seed)
    entries = [
        {"row": row, "kind": "image" if row < 10 else "query", "image_id": f"p{row:02}", "query_id": None}
        for row in range(N)
    ]
    write_table(folder / "rows.parquet", pa.Table.from_pylist(entries, schema=ROWS_SCHEMA))
    write_json(folder / "layers.json", ["late.1", "embedding"])
    write_layer_info(folder, LayerInfo("late.1", "m", "map", CHANNELS, 3, 4, 3, 3.0, True))
    write_array(folder / "late.1" / "map.npy", random.random((N, 12, CHANNELS)).astype(np.float16))
    write_array(folder / "late.1" / "cls.npy", random.normal(size=(N, CHANNELS)).astype(np.float32))
    write_layer_info(folder, LayerInfo("embedding", "m", "vector", 3, 1, 1, 3, 3.0, False))
    write_array(folder / "embedding" / "vector.npy", random.normal(size=(N, 3)).astype(np.float32))


def write_params(pooling="rmac", **options):
    yaml = YAML()
    values = yaml.load(PARAMS.read_text(encoding="utf-8"))
    values["pooling"] = pooling
    values["pool"].update(options)
    with open("params.yaml", "w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


def run(monkeypatch, module, *arguments):
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    return module.main()


def run_pool(monkeypatch):
    return run(monkeypatch, pool, "features", "data/descriptors")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_features(tmp_path / "features")
    write_params()


def test_every_layer_becomes_one_unit_vector_a_row(monkeypatch):
    summary = run_pool(monkeypatch)
    assert summary == "2 layers by rmac, 10 pictures, 2 query crops"
    out = Path("data/descriptors")
    assert read_json(out / "layers.json") == ["late.1", "embedding"]
    assert read_json(out / "policies.json") == {
        "pooling": "rmac",
        "levels": 3,
        "center": False,
        "whiten": "none",
        "fit_set": "none",
        "normalize": True,
    }
    for name, width in (("late.1", CHANNELS), ("embedding", 3)):
        vectors = read_vectors(out / f"{name}.parquet")
        assert vectors.values.shape == (N, width)
        np.testing.assert_allclose(np.linalg.norm(vectors.values, axis=1), 1, rtol=1e-5)
        assert vectors.rows["image_id"].to_pylist() == [f"p{row:02}" for row in range(N)]


def test_a_second_run_gives_the_same_bytes(monkeypatch):
    write_params(whiten="self", center=True)
    run_pool(monkeypatch)
    files = [path for path in Path("data/descriptors").rglob("*") if path.is_file()]
    first = {path: path.read_bytes() for path in files}
    run_pool(monkeypatch)
    assert first == {path: path.read_bytes() for path in files}
    assert Path("data/descriptors/whitening/late.1.npz") in first


def test_a_whitening_by_few_vectors_is_warned_about_once_a_layer(monkeypatch, capsys):
    write_params(whiten="self")
    run_pool(monkeypatch)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("pool: warning: embedding: 10 vectors of 3 dimensions are few to whiten by")


def test_an_exported_whitening_serves_another_collection(monkeypatch):
    write_params(whiten="self")
    run_pool(monkeypatch)
    summary = run(monkeypatch, export_whitening, "paris")
    assert summary == "2 layers to conf/whitening/paris; use it with pool.whiten=paris"
    own = read_vectors(Path("data/descriptors/late.1.parquet")).values
    write_params(whiten="paris")
    run_pool(monkeypatch)
    assert read_json(Path("data/descriptors/policies.json"))["fit_set"] == "paris"
    np.testing.assert_array_equal(read_vectors(Path("data/descriptors/late.1.parquet")).values, own)


def fails(monkeypatch, module, *arguments):
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    with pytest.raises(SystemExit) as stopped:
        run_stage("stage", module.main)
    message = str(stopped.value.code)
    assert "\n" not in message
    assert "unexpected" not in message
    return message


def test_a_whitening_for_another_pooling_is_refused(monkeypatch):
    write_params(whiten="self")
    run_pool(monkeypatch)
    run(monkeypatch, export_whitening, "paris")
    write_params("max", whiten="paris")
    message = fails(monkeypatch, pool, "features", "data/descriptors")
    assert "conf/whitening/paris/late.1.npz: fitted on regions" in message


def test_an_unknown_whitening_says_how_to_make_it(monkeypatch):
    write_params(whiten="rome")
    message = fails(monkeypatch, pool, "features", "data/descriptors")
    assert "conf/whitening/rome/late.1.npz: no such file" in message
    assert "python -m stages.export_whitening rome" in message


def test_a_layer_without_class_token_fails_before_anything_is_written(monkeypatch):
    write_layer_info(Path("features"), LayerInfo("late.1", "m", "map", CHANNELS, 3, 4, 3, 3.0, False))
    write_params("cls")
    assert "layer 'late.1' has no class token" in fails(monkeypatch, pool, "features", "data/descriptors")
    assert not Path("data/descriptors").exists()


@pytest.mark.parametrize("name", ["../up", "", "a b", ".hidden"])
def test_a_whitening_needs_a_plain_name(monkeypatch, name):
    assert "give the whitening one name" in fails(monkeypatch, export_whitening, name)


def test_only_a_run_that_fitted_a_whitening_can_export_it(monkeypatch):
    run_pool(monkeypatch)
    assert "this run fitted no whitening" in fails(monkeypatch, export_whitening, "paris")
    Path("conf/whitening").mkdir(parents=True)
    Path("conf/whitening/none").write_text("constant\n", encoding="utf-8")
    assert "a meaning of its own" in fails(monkeypatch, export_whitening, "none")
