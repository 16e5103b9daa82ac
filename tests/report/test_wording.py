"""The answer in words."""

from __future__ import annotations

from strata.results.summary import Measure, Reading

from strata.report.wording import caution, number, said, task_title, tiles
from strata.results.headline import Answer, Results

FIND = Measure("find", "detail", "mAP", "detail_map")
RESULTS = Results(
    retrieval={
        "late": {"detail_map": 0.5, "class_map": 0.7},
        "embedding": {"detail_map": 0.4, "class_map": 0.9},
    },
    clusters={"late": {"ami": 0.3}},
    probe={"late": {"accuracy": 0.8, "majority": 0.2}},
    zeroshot={"motif_synonyms": {"top1": 0.75, "chance": 0.1}},
    facets=["motif"],
)


def test_a_number_comes_with_its_interval_and_chance() -> None:
    answer = Answer(FIND, Reading("late", 0.4124, 0.35, 0.47, 0.062), [])
    assert number(answer) == "mAP 0.412 [0.350, 0.470], chance 0.062"


def test_a_close_race_and_a_value_like_chance_are_said() -> None:
    answer = Answer(FIND, Reading("late", 0.41, 0.05, 0.7, 0.06), ["early", "stem"])
    assert caution(answer) == (
        "Not clearly above chance; not clearly ahead of early, stem (their intervals reach this value)."
    )
    assert caution(Answer(FIND, Reading("late", 0.41, 0.35, 0.47, 0.06), [])) == ""


def test_every_question_has_one_line() -> None:
    lines = said(RESULTS)
    assert [line.layer for line in lines] == ["late", "embedding", "late", "late"]
    assert lines[1].question == "Best layer for finding pictures of the same motif"
    assert lines[3].number == "accuracy 0.800, naming always the largest class 0.200"


def test_the_tiles_are_the_headline() -> None:
    shown = {tile.name: tile.value for tile in tiles(RESULTS, 318, 2)}
    assert shown == {
        "Finding, detail, mAP": "0.500",
        "The embedding, same task": "0.400",
        "Grouping by motif, AMI": "0.300",
        "Naming the motif, accuracy": "0.800",
        "Zero-shot top-1, motif synonyms": "0.750",
        "Pictures used": "318",
    }


def test_without_results_only_the_pictures_are_counted() -> None:
    shown = tiles(Results({}, {}, {}, {"none": {"status": "not run"}}, []), 3, 0)
    assert [(tile.value, tile.note) for tile in shown] == [("3", "none left out")]


def test_tasks_are_titled_for_people() -> None:
    assert task_title("class", ["motif"]) == "Pictures of the same motif"
    assert task_title("class", []) == "Pictures of the same class"
    assert task_title("my_own", ["motif"]) == "My own: the collection’s own queries"
