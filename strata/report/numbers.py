"""The charts and tables that compare the layers, in the order of the questions: find, group, name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strata.report.charts import Panel, layer_panel, scale_for
from strata.report.metric_tables import Table, metric_table, printed
from strata.report.wording import task_title
from strata.results.comparison import Comparison, Measure, Results
from strata.results.flat import Metrics, flatten

Everything = tuple[str, list[str], list[tuple[str, list[str]]]]


def panels(compared: Comparison) -> list[tuple[str, list[Panel]]]:
    """(question, its charts). Charts by facet share an axis; retrieval tasks differ too much for one."""
    questions = (
        ("Find: are the right pictures ranked first?", compared.found),
        ("Group: do clusters agree with the classes?", [m for m in compared.grouped if m.metric == "ami"]),
        ("Name: can a linear probe learn the classes?", compared.named),
    )
    return [(question, _panels(measures, compared.facets)) for question, measures in questions if measures]


def _panels(measures: Sequence[Measure], facets: Sequence[str]) -> list[Panel]:
    shared = scale_for([score for measure in measures for score in measure.scores])
    return [
        layer_panel(
            task_title(measure.subject, facets) if measure.question == "find" else measure.subject,
            measure.title,
            measure.scores,
            scale_for(measure.scores) if measure.question == "find" else shared,
            "largest class" if measure.question == "name" else "chance",
        )
        for measure in measures
    ]


def tables(results: Results, tasks: Sequence[str]) -> list[Table]:
    """A table a retrieval task and one a facet for clusters and probe, then zero-shot by prompt set."""
    found = [
        metric_table(
            task_title(task, results.facets),
            [score for score in results.retrieval.scores if score.task == task],
            results.retrieval.layers,
        )
        for task in tasks
    ]
    for title, scored in (("Clusters", results.clusters), ("Linear probe", results.probe)):
        for position, facet in enumerate(results.facets or [""]):
            own = (facet,) if position else (facet, None)  # what needs no labels stands in the first
            scores = [score for score in scored.scores if score.facet in own]
            found.append(metric_table(f"{title}: {facet}" if facet else title, scores, scored.layers))
    words = results.zeroshot
    by_set = "Zero-shot, by prompt set"
    found.append(metric_table(by_set, words.scores, words.layers, key="prompt set", rank=False))
    captions = results.captions
    found.append(metric_table("Captions", captions.scores, captions.layers, key="searched", rank=False))
    return [table for table in found if table.columns]


def flat_results(results: Results) -> dict[str, Metrics]:
    """Every number and policy of every layer by its name in metrics/*.json."""
    return {name: flatten(found, results.facets) for name, found in results.tables.items()}


def everything(flat: Mapping[str, Metrics]) -> list[Everything]:
    """All of it, for those who want all of it: (title, layers, (name, one string a layer))."""
    return [
        (
            f"Everything measured: {title}",
            list(metrics),
            [
                (name, [printed(values.get(name)) for values in metrics.values()])
                for name in dict.fromkeys(name for values in metrics.values() for name in values)
            ],
        )
        for title, metrics in flat.items()
    ]


def scoring_policies(flat: Mapping[str, Metrics]) -> list[tuple[str, str]]:
    """The texts among the metrics; where layers differ, every value once."""
    found: dict[str, dict[str, None]] = {}
    for title, metrics in flat.items():
        for values in metrics.values():
            for name, value in values.items():
                if isinstance(value, str):
                    found.setdefault(f"{title}: {name.replace('_', ' ')}", {})[value] = None
    return [(name, " / ".join(values)) for name, values in found.items()]
