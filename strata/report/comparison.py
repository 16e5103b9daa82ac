"""The charts and tables that compare the layers, in the order of the questions: find, group, name."""

from __future__ import annotations

from collections.abc import Container, Sequence

from strata.report.charts import Panel, layer_panel, scale_for
from strata.report.metric_tables import Table, every_number, metric_table, of_facet, of_task, without
from strata.report.wording import task_title
from strata.results.headline import Results
from strata.results.summary import (
    Measure,
    Metrics,
    find_measures,
    group_measures,
    name_measures,
    read,
    tasks,
)

Everything = tuple[str, list[str], list[tuple[str, list[str]]]]


def panels(results: Results) -> list[tuple[str, list[Panel]]]:
    """(question, its charts). Charts by facet share an axis; retrieval tasks differ too much for one."""
    facets = results.facets
    grouped = [measure for measure in group_measures(results.clusters, facets) if measure.title == "AMI"]
    questions = (
        ("Find: are the right pictures ranked first?", results.retrieval, find_measures(results.retrieval)),
        ("Group: do clusters agree with the classes?", results.clusters, grouped),
        (
            "Name: can a linear probe learn the classes?",
            results.probe,
            name_measures(results.probe, facets),
        ),
    )
    return [
        (question, _panels(metrics, measures, facets))
        for question, metrics, measures in questions
        if measures
    ]


def _panels(metrics: Metrics, measures: Sequence[Measure], facets: Sequence[str]) -> list[Panel]:
    readings = [read(metrics, measure) for measure in measures]
    shared = scale_for([reading for own in readings for reading in own])
    return [
        layer_panel(
            task_title(measure.subject, facets) if measure.question == "find" else measure.subject,
            measure.title,
            own,
            scale_for(own) if measure.question == "find" else shared,
            "largest class" if measure.question == "name" else "chance",
        )
        for measure, own in zip(measures, readings, strict=True)
    ]


def tables(results: Results, policies: Container[str]) -> list[Table]:
    """A table a retrieval task and one a facet for clusters and probe, then zero-shot by prompt set.

    ``policies``: names of parameters, which are no metrics.
    """
    facets, names = results.facets, tasks(results.retrieval)
    retrieval, clusters, probe, zeroshot = (
        without(metrics, policies)
        for metrics in (results.retrieval, results.clusters, results.probe, results.zeroshot)
    )
    found = [metric_table(task_title(task, facets), of_task(retrieval, task, names)) for task in names]
    for title, metrics in (("Clusters", clusters), ("Linear probe", probe)):
        found += [
            metric_table(f"{title}: {facet}" if facet else title, of_facet(metrics, facet, facets))
            for facet in facets or [""]
        ]
    found.append(metric_table("Zero-shot, by prompt set", zeroshot, key="prompt set", rank=False))
    return [table for table in found if table.columns]


def everything(results: Results) -> list[Everything]:
    """Every metric and policy of every layer, for those who want all of it."""
    files = (
        ("retrieval", results.retrieval),
        ("clusters", results.clusters),
        ("probe", results.probe),
        ("zeroshot", results.zeroshot),
    )
    return [
        (f"Everything in metrics/{name}.json", list(metrics), every_number(metrics))
        for name, metrics in files
    ]


def scoring_policies(results: Results, params: Container[str]) -> list[tuple[str, str]]:
    """Texts of the metrics that are no parameter; where layers differ, every value once."""
    found: dict[str, dict[str, None]] = {}
    for name, metrics in (
        ("retrieval", results.retrieval),
        ("clusters", results.clusters),
        ("probe", results.probe),
        ("zero-shot", results.zeroshot),
    ):
        for values in metrics.values():
            for metric, value in values.items():
                if isinstance(value, str) and metric not in params:
                    found.setdefault(f"{name}: {metric.replace('_', ' ')}", {})[value] = None
    return [(name, " / ".join(values)) for name, values in found.items()]
