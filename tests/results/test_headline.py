"""The headline: a handful of numbers in one flat mapping."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from strata.measures.scores import Score, Scored
from strata.results.comparison import Results, compare_layers
from strata.results.headline import headline

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))
NOTHING = Results(Scored(), Scored([Score("k", 4, layer="stem")]), Scored(), Scored(), [])


def test_the_headline_is_flat_and_names_layers_numbers_and_policies() -> None:
    flat = headline(compare_layers(MADE["RESULTS"]), policies={"pooling": "max"}, pictures=10, rejected=2)
    assert flat == {
        "pooling": "max",
        "pictures": 10,
        "pictures_used": 8,
        "pictures_rejected": 2,
        "best_task": "detail",
        "best_layer": "stem",
        "best_map": 0.5,
        "best_map_low": 0.4,
        "best_map_high": 0.6,
        "embedding_map": 0.45,
        "best_class_layer": "embedding",
        "best_class_map": 0.9,
        "best_cluster_layer": "embedding",
        "best_ami": 0.5,
        "best_nmi": 0.6,
        "embedding_ami": 0.5,
        "embedding_nmi": 0.6,
        "best_probe_layer": "stem",
        "best_probe_accuracy": 0.4,
        "best_probe_majority": 0.2,
        "zeroshot_set": "motif",
        "zeroshot_top1": 0.8,
        "zeroshot_chance": 0.1,
    }


def test_without_labels_and_queries_the_headline_only_counts_pictures() -> None:
    flat = headline(compare_layers(NOTHING), policies={}, pictures=3, rejected=0)
    assert flat == {"pictures": 3, "pictures_used": 3, "pictures_rejected": 0}
