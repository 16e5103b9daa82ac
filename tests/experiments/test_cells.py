"""cells.yaml: every run it asks for can be made, on the study's data and on the demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.cells import CELLS, Run, Study, check_run, plan, read_study
from experiments.running import FILES
from stages.settings import dataset_conf
from strata.base.errors import StrataError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def study() -> Study:
    return read_study(CELLS)


@pytest.mark.parametrize("demo", [False, True], ids=["study", "demo"])
def test_every_run_has_only_keys_of_params_yaml_and_values_that_work(demo: bool) -> None:
    _, runs = plan(study(), study().cells, demo=demo)
    for run in runs:
        check_run(run)


@pytest.mark.parametrize("demo", [False, True], ids=["study", "demo"])
def test_names_are_fixed_and_belong_to_one_run_each(demo: bool) -> None:
    places, runs = plan(study(), study().cells, demo=demo)
    names = [run.name for run in runs]
    assert len(set(names)) == len(names)
    assert {name for place in places for name in place.runs.values()} == set(names)
    assert ("study-Ib-demo-as-run" if demo else "study-Ib-brueghel-as-run") in names


def test_every_experiment_of_the_study_has_a_cell() -> None:
    names = {cell.name for cell in study().cells}
    assert {"Ia", "Ib", "IIa", "IIb-5", "IIb-8", "IIIa-32", "IIIa-17", "IIIa-10", "IIIb-32"} <= names
    assert {"names-buildings", "names-emotions", "probe-one-split", "probe-repeated"} <= names


def test_as_run_has_no_mean_and_deviation_and_as_it_should_be_has_both() -> None:
    for cell in study().cells:
        assert cell.as_run["extract.pixel_norm"] == "none"
        assert cell.as_it_should_be["extract.pixel_norm"] == "model"


def test_the_dense_cell_is_800_px_at_stride_3() -> None:
    _, runs = plan(study(), study().cells, demo=False)
    (run,) = [run for run in runs if run.name == "study-Ib-brueghel-as-run"]
    assert (run.changes["extract.image_size"], run.changes["extract.conv1_stride"]) == (800, 3)


def test_what_is_shown_is_in_a_metric_file_and_prompt_sets_exist() -> None:
    for demo in (False, True):
        places, _ = plan(study(), study().cells, demo=demo)
        for place in places:
            for name in place.show:
                file, entry, _ = name.split(".")
                assert file in FILES
                assert file != "zeroshot" or entry in (dataset_conf(place.data).prompts or {})


def test_figures_stand_beside_something_shown() -> None:
    for cell in study().cells:
        assert set(cell.study) <= set(cell.show)


def test_equal_runs_are_made_once_on_the_demo() -> None:
    places, _ = plan(study(), study().cells, demo=True)
    runs = {place.cell.name: place.runs for place in places}
    assert runs["names-emotions"] == runs["probe-repeated"]
    assert [place.data for place in places if place.cell.name == "Ib"] == ["demo"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extract.size": 3}, "extract.size is not a key of params.yaml"),
        ({"extract.levels.deep": 3}, "extract.levels.deep is not a key"),
        ({"pooling": "median"}, "pooling = 'median' is wrong"),
        ({"dataset": "nowhere"}, "has no file"),
        ({"pool.levels": 5, "extract.levels": 3}, "pool.levels is 5"),
    ],
)
def test_a_run_that_cannot_work_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(StrataError, match=message):
        check_run(Run("study-x", change))
