"""All finished runs side by side: one table a question and data set, a row a run, a column a layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strata.results.parameters import flat_params
from strata.results.printed_tables import Cell, Printed

NUMBERS = ("dataset", "question", "run", "commit", "parameters", "layer", "value", "low", "high", "chance")
COUNTED = "_n_queries"  # every retrieval task counts its queries
BOUNDS = ("low", "high", "chance")


@dataclass(frozen=True)
class FinishedRun:
    """``metrics``: file name without ending -> layer -> name -> value; ``params``: those of params.yaml."""

    name: str
    commit: str
    params: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, Mapping[str, Any]]]
    experiment: bool

    @property
    def dataset(self) -> str:
        """What the numbers are about: only runs of one data set are compared."""
        return str(self.params.get("dataset", ""))


@dataclass(frozen=True)
class Value:
    """A number of one run and layer; ``best``: the highest of its table's column, where runs differ."""

    value: float
    low: float | None
    high: float | None
    chance: float | None
    best: bool = False


@dataclass(frozen=True)
class Entry:
    """A run's row: ``params`` and ``values`` by the table's columns, None where the run has no such layer."""

    name: str
    commit: str
    params: list[str]
    values: list[Value | None]
    experiment: bool


@dataclass(frozen=True)
class Overview:
    """``params``: names of the parameters that differ between the runs of the data set."""

    dataset: str
    question: str
    params: list[str]
    layers: list[str]
    entries: list[Entry]


def overviews(runs: Sequence[FinishedRun]) -> list[Overview]:
    """A table a data set and question: mAP of every task, AMI and the probe's accuracy of the main facet."""
    found = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        own = [run for run in runs if run.dataset == dataset]
        names = _differing(own)
        for question, file, metric in dict.fromkeys(q for run in own for q in _questions(run)):
            table = _overview(dataset, question, own, names, file, metric)
            if table.layers:
                found.append(table)
    return found


def printed(table: Overview) -> Printed:
    """One overview as text, Markdown or LaTeX prints it."""
    rows = [
        [
            *map(Cell, (entry.name, *entry.params)),
            *(Cell("–") if it is None else Cell(f"{it.value:.3f}", it.best) for it in entry.values),
        ]
        for entry in table.entries
    ]
    columns = ["run", *table.params, *table.layers]
    return Printed(columns, rows, 1 + len(table.params), [f"{table.dataset}: {table.question}"])


def number_rows(tables: Sequence[Overview]) -> Iterator[dict[str, Any]]:
    """Every number with its interval and chance, by ``NUMBERS``."""
    for table in tables:
        for entry in table.entries:
            told = ", ".join(f"{key}={text}" for key, text in zip(table.params, entry.params, strict=True))
            row = (table.dataset, table.question, entry.name, entry.commit, told)
            for layer, it in zip(table.layers, entry.values, strict=True):
                if it is not None:
                    numbers = (it.value, it.low, it.high, it.chance)
                    yield dict(zip(NUMBERS, (*row, layer, *numbers), strict=True))


def _questions(run: FinishedRun) -> Iterator[tuple[str, str, str]]:
    """(question, file, metric)."""
    counted = {name for own in run.metrics.get("retrieval", {}).values() for name in own}
    for name in sorted(counted):
        if name.endswith(COUNTED):
            task = name.removesuffix(COUNTED)
            yield f"mAP of {task} queries", "retrieval", f"{task}_map"
    yield "AMI of the clusters", "clusters", "ami"
    yield "accuracy of the linear probe", "probe", "accuracy"


def _differing(runs: Sequence[FinishedRun]) -> list[str]:
    flat = [flat_params(run.params) for run in runs]
    names = dict.fromkeys(name for values in flat for name in values)
    return [name for name in names if name != "layers" and len({values.get(name) for values in flat}) > 1]


def _overview(
    dataset: str, question: str, runs: Sequence[FinishedRun], names: list[str], file: str, metric: str
) -> Overview:
    measured = [(run, run.metrics.get(file, {})) for run in runs]
    order = dict.fromkeys(str(layer) for run in runs for layer in run.params.get("layers", ()))
    layers = [layer for layer in order if any(metric in found.get(layer, {}) for _, found in measured)]
    best = {layer: _best(found.get(layer, {}).get(metric) for _, found in measured) for layer in layers}
    entries = []
    for run, found in measured:
        values: list[Value | None] = []
        for layer in layers:
            own = found.get(layer, {})
            low, high, chance = (own.get(f"{metric}_{bound}") for bound in BOUNDS)
            known = metric in own
            values.append(
                Value(own[metric], low, high, chance, own[metric] == best[layer]) if known else None
            )
        if any(values):
            told = flat_params(run.params)
            texts = [str(told.get(name, "–")) for name in names]
            entries.append(Entry(run.name, run.commit, texts, values, run.experiment))
    return Overview(dataset, question, names, layers, entries)


def _best(values: Iterable[float | None]) -> float | None:
    """The highest; None where all are the same."""
    known = {value for value in values if value is not None}
    return max(known) if len(known) > 1 else None
