"""The whole pipeline on a small demo: what a run writes, what a second one does, what a change costs."""

from __future__ import annotations

import csv
import json
import re
import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project, Result

pytestmark = pytest.mark.slow
STAGES = [
    "check",
    "download",
    "prepare",
    "extract",
    "pool",
    "index",
    "reduce",
    "cluster",
    "retrieve",
    "probe",
    "zeroshot",
    "grid",
    "summarize",
    "report",
]
METRICS = ["captions", "clusters", "duplicates", "grid", "headline", "probe", "retrieval", "zeroshot"]


def test_a_fresh_project_runs_every_stage_once(finished: tuple[Project, Result]) -> None:
    _, result = finished
    assert sorted(result.ran) == sorted(STAGES)
    assert all(result.line(stage).endswith(" s)") for stage in STAGES)


def test_a_run_writes_metrics_by_layer_and_a_report(finished: tuple[Project, Result]) -> None:
    project, _ = finished
    assert sorted(path.stem for path in (project.root / "metrics").iterdir()) == METRICS
    for name in ("retrieval", "clusters", "probe"):
        assert set(json.loads(project.read(f"metrics/{name}.json"))) == {"stem", "late", "embedding"}
    assert json.loads(project.read("metrics/headline.json"))["pictures_rejected"] > 0
    assert project.read("report/index.html").startswith(b"<!")


def test_git_holds_results_and_no_data(finished: tuple[Project, Result]) -> None:
    project, _ = finished
    held = project.run("git", "ls-files").said.splitlines()
    assert {"dvc.lock", *(f"metrics/{name}.json" for name in METRICS)} <= set(held)
    small = ["data/README.md", "data/computed.json"]
    assert [name for name in held if name.startswith(("data/", "report/", "logs/"))] == small


def test_a_second_run_runs_nothing(project: Project) -> None:
    assert project.run("dvc", "repro").nothing_to_do
    assert project.run("git", "status", "--porcelain").said == ""


def test_a_fresh_clone_is_fresh_and_passes_the_gate(project: Project) -> None:
    clone = type(project)(project.root.with_name("clone"))
    project.run("git", "clone", "-q", ".", str(clone.root))
    assert clone.run("python", "-m", "stages.freshness").said == "freshness: dvc.lock is up to date\n"
    assert sorted(clone.run("dvc", "repro").ran) == sorted(STAGES)
    assert "none failed, 0 accepted" in clone.run("python", "-m", "stages.gate", "--against", "HEAD").said
    assert clone.run("git", "status", "--porcelain").said == ""


def test_two_forced_runs_without_a_store_give_the_same_bytes(project: Project) -> None:
    before = {name: project.read(f"metrics/{name}.json") for name in METRICS}
    lock = project.read("dvc.lock")
    shutil.rmtree(project.root / ".strata")
    assert sorted(project.run("dvc", "repro", "--force").ran) == sorted(STAGES)
    assert {name: project.read(f"metrics/{name}.json") for name in METRICS} == before
    assert project.read("dvc.lock") == lock


def test_another_pooling_reads_no_picture_again(project: Project) -> None:
    result = project.run("dvc", "exp", "run", "-S", "pooling=rmac")
    assert not {"download", "prepare", "extract", "zeroshot"} & set(result.ran)
    assert {"check", "pool", "retrieve", "summarize", "report"} <= set(result.ran)
    assert json.loads(project.read("metrics/retrieval.json"))["late"]["pooling"] == "rmac"


def test_a_smaller_grid_runs_nothing_but_the_grid_and_what_shows_it(project: Project) -> None:
    smaller = ("-S", "grid.poolings=[max,gem]", "-S", "grid.treatments=[raw,whitened]")
    assert set(project.run("dvc", "exp", "run", *smaller).ran) == {"check", "grid", "summarize", "report"}
    assert json.loads(project.read("metrics/grid.json"))["class_map"]["best_treatment"] in ("raw", "whitened")


def test_details_are_found_densely_and_expansion_reads_no_view_again(project: Project) -> None:
    choices = ("-S", "retrieve.expand=1", "-S", "dense.layers=all", "-S", "dense.size_px=136")
    result = project.run("dvc", "exp", "run", *choices)
    assert "0 views computed" in result.line("extract")
    found = json.loads(project.read("metrics/retrieval.json"))
    assert found["late"]["detail_match"] == "dense"
    assert found["late"]["detail_expansion"] == "first 1 boxes (transductive)"
    assert found["embedding"]["detail_match"] == "global (the layer has no map)"


def test_post_processing_reads_no_picture_again_and_is_named_beside_its_numbers(project: Project) -> None:
    changes = ("-S", "retrieve.postprocess=dba_qe", "-S", "pool.center=true")
    ran = project.run("dvc", "exp", "run", *changes).ran
    assert not {"download", "prepare", "extract", "zeroshot"} & set(ran)
    found = json.loads(project.read("metrics/retrieval.json"))["late"]
    assert found["class_postprocess"] == "dba_qe (k 20, alpha 3.0), transductive"
    assert found["pool_fit_set"] != "none"


def test_a_changed_prompt_draws_and_encodes_no_picture(project: Project) -> None:
    project.edit("conf/datasets/demo.yaml", "{article} {name} scene.", "a {name} scene.")
    result = project.run("dvc", "repro")
    assert not {"download", "prepare", "extract", "pool", "retrieve"} & set(result.ran)
    assert "zeroshot" in result.ran


def test_a_new_layer_costs_that_layer(project: Project) -> None:
    project.choose(layers=["stem", "layer3", "late", "embedding"])
    result = project.run("dvc", "repro")
    assert not {"download", "prepare"} & set(result.ran)
    assert "layer3" in json.loads(project.read("metrics/retrieval.json"))


def test_a_lost_result_comes_from_the_store(project: Project) -> None:
    result = project.run("dvc", "repro", "--force", "--single-item", "extract")
    assert " 0 views computed and " in result.line("extract")


def test_another_model_runs_and_the_first_comes_back_from_the_cache(project: Project) -> None:
    first = project.read("metrics/headline.json")
    assert "extract" in project.run("dvc", "exp", "run", "-S", "model=demo-vit").ran
    assert json.loads(project.read("metrics/retrieval.json"))["late"]["model"] == "demo-vit"
    back = project.run("dvc", "exp", "run", "-S", "model=demo-rn").ran
    assert not {"extract", "pool", "index", "retrieve", "probe"} & set(back)
    assert project.read("metrics/headline.json") == first


def test_a_queued_sweep_computes_no_picture_and_is_compared(project: Project) -> None:
    project.run("dvc", "exp", "run", "--queue", "-S", "pooling=avg,rmac")
    project.run("dvc", "queue", "start")
    deadline = time.monotonic() + 600
    while "Queued" in (status := project.run("dvc", "queue", "status").said) or "Running" in status:
        assert time.monotonic() < deadline, status
        time.sleep(2)
    assert status.count("Success") == 2, status
    columns = ("--only-changed", "--drop", ".*[./].*|Created|.*_(low|high|layer)")
    shown = project.run("dvc", "exp", "show", "--no-pager", *columns, COLUMNS="100").said
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 100
    found = project.run("dvc", "exp", "show", "--csv", *columns).said
    names, *runs = list(csv.reader(line for line in found.splitlines() if "," in line))
    told_apart = {(run[names.index("pooling")], run[names.index("class_map")]) for run in runs}
    assert {pooling for pooling, _ in told_apart} == {"max", "avg", "rmac"}
    assert len({score for _, score in told_apart}) == 3


def test_plots_are_a_chart_a_metric_and_load_nothing_from_the_network(project: Project) -> None:
    project.run("dvc", "exp", "run", "-S", "pooling=avg", "-n", "average")
    project.run("dvc", "plots", "diff", "HEAD", "average")
    page = project.read("dvc_plots/index.html").decode()
    charts = list((project.root / "data/plots/layers").iterdir())
    assert page.count("vegaEmbed('#") == len(charts) > 5
    assert "class_map.csv" in page
    assert not re.search(r"(src|href)=", page)


def test_an_experiment_is_compared_and_exported(project: Project) -> None:
    project.run("dvc", "exp", "run", "-n", "gem", "-S", "pooling=gem")
    compared = project.run("python", "-m", "stages.compare", "HEAD", "gem").said.splitlines()
    (late,) = [line.split() for line in compared if line.startswith("class") and line.split()[1] == "late"]
    before = json.loads(project.run("git", "show", "HEAD:metrics/retrieval.json").said)["late"]["class_map"]
    now = json.loads(project.read("metrics/retrieval.json"))["late"]["class_map"]
    shown = [float(text.rstrip("*")) for text in late[2:4]]
    assert shown == pytest.approx([before, now], abs=6e-4)
    same = project.run("python", "-m", "stages.compare", "gem", "workspace").said
    assert "class: no query differs at " in same
    assert project.run("python", "-m", "stages.overview").said.startswith("overview: 2 runs, ")
    assert b"dvc exp apply gem" in project.read("report/overview.html")
    project.run("python", "-m", "stages.export", "out")
    files = "out/late/class.run", "out/qrels/class.txt", "--queries", "out/queries/class.csv"
    assert f"score: mAP {now:.3f} (" in project.run("python", "-m", "stages.score", *files).said


def test_metrics_diff_gives_a_delta_a_layer(project: Project) -> None:
    project.run("dvc", "exp", "run", "-S", "pooling=avg")
    shown = project.run("dvc", "metrics", "diff", "--md").said
    assert any("metrics/retrieval.json" in line and "late" in line for line in shown.splitlines())


def test_an_edit_after_the_run_is_not_fresh_and_a_worse_metric_fails_the_gate(project: Project) -> None:
    project.choose(cluster__seed=23)
    stale = project.run("python", "-m", "stages.freshness", check=False)
    assert stale.code == 1
    assert stale.said.startswith("freshness: error: dvc.lock is out of date at ")
    content = json.loads(project.read("metrics/retrieval.json"))
    content["late"]["class_map"] -= 0.1
    (project.root / "metrics/retrieval.json").write_text(json.dumps(content))
    worse = project.run("python", "-m", "stages.gate", check=False)
    assert worse.code == 1
    assert "failed: metrics/retrieval.json late class_map: old " in worse.said


def test_without_git_identity_the_pipeline_runs(fresh: Callable[[], Project]) -> None:
    project = fresh()
    nobody = dict.fromkeys(
        ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"), ""
    )
    result = project.run("dvc", "repro", "check", "download", **nobody)
    assert result.ran == ["check", "download"]
