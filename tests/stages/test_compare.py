"""The command: runs of any revision, out of DVC's cache, and what it says where there are none."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stages import compare, revisions
from strata.base.errors import StrataError
from tests.stages.cached_runs import cache, drawn, write_run

__all__ = ["cache"]
Git = Callable[..., str]
Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["compare", *arguments])
        return compare.main()

    return call


@pytest.fixture
def committed(git: Git, cache: Path) -> Git:
    """Two commits, the first tagged ``first``: the second's late layer gains a tenth at every query."""
    write_run({"stem": drawn(0), "late": drawn(1)})
    git("add", "dvc.lock")
    git("commit", "-qm", "first")
    git("tag", "first")
    write_run({"stem": drawn(2), "late": [value + 0.1 for value in drawn(1)]})
    git("add", "dvc.lock")
    git("commit", "-qm", "second")
    shutil.rmtree("data")
    return git


def test_two_revisions_are_compared_without_a_checkout(committed: Git, run: Run) -> None:
    lines = run("first", "HEAD").splitlines()
    assert lines[0].split()[:6] == ["task", "layer", "mAP", "first", "mAP", "HEAD"]
    assert "+0.100" in lines[2]
    assert "≈" in lines[1]
    assert not Path("data").exists()


def test_the_workspace_is_what_its_lock_records(committed: Git, run: Run) -> None:
    write_run({"stem": drawn(0), "late": drawn(1)})
    assert "detail: no query differs at stem, late." in run("first", "workspace")


def test_an_experiment_is_found_by_its_name(committed: Git, run: Run) -> None:
    head = committed("rev-parse", "HEAD")
    committed("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/gem", "first")
    committed("update-ref", "refs/exps/exec/EXEC_HEAD", "first")
    assert revisions.experiments() == [("gem", committed("rev-parse", "first"))]
    assert "+0.100" in run("gem", "HEAD")


def test_two_experiments_of_one_name_want_a_commit(committed: Git, run: Run) -> None:
    for revision in ("first", "HEAD"):
        commit = committed("rev-parse", revision)
        committed("update-ref", f"refs/exps/{commit[:2]}/{commit[2:]}/gem", commit)
    with pytest.raises(StrataError, match="gem: 2 experiments are called that; name one by its commit"):
        run("gem", "HEAD")


def test_markdown_csv_and_latex(committed: Git, run: Run) -> None:
    assert run("first", "HEAD", "--md").startswith("| task | layer | mAP first | mAP HEAD |")
    rows = list(csv.DictReader(io.StringIO(run("first", "HEAD", "--csv"))))
    assert [row["layer"] for row in rows] == ["stem", "late"]
    assert float(rows[1]["difference"]) == pytest.approx(0.1)
    assert r"\toprule" in run("first", "HEAD", "--latex")


def test_a_run_that_the_cache_lost_says_how_to_get_it(committed: Git, run: Run, cache: Path) -> None:
    shutil.rmtree(cache)
    commit = committed("rev-parse", "first")[:12]
    with pytest.raises(StrataError) as caught:
        run("first", "HEAD")
    assert str(caught.value) == (
        f"first: data/rankings is not in DVC's cache; run `git checkout {commit} && dvc pull` if it was "
        f"pushed, else `git checkout {commit} && dvc repro`"
    )


def test_runs_under_other_protocols_are_refused(committed: Git, run: Run) -> None:
    write_run({"stem": drawn(0), "late": drawn(1)}, junk="negative")
    with pytest.raises(StrataError, match=r"detail: junk \(skip in first; negative in workspace\)"):
        run("first", "workspace")


def test_an_unknown_revision_is_one_line(committed: Git, run: Run) -> None:
    with pytest.raises(StrataError, match="nope: no such revision or experiment here; run `git fetch`"):
        run("nope", "HEAD")


def test_a_revision_without_a_run_is_one_line(git: Git, run: Run) -> None:
    git("commit", "-qm", "empty", "--allow-empty")
    with pytest.raises(StrataError, match="HEAD: it has no"):
        run("HEAD", "workspace")
