"""The headline: a handful of numbers in one flat mapping."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

from strata.measures.scores import Score, Scored
from strata.results.comparison import Results, compare_layers
from strata.results.headline import headline

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))
NOTHING = Results(Scored(), Scored([Score("k", 4, layer="stem")]), Scored(), Scored(), [])


def test_the_headline_names_the_best_layer_of_every_question_and_its_interval() -> None:
    assert headline(compare_layers(MADE["RESULTS"]), pictures=10, rejected=2) == {
        "pictures_used": 8,
        "pictures_rejected": 2,
        "detail_map": 0.5,
        "detail_map_low": 0.4,
        "detail_map_high": 0.6,
        "detail_map_layer": "stem",
        "class_map": 0.9,
        "class_map_layer": "embedding",
        "ami": 0.5,
        "ami_layer": "embedding",
        "accuracy": 0.4,
        "accuracy_layer": "stem",
        "zeroshot_top1": 0.8,
    }


def test_with_every_interval_there_are_fifteen_numbers() -> None:
    found = {
        name: Scored([replace(score, low=0.1, high=0.9) for score in table.scores])
        for name, table in MADE["RESULTS"].tables.items()
    }
    flat = headline(compare_layers(replace(MADE["RESULTS"], **found)), pictures=10, rejected=2)
    assert sum(not isinstance(value, str) for value in flat.values()) == 15 + 2  # an AMI has no interval


def test_without_labels_and_queries_the_headline_only_counts_pictures() -> None:
    flat = headline(compare_layers(NOTHING), pictures=3, rejected=0)
    assert flat == {"pictures_used": 3, "pictures_rejected": 0}
