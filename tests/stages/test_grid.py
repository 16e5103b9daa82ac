"""The stage on planted features: a cell is what ``pool``, ``reduce``, ``cluster`` and ``retrieve`` give."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from stages import grid
from strata.base.files import read_json, read_table
from strata.grid.cells import POSTPROCESSED
from strata.measures.scores import read_scores
from tests import planted

STAGES = {
    "pool": "data/features data/descriptors",
    "reduce": "data/descriptors data/reduced",
    "cluster": "data/reduced data/tables data/clusters",
    "retrieve": "data/rankings",
}
Key = tuple[str | None, ...]


def change(**values: Any) -> None:
    """Keys of params.yaml; ``__`` stands for the dot."""
    yaml, path = YAML(), Path("params.yaml")
    content = yaml.load(path)
    for key, value in values.items():
        *parents, last = key.split("__")
        inner = content
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    yaml.dump(content, path)


def run_grid() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["grid", "data/features", "data/tables", "data/grid"])
        return grid.main()


def run_pipeline() -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, arguments in STAGES.items():
            patch.setattr("sys.argv", [name, *arguments.split()])
            importlib.import_module(f"stages.{name}").main()


def cells(name: str = "cells") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(Path(f"data/grid/{name}.parquet")).to_pylist()
    return rows


def per_query() -> dict[Key, dict[str, float | None]]:
    """(layer, pooling, treatment, match, task) -> query -> AP."""
    found: dict[Key, dict[str, float | None]] = {}
    for row in cells("per_query"):
        if row["measure"] == "map":
            key = tuple(row[name] for name in ("layer", "pooling", "treatment", "match", "task"))
            found.setdefault(key, {})[row["query_id"]] = row["value"]
    return found


def retrieved(layer: str, task: str, space: str) -> dict[str, float | None]:
    rows = read_table(Path(f"data/rankings/{layer}/per_query.parquet")).to_pylist()
    return {row["query_id"]: row["ap_step"] for row in rows if (row["task"], row["space"]) == (task, space)}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    maps = random.random((planted.N + len(planted.LAYOUTS), 4, 4, 6)).astype(np.float32)
    layers = {"maps": maps, "shapes": planted.with_queries(planted.shape_vectors())}
    planted.write_project(tmp_path, layers)
    planted.write_features(tmp_path / "data/features", layers)
    change(reduce__components=3)
    return tmp_path


@pytest.mark.parametrize(
    ("pooling", "treatment", "match"),
    [
        ("max", "raw", "global"),
        ("rmac", "centred", "global"),
        ("rmac_global", "whitened", "global"),
        ("gem", "whitened", "global"),
        ("avg", "centred", "region"),
    ],
)
def test_a_cell_is_what_the_stages_give_for_its_parameters(pooling: str, treatment: str, match: str) -> None:
    run_grid()
    found = per_query()
    centred, whitened = treatment == "centred", treatment == "whitened"
    change(pooling=pooling, pool__center=centred, pool__whiten="self" if whitened else "none")
    change(retrieve__match=match)
    run_pipeline()
    pooled = pooling if match == "global" else None
    own = next(key[4] for key in found if key[4] != "class")
    assert found["maps", pooled, treatment, match, own] == retrieved("maps", str(own), "full")
    assert found["maps", pooling, treatment, "global", "class"] == retrieved("maps", "class", "full")
    if treatment == "raw":
        assert found["maps", pooling, "pca", "global", "class"] == retrieved("maps", "class", "pca")
    main = read_table(Path("data/tables/classes.parquet"))["facet"][0].as_py()
    ami = {
        (s.layer, s.facet): s.value for s in read_scores(Path("data/clusters")).scores if s.metric == "ami"
    }
    mine = [row for row in cells() if (row["layer"], row["pooling"]) == ("maps", pooling)]
    mine = [row for row in mine if (row["treatment"], row["measure"]) == (treatment, "ami")]
    assert [row["value"] for row in mine] == [pytest.approx(ami["maps", main])]


@pytest.mark.parametrize("method", POSTPROCESSED)
def test_a_post_processed_cell_is_what_retrieve_gives_on_centred_vectors(method: str) -> None:
    change(grid__treatments=[method])
    run_grid()
    found = per_query()
    assert {key[2] for key in found} == {method}
    change(pooling="gem", pool__center=True, retrieve__match="global", retrieve__postprocess=method)
    run_pipeline()
    for task in {key[4] for key in found}:
        assert found["maps", "gem", method, "global", task] == retrieved("maps", str(task), "full")


def test_a_database_is_not_compared_with_itself_where_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strata.grid.running.FEW", planted.N - 1)
    change(grid__treatments=["raw", "alpha_qe", "diffusion"])
    run_grid()
    assert {row["treatment"] for row in cells()} == {"raw", "alpha_qe"}
    assert f"treatment diffusion: of more than {planted.N - 1} pictures" in read_json(
        Path("data/grid/left_out.json")
    )


def test_a_layer_of_vectors_has_one_cell_a_treatment_and_no_regions() -> None:
    run_grid()
    mine = {(row["pooling"], row["match"]) for row in cells() if row["layer"] == "shapes"}
    assert mine == {(None, "global")}
    named = [row for row in cells() if row["layer"] == "shapes" and row["measure"] == "knn_accuracy"]
    assert [row["value"] for row in named] == [1.0] * 5


def test_two_runs_leave_the_same_bytes() -> None:
    kept = []
    for _ in range(2):
        run_grid()
        kept.append({path.name: path.read_bytes() for path in Path("data/grid").iterdir()})
    assert kept[0] == kept[1]
    assert set(kept[0]) == {"cells.parquet", "chosen.parquet", "per_query.parquet", "left_out.json"}


def test_what_is_left_out_is_said() -> None:
    change(grid__max_queries=4, grid__max_pictures=30, grid__poolings=["max", "cls"])
    line = run_grid()
    said = read_json(Path("data/grid/left_out.json"))
    assert line.endswith(f"left out: {len(said)}")
    assert said == [
        "10 pictures: grid.max_pictures = 30",
        "4 of 8 own queries: grid.max_queries = 4",
        "26 of 30 class queries: grid.max_queries = 4",
        "maps: not stored for cls",
    ]


def test_few_groups_leave_the_choice_open() -> None:
    run_grid()
    own = next(row for row in cells("chosen") if row["task"] != "class")
    assert (own["n_groups"], own["smallest_p"]) == (4, 0.125)
    assert own["n_not_told_apart"] == own["n_cells"] - 1
    assert own["cross_fitted_low"] is None
    assert own["note"] == "4 groups: an interval needs 5"
    assert 0 <= own["cross_fitted"] <= own["naive"] <= 1
