"""``python -m stages.summarize`` on made-up results."""

from __future__ import annotations

import csv
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from stages import summarize

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))
FILES = ("headline", "retrieval", "clusters", "probe", "zeroshot", "grid")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["summarize", "metrics", "data/plots"])
    return tmp_path


def metrics(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"metrics/{name}.json").read_text())
    return found


def rows(name: str) -> list[dict[str, str]]:
    with Path(f"data/plots/{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_metrics_have_two_levels_and_names_without_dots(project: Path) -> None:
    MADE["make_results"](project)
    assert summarize.main().endswith("2 of 24 pictures left out")
    for name in FILES[1:]:
        for values in metrics(name).values():
            assert all(
                isinstance(value, (int, float, str)) and "." not in key for key, value in values.items()
            )
    assert all(isinstance(value, (int, float, str)) for value in metrics("headline").values())
    assert set(metrics("retrieval")) == set(MADE["LAYERS"])


def test_every_policy_that_changes_a_number_stands_beside_it(project: Path) -> None:
    MADE["make_results"](project)
    summarize.main()
    layer = metrics("retrieval")["stem"]
    wanted = {
        "dataset": "demo",
        "model": "demo-rn",
        "pooling": "max",
        "extract_view": "center_crop",
        "extract_image_size": "none",
        "extract_precision": "fp32",
        "pool_whiten": "none",
        "query_view": "roi",
        "retrieve_self_match": "exclude",
        "reduce_whiten": "no",
        "reduce_components": 100,
        "cluster_seed": 22,
    }
    assert {key: layer[key] for key in wanted} == wanted
    assert "retrieve_budget_mib" not in layer


def test_runs_that_differ_in_one_parameter_can_be_told_apart_by_the_numbers_it_changes(project: Path) -> None:
    MADE["make_results"](project)
    summarize.main()
    before = {name: metrics(name) for name in FILES}
    text = Path("params.yaml").read_text(encoding="utf-8")
    for old, new, changed in (
        ("whiten: false", "whiten: true", {"retrieval", "clusters", "grid"}),
        ("restarts: 10", "restarts: 3", {"retrieval", "clusters", "grid"}),
        ("splits: 10", "splits: 3", {"probe"}),
    ):
        Path("params.yaml").write_text(text.replace(old, new), encoding="utf-8")
        summarize.main()
        assert {name for name in FILES if metrics(name) != before[name]} == changed


def test_a_policy_that_does_not_change_a_number_does_not_stand_beside_it(project: Path) -> None:
    MADE["make_results"](project)
    summarize.main()
    zeroshot = metrics("zeroshot")["motif"]
    assert not [key for key in zeroshot if key.startswith(("pool", "reduce_", "query_", "retrieve_"))]
    assert not [key for key in metrics("probe")["stem"] if key.startswith(("reduce_", "retrieve_"))]


def test_prompt_sets_left_out_and_missing_numbers_are_told(project: Path) -> None:
    MADE["make_results"](project)
    summarize.main()
    assert metrics("zeroshot")["medium"]["status"] == "left out: no classes"
    assert "accuracy_low" not in metrics("probe")["stem"]


def test_both_kinds_of_rejected_pictures_are_listed(project: Path) -> None:
    MADE["make_results"](project)
    summarize.main()
    assert rows("rejected") == [
        {"image_id": name, "reason": reason} for name, reason in MADE["REJECTED"].items()
    ]


def test_every_measure_has_a_chart_table_of_every_layer(project: Path) -> None:
    MADE["make_results"](project)
    summarize.main()
    names = {path.stem for path in Path("data/plots/layers").iterdir()}
    assert {"detail_map", "class_p_at_1", "ami", "nmi_mood", "purity", "accuracy", "accuracy_mood"} <= names
    detail = rows("layers/detail_map")
    assert [(row["layer"], row["order"]) for row in detail] == [
        (name, str(i)) for i, name in enumerate(MADE["LAYERS"])
    ]
    assert detail[0] == {
        "layer": "stem",
        "order": "0",
        "value": "0.2",
        "low": "0.14",
        "high": "0.27",
        "chance": "0.09",
    }


def test_without_labels_queries_and_prompts_the_files_are_there(project: Path) -> None:
    images = [{**row, "labels": []} for row in MADE["draw_pictures"](project)]
    MADE["make_results"](project, rows=images, own_queries=0, prompts=False)
    summarize.main()
    assert metrics("headline")["pictures_used"] == 22
    assert metrics("zeroshot")["none"]["status"] == "not run: 'embedding' is not among the layers"
    assert sorted(path.name for path in Path("data/plots").iterdir()) == ["grid.csv", "rejected.csv"]


def test_a_second_run_gives_the_same_bytes(project: Path) -> None:
    MADE["make_results"](project)
    summarize.main()
    paths = sorted(path for folder in ("metrics", "data/plots") for path in Path(folder).rglob("*.*"))
    first = [path.read_bytes() for path in paths]
    summarize.main()
    assert [path.read_bytes() for path in paths] == first


def test_the_grid_is_a_small_metric_and_a_whole_table(project: Path) -> None:
    MADE["make_results"](project)
    summarize.main()
    found = metrics("grid")
    assert list(found) == ["class_ami", "class_map", "decided_by", "detail_map"]
    assert found["decided_by"]["grid_treatments"] == "raw, centred, pca, whitened, alpha_qe"
    assert not {"retrieve_match", "pooling", "pool_center"} & set(found["decided_by"])
    assert {row["layer"] for row in rows("grid")} == set(MADE["LAYERS"])
    assert "grid_seed" not in metrics("headline")
