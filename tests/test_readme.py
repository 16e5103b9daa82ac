"""Every command in the README is executed by a test or by .ci/run, or stands here with the reason why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIPELINE, BAD_INPUT = "tests/e2e/test_pipeline.py", "tests/e2e/test_bad_input.py"
OWN_TRUTH = "tests/e2e/test_own_truth.py"
EXCHANGE = (
    "python -m stages.compare HEAD gem",
    "python -m stages.overview",
    "python -m stages.export out",
    "python -m stages.score out/late/class.run out/qrels/class.txt --queries out/queries/class.csv",
)

SEARCH = "tests/stages/test_search.py"
EXECUTED: dict[str, tuple[str, str]] = {
    "make repro": (".ci/run", "make repro"),
    "make test": (".ci/run", "make test"),
    "dvc repro": (PIPELINE, "test_a_second_run_runs_nothing"),
    "pytest": (".ci/run", "make test"),
    "dvc exp run -S pooling=rmac": (PIPELINE, "test_another_pooling_reads_no_picture_again"),
    "dvc exp run -S model=demo-vit": (
        PIPELINE,
        "test_another_model_runs_and_the_first_comes_back_from_the_cache",
    ),
    "dvc exp run --queue -S 'pooling=max,rmac,gem'": (
        PIPELINE,
        "test_a_queued_sweep_computes_no_picture_and_is_compared",
    ),
    "dvc queue start": (PIPELINE, '"dvc", "queue", "start"'),
    "dvc exp show --only-changed --drop '.*[./].*|Created|.*_(low|high|layer)'": (
        PIPELINE,
        "test_a_queued_sweep_computes_no_picture_and_is_compared",
    ),
    "dvc plots diff HEAD EXPERIMENT": (
        PIPELINE,
        "test_plots_are_a_chart_a_metric_and_load_nothing_from_the_network",
    ),
    "dvc metrics diff --md": (PIPELINE, "test_metrics_diff_gives_a_delta_a_layer"),
    "dvc exp run -S retrieve.expand=3": (PIPELINE, "retrieve.expand=1"),
    "dvc exp run -S dense.layers=all": (PIPELINE, "dense.layers=all"),
    "dvc exp run -S 'grid.poolings=[max,gem]' -S 'grid.treatments=[raw,whitened]'": (
        PIPELINE,
        "test_a_smaller_grid_runs_nothing_but_the_grid_and_what_shows_it",
    ),
    "dvc exp run -S retrieve.postprocess=dba_qe -S pool.center=true": (
        PIPELINE,
        "test_post_processing_reads_no_picture_again_and_is_named_beside_its_numbers",
    ),
    "dvc exp run -S dataset=folder -S 'conf/paths/folder.yaml:path=/pictures/my scans'": (
        BAD_INPUT,
        "test_a_folder_path_with_odd_signs_is_set_with_S",
    ),
    "dvc exp run -S conf/datasets/folder.yaml:labels.from=csv "
    "-S conf/datasets/folder.yaml:labels.file=labels.csv": (OWN_TRUTH, "labels.file=labels.csv"),
    "dvc exp run -S 'conf/paths/folder.yaml:words=[sea cow,dog]' "
    "-S 'conf/paths/folder.yaml:templates=[\"a photo of a {name}.\"]'": (OWN_TRUTH, "words=[sea cow,dog]"),
    "dvc exp run -S retrieve.duplicates=drop": (OWN_TRUTH, "retrieve.duplicates=drop"),
    "dvc exp run -S model=open_clip -S conf/paths/open_clip.yaml:architecture=ViTamin-S "
    "-S conf/paths/open_clip.yaml:pretrained=datacomp1b": (
        "tests/e2e/test_own_models.py",
        "test_a_pair_of_open_clips_runs_and_another_is_noticed",
    ),
    **dict.fromkeys(EXCHANGE, (PIPELINE, "test_an_experiment_is_compared_and_exported")),
    "make explore": ("tests/explore/test_browser.py", "test_the_wall_groups_filters_and_goes_back"),
    "make explore-static": ("tests/explore/test_static.py", "test_the_folder_has_every_picture"),
    'python -m stages.search "a fish under a rainbow"': (SEARCH, "a fish under a rainbow"),
    "python -m stages.search 0003 --box 212,143,263,226 --layer middle --csv found.csv --sheet found.png": (
        SEARCH,
        "test_a_box_is_found_and_written",
    ),
    "python -m stages.freshness": (PIPELINE, "test_a_fresh_clone_is_fresh_and_passes_the_gate"),
    "python -m stages.gate --against HEAD": (PIPELINE, "test_a_fresh_clone_is_fresh_and_passes_the_gate"),
}
NOT_EXECUTED = {
    "make study": "needs a network; every key of every run is checked by tests/experiments/test_cells.py",
    "make study DATA=demo": "takes minutes; tests/experiments/test_study.py runs two of its cells",
    "make bench": "takes more than an hour; tests/benchmarks runs each of them with tiny inputs",
    "dvc exp run -S dataset=brueghel": "needs a network; tests/e2e/test_study_data.py has a local server",
    "pip install -e '.[dev]'": "needs a network; .ci/run installs the same packages from requirements.lock",
}


def commands() -> list[str]:
    """The lines of the README's bash blocks, without comments."""
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_the_readme_has_commands() -> None:
    assert {"make repro", "make test"} <= set(commands())


@pytest.mark.parametrize("command", commands())
def test_every_command_is_executed_somewhere(command: str) -> None:
    assert command in EXECUTED or command in NOT_EXECUTED, f"no test runs {command!r}"


@pytest.mark.parametrize("command", EXECUTED)
def test_what_executes_a_command_exists(command: str) -> None:
    file, text = EXECUTED[command]
    assert text in (ROOT / file).read_text(encoding="utf-8")


def test_no_command_is_listed_that_the_readme_lost() -> None:
    assert {*EXECUTED, *NOT_EXECUTED} == set(commands())
