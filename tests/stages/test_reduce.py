"""stages.reduce: fitted on pictures, applied to all rows, clipped with a warning."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML
from sklearn.decomposition import PCA

from stages import reduce
from stages.running import run_stage
from strata.base.files import read_json, write_json
from strata.descriptors.vectors import read_vectors
from strata.maps.features import ROWS_SCHEMA
from tests.vector_files import write_vectors

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


def write_descriptors(pictures=40, queries=5, dimensions=6):
    n = pictures + queries
    entries = [
        {"row": row, "kind": "image" if row < pictures else "query", "image_id": f"p{row}", "query_id": None}
        for row in range(n)
    ]
    values = np.random.default_rng(0).normal(size=(n, dimensions)).astype(np.float32)
    values[pictures:] *= 30
    rows = pa.Table.from_pylist(entries, schema=ROWS_SCHEMA)
    write_vectors(Path("descriptors/late.parquet"), rows, values)
    write_json(Path("descriptors/layers.json"), ["late"])
    return values


def write_params(**options):
    yaml = YAML()
    values = yaml.load(PARAMS.read_text(encoding="utf-8"))
    values["reduce"].update(options)
    with open("params.yaml", "w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["reduce", "descriptors", "reduced"])
    write_params(components=3)


def test_the_fit_sees_pictures_only_and_all_rows_are_projected(capsys):
    values = write_descriptors()
    assert reduce.main() == "1 layers to at most 3 components, fitted on 40 pictures"
    expected = PCA(3, svd_solver="full").fit(values[:40]).transform(values)
    found = read_vectors(Path("reduced/late.parquet")).values
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-3, atol=1e-4)
    assert capsys.readouterr().err == ""
    policies = read_json(Path("reduced/policies.json"))
    assert policies["components"] == {"late": 3}
    assert policies["fit_set"].startswith("transductive")
    with np.load("reduced/late.npz") as stored:
        assert stored["components"].shape == (3, 6)
        assert set(stored) == {"mean", "components", "explained_variance", "explained_variance_ratio"}


def test_too_few_pictures_clip_the_components_with_one_warning_line(capsys):
    write_descriptors(pictures=4)
    write_params(components=5)
    reduce.main()
    assert capsys.readouterr().err == (
        "reduce: warning: 4 pictures give 3 components, not 5; lower reduce.components or add pictures\n"
    )
    assert read_vectors(Path("reduced/late.parquet")).values.shape == (9, 3)


def test_too_few_channels_clip_the_components_silently(capsys):
    write_descriptors()
    write_params(components=100)
    reduce.main()
    assert capsys.readouterr().err == ""
    assert read_vectors(Path("reduced/late.parquet")).values.shape == (45, 6)


def test_a_second_run_gives_the_same_bytes():
    write_descriptors()
    reduce.main()
    first = {path: path.read_bytes() for path in Path("reduced").iterdir()}
    reduce.main()
    assert first == {path: path.read_bytes() for path in Path("reduced").iterdir()}


def test_one_picture_is_one_clear_line():
    write_descriptors(pictures=1)
    with pytest.raises(SystemExit, match="reduce: error: principal components need at least two pictures"):
        run_stage("reduce", reduce.main)
