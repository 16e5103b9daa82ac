"""Which layer finds, groups and names these pictures best: read from the score tables and compared, once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from strata.measures.scores import Score, Scored, read_scores
from strata.settings.params import CLASS_TASK

DECIMALS = 4


@dataclass(frozen=True)
class Results:
    """The score tables of one run and the facets its classes have (the first is the main one)."""

    retrieval: Scored
    clusters: Scored
    probe: Scored
    zeroshot: Scored
    facets: list[str]
    duplicates: Scored = field(default_factory=Scored)
    captions: Scored = field(default_factory=Scored)

    @property
    def tables(self) -> dict[str, Scored]:
        """All six, by the names of metrics/*.json."""
        return {name: found for name, found in vars(self).items() if isinstance(found, Scored)}


@dataclass(frozen=True)
class Measure:
    """One number, of every layer that has it: ``scores`` in the order of the layers, at least one."""

    question: Literal["find", "group", "name"]
    subject: str
    """The task (find) or the facet (group, name)."""
    title: str
    scores: list[Score]

    @property
    def metric(self) -> str:
        """Its name in the score table."""
        return self.scores[0].metric

    @property
    def best(self) -> Score:
        """The highest; of equals the earlier layer's."""
        return max(self.scores, key=lambda score: score.number)

    @property
    def rivals(self) -> list[str]:
        """The other layers whose interval reaches the best one's value."""
        best = self.best
        others = (score for score in self.scores if score.layer != best.layer)
        return [score.layer for score in others if score.high is not None and score.high >= best.number]

    def at(self, layer: str) -> Score | None:
        """The score of one layer."""
        return next((score for score in self.scores if score.layer == layer), None)


@dataclass(frozen=True)
class Comparison:
    """Everything the layers are compared by.

    ``found``: mAP, one a retrieval task; ``first_places``: P@1; ``grouped``: AMI, NMI and purity, facet by
    facet; ``named``: the probe's accuracy, facet by facet; ``words``: top-1 (or mAP) of the first prompt set
    that has it.
    """

    found: list[Measure]
    first_places: list[Measure]
    grouped: list[Measure]
    named: list[Measure]
    words: Score | None
    facets: list[str]

    @property
    def measures(self) -> list[Measure]:
        """All of them."""
        return [*self.found, *self.first_places, *self.grouped, *self.named]

    @property
    def tasks(self) -> list[str]:
        """The retrieval tasks that have a number."""
        return [measure.subject for measure in self.found]

    @property
    def finding(self) -> Measure | None:
        """By the first task of the data set's own queries where it has some, else class retrieval."""
        own = (measure for measure in self.found if measure.subject != CLASS_TASK)
        return next(own, next(iter(self.found), None))

    @property
    def grouping(self) -> Measure | None:
        """By the main facet."""
        return self.of_main_facet(self.grouped)

    @property
    def naming(self) -> Measure | None:
        """By the main facet."""
        return self.of_main_facet(self.named)

    @property
    def answers(self) -> list[Measure]:
        """One a retrieval task, the main one first, then grouping and naming, as far as there are any."""
        rest = [measure for measure in self.found if measure is not self.finding]
        return [m for m in (self.finding, *rest, self.grouping, self.naming) if m is not None]

    def of_main_facet(self, measures: Iterable[Measure], metric: str | None = None) -> Measure | None:
        """The first of the main facet, or its ``metric``."""
        own = (measure for measure in measures if measure.subject in self.facets[:1])
        return next((measure for measure in own if metric in (None, measure.metric)), None)


def read_results(data: Path, facets: Sequence[str]) -> Results:
    """The score tables in ``data``, rounded: numbers are shown and compared as metrics/*.json have them."""
    retrieval, clusters, probe, zeroshot, duplicates, captions = (
        rounded(read_scores(data / folder))
        for folder in (
            "rankings",
            "clusters",
            "probe",
            "zeroshot",
            "rankings/duplicates",
            "zeroshot/captions",
        )
    )
    return Results(retrieval, clusters, probe, zeroshot, list(facets), duplicates, captions)


def rounded(found: Scored) -> Scored:
    """Every number with ``DECIMALS`` decimals; counts stay whole, and what is not finite becomes None."""

    def short(value: Any) -> Any:
        if value is None or isinstance(value, int):
            return value
        return round(value, DECIMALS) if math.isfinite(value) else None

    columns = ("value", "low", "high", "chance")
    scores = [replace(row, **{name: short(getattr(row, name)) for name in columns}) for row in found.scores]
    return replace(found, scores=scores)


def compare_layers(results: Results) -> Comparison:
    """Gather every measure that has a number at some layer."""
    facets, retrieval = results.facets, results.retrieval
    tasks = list(dict.fromkeys(row.task for row in retrieval.scores if row.task))
    groupings = (("ami", "AMI"), ("nmi", "NMI"), ("purity", "purity"))
    words = (s for s in results.zeroshot.scores if s.metric in ("top1", "map") and s.value is not None)
    return Comparison(
        _some(Measure("find", task, "mAP", _rows(retrieval, "map", task=task)) for task in tasks),
        _some(Measure("find", task, "P@1", _rows(retrieval, "p_at_1", task=task)) for task in tasks),
        _some(
            Measure("group", facet, title, _rows(results.clusters, metric, facet=facet))
            for facet in facets
            for metric, title in groupings
        ),
        _some(Measure("name", f, "accuracy", _rows(results.probe, "accuracy", facet=f)) for f in facets),
        next(words, None),
        facets,
    )


def _some(measures: Iterable[Measure]) -> list[Measure]:
    return [measure for measure in measures if measure.scores]


def _rows(found: Scored, metric: str, task: str | None = None, facet: str | None = None) -> list[Score]:
    wanted = metric, task, facet, None
    return [
        row
        for row in found.scores
        if (row.metric, row.task, row.facet, row.space) == wanted and row.value is not None
    ]
