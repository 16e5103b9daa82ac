"""Which layer is said to be best."""

from __future__ import annotations

from strata.results.headline import Results, answers, headline, main_prompt_set, main_task

RESULTS = Results(
    retrieval={
        "stem": {"class_map": 0.3, "detail_map": 0.5, "detail_map_low": 0.4, "detail_map_high": 0.6},
        "embedding": {"class_map": 0.9, "detail_map": 0.45, "detail_map_low": 0.35, "detail_map_high": 0.55},
    },
    clusters={"stem": {"ami": 0.1, "nmi": 0.4}, "embedding": {"ami": 0.5, "nmi": 0.6}},
    probe={"stem": {"accuracy": 0.4, "majority": 0.2}, "embedding": {"accuracy": 0.3, "majority": 0.2}},
    zeroshot={"none": {"status": "left out"}, "motif": {"top1": 0.8, "chance": 0.1}},
    facets=["motif", "mood"],
)
NOTHING = Results({"stem": {}}, {"stem": {"k": 4}}, {"stem": {"probe_status": "no labels"}}, {}, [])


def test_queries_of_the_collection_come_before_class_retrieval() -> None:
    task = main_task(RESULTS)
    assert task is not None
    assert task.subject == "detail"
    assert [answer.measure.metric for answer in answers(RESULTS)] == [
        "detail_map",
        "class_map",
        "ami",
        "accuracy",
    ]


def test_a_layer_whose_interval_reaches_the_best_value_is_named() -> None:
    detail, by_class = answers(RESULTS)[:2]
    assert (detail.best.layer, detail.rivals) == ("stem", ["embedding"])
    assert (by_class.best.layer, by_class.rivals) == ("embedding", [])


def test_the_headline_is_flat_and_names_layers_numbers_and_policies() -> None:
    flat = headline(RESULTS, policies={"pooling": "max"}, pictures=10, rejected=2)
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
    flat = headline(NOTHING, policies={}, pictures=3, rejected=0)
    assert flat == {"pictures": 3, "pictures_used": 3, "pictures_rejected": 0}
    assert answers(NOTHING) == []


def test_a_prompt_set_without_a_number_is_not_the_main_one() -> None:
    assert main_prompt_set(RESULTS.zeroshot) == "motif"
    assert main_prompt_set({"none": {"status": "not run"}}) is None
