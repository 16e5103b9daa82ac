"""The handful of numbers that answer the question: which layer finds, groups and names these pictures best.

``headline`` is what ``dvc exp show`` puts in its columns; ``answers`` is what the report says in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strata.results.summary import (
    Measure,
    Metrics,
    Number,
    Reading,
    best,
    find_measures,
    first_place_measures,
    group_measures,
    name_measures,
    read,
)

EMBEDDING = "embedding"
CLASS_TASK = "class"  # derived from labels; every other task has queries of its own


@dataclass(frozen=True)
class Results:
    """The nested metrics of one run and the facets its classes have (the first is the main one)."""

    retrieval: Metrics
    clusters: Metrics
    probe: Metrics
    zeroshot: Metrics
    facets: list[str]


@dataclass(frozen=True)
class Answer:
    """The best layer for one question. ``rivals``: layers whose interval reaches the best one's value."""

    measure: Measure
    best: Reading
    rivals: list[str]


def measured(results: Results) -> list[tuple[Metrics, list[Measure]]]:
    """Every measure that the layers are compared by, with the metrics it is read from."""
    retrieval = [*find_measures(results.retrieval), *first_place_measures(results.retrieval)]
    return [
        (results.retrieval, retrieval),
        (results.clusters, group_measures(results.clusters, results.facets)),
        (results.probe, name_measures(results.probe, results.facets)),
    ]


def main_task(results: Results) -> Measure | None:
    """The first task of the data set's own queries where it has some, else class retrieval."""
    found = find_measures(results.retrieval)
    return next((measure for measure in found if measure.subject != CLASS_TASK), next(iter(found), None))


def answers(results: Results) -> list[Answer]:
    """One answer a retrieval task, then grouping and naming by the main facet, as far as there are any."""
    first = main_task(results)
    found = sorted(find_measures(results.retrieval), key=lambda measure: measure != first)
    grouped = group_measures(results.clusters, results.facets[:1])[:1]
    named = name_measures(results.probe, results.facets[:1])[:1]
    return [
        answer
        for metrics, measures in (
            (results.retrieval, found),
            (results.clusters, grouped),
            (results.probe, named),
        )
        for measure in measures
        if (answer := _answer(metrics, measure)) is not None
    ]


def _answer(metrics: Metrics, measure: Measure) -> Answer | None:
    top = best(metrics, measure)
    if top is None:
        return None
    rivals = [
        reading.layer
        for reading in read(metrics, measure)
        if reading.layer != top.layer and reading.high is not None and reading.high >= top.value
    ]
    return Answer(measure, top, rivals)


def headline(
    results: Results, *, policies: Mapping[str, Number | str], pictures: int, rejected: int
) -> dict[str, Number | str]:
    """One flat mapping; what a run has no number for is left out."""
    flat: dict[str, Number | str] = {
        **policies,
        "pictures": pictures,
        "pictures_used": pictures - rejected,
        "pictures_rejected": rejected,
    }
    task = main_task(results)
    if task is not None and (top := best(results.retrieval, task)) is not None:
        flat |= {"best_task": task.subject, "best_layer": top.layer, "best_map": top.value}
        flat |= _present({"best_map_low": top.low, "best_map_high": top.high, "best_map_chance": top.chance})
        flat |= _copied(results.retrieval, EMBEDDING, {"embedding_map": task.metric})
    # boxes matched by region do not see the pooling, class retrieval does
    for measure in (found for found in find_measures(results.retrieval) if found.subject == CLASS_TASK):
        if measure != task and (top := best(results.retrieval, measure)) is not None:
            flat |= {"best_class_layer": top.layer, "best_class_map": top.value}
    for measure in group_measures(results.clusters, results.facets[:1])[:1]:
        if (top := best(results.clusters, measure)) is not None:
            flat |= {"best_cluster_layer": top.layer, "best_ami": top.value}
            flat |= _copied(results.clusters, top.layer, {"best_nmi": "nmi"})
            flat |= _copied(results.clusters, EMBEDDING, {"embedding_ami": "ami", "embedding_nmi": "nmi"})
    for measure in name_measures(results.probe, results.facets[:1])[:1]:
        if (top := best(results.probe, measure)) is not None:
            flat |= {"best_probe_layer": top.layer, "best_probe_accuracy": top.value}
            flat |= _present({"best_probe_majority": top.chance})
    main_set = main_prompt_set(results.zeroshot)
    if main_set is not None:
        flat["zeroshot_set"] = main_set
        wanted = {"zeroshot_top1": "top1", "zeroshot_map": "map", "zeroshot_chance": "chance"}
        flat |= _copied(results.zeroshot, main_set, wanted)
    return flat


def main_prompt_set(zeroshot: Metrics) -> str | None:
    """The first prompt set that has a number."""
    for name, values in zeroshot.items():
        if any(isinstance(values.get(metric), (int, float)) for metric in ("top1", "map")):
            return name
    return None


def _present(values: Mapping[str, float | None]) -> dict[str, Number | str]:
    return {name: value for name, value in values.items() if value is not None}


def _copied(metrics: Metrics, key: str, names: Mapping[str, str]) -> dict[str, Number | str]:
    values: Mapping[str, Number | str] = metrics.get(key, {})
    return {new: values[old] for new, old in names.items() if old in values}
