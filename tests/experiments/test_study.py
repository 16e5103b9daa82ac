"""The study's command: committed trees only, runs with fixed names, missing data do not stop the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments import study
from experiments.cells import Run
from experiments.running import RunFailed, failure, override, read_experiment, reference, refuse_changes
from strata.base.errors import StrataError
from strata.measures.scores import Score
from tests.e2e.conftest import Project, copy_project

Git = Callable[..., str]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (0.5, "0.5"),
        ("max", "max"),
        (["a", "b.1"], "[a,b.1]"),
    ],
)
def test_values_are_written_as_dvc_reads_them(value: Any, text: str) -> None:
    assert override(value) == text


def test_a_failure_names_the_stage_and_its_reason() -> None:
    said = "check: fine (0.1 s)\ndownload: error: no mirror answers\nERROR: failed to reproduce 'download'\n"
    assert (failure(said).stage, str(failure(said))) == ("download", "download: no mirror answers")
    assert str(failure("\nERROR: Unable to acquire lock\n")) == "Unable to acquire lock"


def test_a_changed_tree_is_refused_in_one_line(git: Git, tmp_path: Path) -> None:
    with pytest.raises(StrataError, match="no git repository with a commit"):
        refuse_changes()
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "one")
    (tmp_path / "untracked").write_text("1")
    head = refuse_changes()
    assert head == git("rev-parse", "HEAD")
    assert reference(head, "study-x") is None
    git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/study-x", head)
    assert reference(head, "study-x") is not None
    (tmp_path / "a").write_text("2")
    with pytest.raises(StrataError, match=r"1 tracked files differ from the last commit \(a"):
        refuse_changes()


def test_the_scores_of_a_run_are_read_from_git(git: Git, tmp_path: Path) -> None:
    conf = Path("conf/datasets/demo.yaml")
    for name, text in (
        (conf, (ROOT / conf).read_text(encoding="utf-8")),
        (
            "metrics/retrieval.json",
            '{"late": {"detail_map": 0.5, "detail_map_low": 0.4, "x_ap": "step"}}',
        ),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    git("add", "-A")
    git("commit", "-qm", "one")
    found = read_experiment("HEAD", "demo")
    assert found["retrieval"] == [Score("map", 0.5, 0.4, layer="late", task="detail")]
    assert found["probe"] == []


def test_data_that_cannot_be_had_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, made = [], set[str]()

    def run_experiment(run: Run) -> None:
        asked.append(run.name)
        if run.changes["dataset"] == "far":
            raise RunFailed("download", "no network")
        if run.name == "broken":
            raise RunFailed("extract", "broken")
        made.add(run.name)

    monkeypatch.setattr(study, "run_experiment", run_experiment)
    monkeypatch.setattr(study, "reference", lambda head, name: name if name in made else None)
    monkeypatch.setattr(study, "read_experiment", lambda ref, dataset: {"probe": []})
    far, near = {"dataset": "far"}, {"dataset": "near"}
    runs = [
        Run("far-1", far),
        Run("near-1", near),
        Run("far-2", far),
        Run("broken", near),
        Run("near-2", near),
    ]
    results, failures = study.run_all(runs, "head")
    assert list(results) == ["near-1", "near-2"]
    assert failures == {
        "far-1": "download: no network",
        "far-2": "download: no network",
        "broken": "extract: broken",
    }
    assert asked == ["far-1", "near-1", "broken", "near-2"]
    study.run_all(runs, "head")
    assert asked.count("near-1") == 1, "a finished run is not made again"


@pytest.mark.slow
def test_two_cells_on_a_small_demo(tmp_path: Path) -> None:
    """The dense cell and the zero-shot one, from the command line; the folder stays as it was."""
    project: Project = copy_project(tmp_path / "project")
    command = ("python", "-m", "experiments.study", "--data", "demo", "--only")
    said = project.run(*command, "I[b]").said
    assert "2 of 2 runs of 1 cells" in said
    said = project.run(*command, "names-buildings").said
    assert "2 of 2 runs" in said
    table = project.read("report/study-demo.md").decode()
    assert "| names-buildings | demo | motif | zeroshot top1 | 0.199 | 0." in table
    assert project.run("git", "status", "--porcelain").said == ""
    listed = project.run("dvc", "exp", "list", "--name-only").said.split()
    assert {"study-Ib-demo-as-run", "study-names-buildings-demo-as-it-should-be"} <= set(listed)
    again = project.run(*command, "names-buildings").said
    assert again.count(": 0 s") == 2
    project.edit("params.yaml", "pooling: max", "pooling: avg")
    refused = project.run(*command, "Ib", check=False)
    assert refused.code == 1
    assert "study: error: 1 tracked files differ" in refused.said
