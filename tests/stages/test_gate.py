"""gate: each way it must fail does, with exit code 1 and one line a failure; and which revision it takes."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages import gate
from strata.base.errors import StrataError
from tests.stages.cached_runs import N, cache, write_run

__all__ = ["cache"]

ROOT = Path(__file__).resolve().parents[2]
METRICS: dict[str, Any] = {
    "headline": {"run": {"dataset": "demo", "model": "demo-rn", "best_layer": "late", "n_images": 320}},
    "retrieval": {"late": {"map": 0.5, "map_low": 0.4, "ap": "step"}, "stem": {"map": 0.2, "ap": "step"}},
    "zeroshot": {"motif": {"top_1": 0.9, "ece": 0.05}},
}

Run = Callable[..., str]


def write(metrics: dict[str, Any]) -> None:
    shutil.rmtree("metrics", ignore_errors=True)
    Path("metrics").mkdir()
    for name, content in metrics.items():
        Path(f"metrics/{name}.json").write_text(json.dumps(content))


def changed(file: str, layer: str, metric: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(METRICS)
    result[file][layer][metric] = value
    return result


@pytest.fixture
def committed(git: Callable[..., str]) -> Callable[..., str]:
    """A repository whose first commit on ``main`` holds METRICS and this project's tolerances."""
    Path("conf").mkdir()
    shutil.copy(ROOT / "conf/gate.yaml", "conf/gate.yaml")
    write(METRICS)
    git("add", ".")
    git("commit", "-qm", "first")
    return git


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["gate", *arguments])
        return gate.main()

    return call


def refusal(run: Run, *arguments: str) -> str:
    with pytest.raises(StrataError) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_equal_metrics_pass_and_are_counted(committed: Run, run: Run) -> None:
    assert run() == f"11 values compared with {committed('rev-parse', 'HEAD')[:12]}, none failed, 0 accepted"


@pytest.mark.parametrize(
    ("metrics", "line"),
    [
        (
            changed("retrieval", "late", "map", 0.47),
            "metrics/retrieval.json late map: old 0.5, new 0.47, may drop by 0.02",
        ),
        (
            changed("retrieval", "late", "map", float("nan")),
            "metrics/retrieval.json late map: old 0.5, new nan, must be a number",
        ),
        (
            changed("retrieval", "late", "map", None),
            "metrics/retrieval.json late map: old 0.5, new null, must be a number",
        ),
        (
            changed("zeroshot", "motif", "ece", 0.1),
            "metrics/zeroshot.json motif ece: old 0.05, new 0.1, may rise by 0.02",
        ),
        (
            changed("headline", "run", "n_images", 319),
            "metrics/headline.json run n_images: old 320, new 319, may move by 0",
        ),
        (
            changed("headline", "run", "model", "rn50"),
            "metrics/headline.json run model: old demo-rn, new rn50, must be equal",
        ),
        (
            changed("retrieval", "late", "ap", "trapezoid"),
            "metrics/retrieval.json late ap: old step, new trapezoid, must be equal",
        ),
        (
            {**METRICS, "retrieval": {"late": METRICS["retrieval"]["late"]}},
            "metrics/retrieval.json stem: old present, new missing, layer must exist",
        ),
        (
            {**METRICS, "zeroshot": {"motif": {"ece": 0.05}}},
            "metrics/zeroshot.json motif top_1: old 0.9, new missing, must exist",
        ),
        (
            {name: METRICS[name] for name in ("headline", "retrieval")},
            "metrics/zeroshot.json: old present, new missing, file must exist",
        ),
    ],
    ids=lambda value: value.split(":")[1] if isinstance(value, str) else "",
)
def test_what_must_fail_fails_with_one_line(
    committed: Run, run: Run, capsys: pytest.CaptureFixture[str], metrics: dict[str, Any], line: str
) -> None:
    write(metrics)
    assert refusal(run).startswith(f"1 failed against {committed('rev-parse', 'HEAD')[:12]} (")
    assert capsys.readouterr().out == f"failed: {line}\n"


def test_another_data_set_is_one_line_and_not_a_list(committed: Run, run: Run, capsys: Any) -> None:
    write(changed("headline", "run", "dataset", "folder"))
    base = committed("rev-parse", "HEAD")[:12]
    assert refusal(run).startswith(f"nothing to compare: metrics is of the data set folder, {base} of demo; ")
    assert not capsys.readouterr().out


def test_what_may_move_passes(committed: Run, run: Run) -> None:
    write(changed("headline", "run", "best_layer", "stem"))
    assert run()
    write(changed("retrieval", "late", "map", 0.481))
    assert run()
    write(changed("retrieval", "late", "map_low", 0.36))
    assert run()
    write(changed("retrieval", "late", "map", 0.9))
    assert run()


def test_new_metrics_are_listed(committed: Run, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(changed("retrieval", "late", "p_at_1", 0.7))
    assert run()
    assert capsys.readouterr().out == "new, not compared: 1 (metrics/retrieval.json late p_at_1)\n"


def test_markdown_is_a_table(committed: Run, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(changed("retrieval", "late", "map", 0.1))
    refusal(run, "--md")
    assert capsys.readouterr().out.splitlines() == [
        "| result | file | layer | metric | old | new | allowed |",
        "|---|---|---|---|---|---|---|",
        "| failed | metrics/retrieval.json | late | map | 0.5 | 0.1 | may drop by 0.02 |",
    ]


def test_a_branch_is_compared_with_where_it_left_main(committed: Run, run: Run) -> None:
    base = committed("rev-parse", "HEAD")
    committed("checkout", "-qb", "work")
    write(changed("retrieval", "late", "map", 0.1))
    committed("commit", "-qam", "worse")
    committed("checkout", "-q", "main")
    committed("commit", "-qm", "main went on", "--allow-empty")
    committed("checkout", "-q", "work")
    assert f"1 failed against {base[:12]}" in refusal(run)
    assert run("--against", "HEAD")


def test_on_main_itself_the_last_commit_counts(committed: Run, run: Run) -> None:
    write(changed("retrieval", "late", "map", 0.6))
    committed("commit", "-qam", "better")
    write(METRICS)
    assert f"against {committed('rev-parse', 'HEAD')[:12]}" in refusal(run)


def test_without_a_main_branch_the_last_commit_counts(committed: Run, run: Run) -> None:
    committed("branch", "-qm", "main", "other")
    assert run()


def test_a_clone_compares_with_the_branch_of_its_origin(
    committed: Run, run: Run, tmp_path: Path, monkeypatch: Any
) -> None:
    base = committed("rev-parse", "HEAD")
    committed("clone", "-q", str(tmp_path), str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    write(changed("retrieval", "late", "map", 0.1))
    committed("commit", "-qam", "worse, on the clone's own main", cwd=tmp_path / "clone")
    assert f"1 failed against {base[:12]}" in refusal(run)


def test_an_unknown_revision_is_one_line(committed: Run, run: Run) -> None:
    assert refusal(run, "--against", "nope") == (
        "nope: no such revision or experiment here; run `git fetch` for its history"
    )


def test_a_shallow_clone_says_how_to_get_the_history(
    committed: Run, run: Run, tmp_path: Path, monkeypatch: Any
) -> None:
    base = committed("rev-parse", "HEAD")
    committed("commit", "-qm", "second", "--allow-empty")
    committed("clone", "-q", "--depth", "1", f"file://{tmp_path}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    assert refusal(run, "--against", base).endswith("this clone is shallow: run `git fetch --unshallow`")


def test_branches_that_share_no_commit_in_a_shallow_clone(
    committed: Run, run: Run, tmp_path: Path, monkeypatch: Any
) -> None:
    committed("checkout", "-qb", "work")
    committed("commit", "-qm", "second", "--allow-empty")
    committed("checkout", "-q", "main")
    committed("commit", "-qm", "main went on", "--allow-empty")
    clone = tmp_path / "clone"
    committed(
        "clone", "-q", "--depth", "1", "--no-single-branch", "-b", "work", f"file://{tmp_path}", str(clone)
    )
    monkeypatch.chdir(clone)
    message = refusal(run)
    assert message.startswith("HEAD and origin/main have no common commit here; this clone is shallow")


def test_a_base_without_metrics_fails_unless_allowed(git: Run, run: Run) -> None:
    Path("conf").mkdir()
    shutil.copy(ROOT / "conf/gate.yaml", "conf/gate.yaml")
    git("add", "conf")
    git("commit", "-qm", "no metrics yet")
    write(METRICS)
    base = git("rev-parse", "HEAD")[:12]
    assert refusal(run).startswith(f"nothing to compare with: {base} has no metrics/*.json")
    assert run("--allow-missing-base") == f"nothing to compare with: {base} has no metrics/*.json"


def test_an_accepted_change_passes_until_the_base_moves(committed: Run, run: Run, capsys: Any) -> None:
    base = committed("rev-parse", "HEAD")
    conf = Path("conf/gate.yaml")
    entry = f"accepted:\n  - base: '{base[:10]}'\n    values: metrics/retrieval.json *\n    reason: new\n"
    conf.write_text(conf.read_text().partition("\naccepted:")[0] + "\n" + entry)
    write(changed("retrieval", "late", "map", 0.1))
    assert run().endswith("none failed, 1 accepted")
    assert capsys.readouterr().out.startswith("accepted: metrics/retrieval.json late map")
    write(changed("zeroshot", "motif", "top_1", 0.1))
    assert "1 failed" in refusal(run)
    write(METRICS)
    committed("commit", "-qam", "the base moved")
    write(changed("retrieval", "late", "map", 0.1))
    assert "1 failed" in refusal(run)


@pytest.mark.parametrize(
    ("old", "new"),
    [("direction: higher", "direction: up"), ("tolerance: 0.02", "tolerance: -1"), ("rules:", "rule:")],
)
def test_a_wrong_gate_file_is_one_line(committed: Run, run: Run, old: str, new: str) -> None:
    conf = Path("conf/gate.yaml")
    conf.write_text(conf.read_text().replace(old, new, 1))
    assert refusal(run).startswith("conf/gate.yaml: ")


def test_a_broken_metric_file_is_one_line(committed: Run, run: Run) -> None:
    Path("metrics/zeroshot.json").write_text("{")
    assert refusal(run).startswith("metrics/zeroshot.json: not JSON")


def paired_run(gain: list[float], *, junk: str = "skip") -> None:
    """A run whose late layer has an AP of .5 and ``gain`` (8,) by group; its metrics and a gate for pairs."""
    values = [0.5 + gain[i % 8] for i in range(N)]
    write_run({"late": values}, junk=junk)
    conf = Path("conf/gate.yaml")
    conf.write_text(conf.read_text().replace("paired: false", "paired: true"))
    found = round(sum(values) / N, 4)
    best = {"detail_map": found, "detail_map_layer": "late"}
    late = {"detail_map": found, "detail_map_macro": found, "detail_map_high": round(max(values), 4)}
    write(
        {"headline": best, "retrieval": {"late": {**late, "detail_map_low": round(min(values), 4), **OTHER}}}
    )


OTHER = {"detail_p_at_1": 0.5}


NOISE = [0.3, -0.3, 0.2, -0.25, 0.25, -0.2, -0.15, -0.2]  # a mean of -.044


@pytest.fixture
def paired(git: Callable[..., str], cache: Path) -> Callable[..., str]:
    """The same run, committed, with a gate that pairs."""
    Path("conf").mkdir()
    shutil.copy(ROOT / "conf/gate.yaml", "conf/gate.yaml")
    paired_run([0.0] * 8)
    git("add", "conf", "metrics", "dvc.lock")
    git("commit", "-qm", "first")
    return git


def test_a_drop_that_the_queries_do_not_bear_out_passes(paired: Run, run: Run, capsys: Any) -> None:
    paired_run(NOISE)
    assert run().endswith("none failed, 0 accepted, 4 not told apart")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": old")[0] for line in lines] == [
        "not told apart: metrics/headline.json detail_map",
        "not told apart: metrics/retrieval.json late detail_map",
        "not told apart: metrics/retrieval.json late detail_map_macro",
        "not told apart: metrics/retrieval.json late detail_map_low",
    ]
    assert "may drop by 0.02; query by query -0.2" in lines[1]


def test_a_drop_at_every_query_fails_and_so_does_another_metric(paired: Run, run: Run, capsys: Any) -> None:
    paired_run([-0.05, -0.04, -0.06, -0.05, -0.03, -0.05, -0.04, -0.06])
    assert refusal(run).startswith("4 failed")
    paired_run(NOISE)
    metrics = json.loads(Path("metrics/retrieval.json").read_text())
    metrics["late"]["detail_p_at_1"] = 0.4
    Path("metrics/retrieval.json").write_text(json.dumps(metrics))
    capsys.readouterr()
    assert refusal(run).startswith("1 failed")
    assert "failed: metrics/retrieval.json late detail_p_at_1" in capsys.readouterr().out


def test_metrics_that_are_not_the_runs_own_fail(paired: Run, run: Run) -> None:
    paired_run(NOISE)
    metrics = json.loads(Path("metrics/retrieval.json").read_text())
    metrics["late"]["detail_map"] -= 0.1
    Path("metrics/retrieval.json").write_text(json.dumps(metrics))
    assert refusal(run).startswith("2 failed")  # and its interval's lower end


def test_without_the_bases_queries_the_tolerance_decides_and_a_line_says_so(
    paired: Run, run: Run, capsys: Any, cache: Path
) -> None:
    shutil.rmtree(cache)
    paired_run(NOISE)
    assert refusal(run).startswith("4 failed")
    base = paired("rev-parse", "HEAD")
    assert capsys.readouterr().out.startswith(
        f"paired: tolerance alone decides: {base}: data/rankings is not in DVC's cache; run `git checkout "
    )


def test_runs_under_other_protocols_are_not_paired(paired: Run, run: Run, capsys: Any) -> None:
    paired_run(NOISE, junk="negative")
    assert refusal(run).startswith("4 failed")
    assert "the runs were asked different things: detail: junk" in capsys.readouterr().out
