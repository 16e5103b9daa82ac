"""From score tables to the small nested metrics that git keeps and ``dvc metrics diff`` compares.

A score table has one row a number: a key column (layer or prompt_set), metric, value (float64 or null), text
(string or null: a policy, or the reason why there is no number), is_count.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pyarrow as pa

from strata.collection.facets import suffixes

Number = float | int
Metrics = dict[str, dict[str, Number | str]]
"""{layer or prompt set: {metric: number or text}}: exactly two levels."""

V = TypeVar("V")
DECIMALS = 4
MAP = "_map"
NO_VALUE = "none"  # how a null parameter is written in the metrics: DVC would drop a null silently


@dataclass(frozen=True)
class Measure:
    """One number that every layer has, and where its interval and chance level stand."""

    question: Literal["find", "group", "name"]
    subject: str
    """The task (find) or the facet (group, name)."""
    title: str
    metric: str
    low: str | None = None
    high: str | None = None
    chance: str | None = None


@dataclass(frozen=True)
class Reading:
    """One measure at one layer; what the tables do not hold is None."""

    layer: str
    value: float
    low: float | None
    high: float | None
    chance: float | None


def nest(scores: pa.Table, key: str, order: Iterable[str] = ()) -> Metrics:
    """Score rows -> nested metrics, the keys in ``order`` first; counts are integers, other numbers are
    rounded to four decimals.

    A number that is missing (null or NaN) is left out: there is no value to compare.
    """
    columns = (scores[name].to_pylist() for name in (key, "metric", "value", "text", "is_count"))
    rows = list(zip(*columns, strict=True))
    present = dict.fromkeys(row[0] for row in rows)
    result: Metrics = {name: {} for name in [*(n for n in order if n in present), *present]}
    for name, metric, value, text, is_count in rows:
        if text is not None:
            result[name][metric] = text
        elif value is not None and math.isfinite(value):
            result[name][metric] = int(value) if is_count else round(value, DECIMALS)
    return result


def unscored(status: Mapping[str, Any]) -> Metrics:
    """What stands in the metrics for prompt sets that were left out, or instead of all of them, as text."""
    left_out: Mapping[str, str] = status.get("left_out", {})
    found: Metrics = {name: {"status": f"left out: {reason}"} for name, reason in left_out.items()}
    if status["status"] != "ok":
        found[NO_VALUE] = {"status": status["status"]}
    return found


def with_policies(metrics: Metrics, policies: Mapping[str, Number | str]) -> Metrics:
    """Each inner mapping plus the policies; what a score table says itself is kept."""
    return {key: {**policies, **values} for key, values in metrics.items()}


def flat_params(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters -> ``{"extract.view": "center_crop", ...}`` as people read them."""
    result: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result.update(flat_params(value, f"{prefix}{key}."))
        else:
            result[prefix + key] = str(worded(value))
    return result


def flat_policies(values: Mapping[str, Any]) -> dict[str, Number | str]:
    """Nested parameters -> ``{"extract_view": "center_crop", ...}``: metric names hold no dots."""
    result: dict[str, Number | str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result.update({f"{key}_{name}": inner for name, inner in flat_policies(value).items()})
        else:
            result[key] = worded(value)
    return result


def worded(value: Any) -> Number | str:
    """A parameter as a metric may hold it: numbers and texts stay, null, booleans and lists become words."""
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return value if isinstance(value, (int, float)) else str(value)


def find_measures(retrieval: Metrics) -> list[Measure]:
    """One measure a retrieval task; tasks are discovered from the metric names that end in ``_map``."""
    return [
        Measure(
            "find",
            task,
            "mAP",
            f"{task}{MAP}",
            f"{task}{MAP}_low",
            f"{task}{MAP}_high",
            f"{task}{MAP}_chance",
        )
        for task in tasks(retrieval)
    ]


def first_place_measures(retrieval: Metrics) -> list[Measure]:
    """Precision at 1 of every task that has it."""
    return [
        Measure("find", task, "P@1", f"{task}_p_at_1", chance=f"{task}_p_at_1_chance")
        for task in tasks(retrieval)
        if _has(retrieval, f"{task}_p_at_1")
    ]


def tasks(retrieval: Metrics) -> list[str]:
    """Names of the retrieval tasks, in the order of the score table."""
    names = dict.fromkeys(
        metric[: -len(MAP)]
        for values in retrieval.values()
        for metric, value in values.items()
        if metric.endswith(MAP) and not isinstance(value, str)
    )
    return list(names)


def group_measures(clusters: Metrics, facets: Sequence[str]) -> list[Measure]:
    """AMI, NMI and purity of every facet that has them (AMI is 0 for a random grouping)."""
    return [
        Measure("group", facet, title, metric + suffix, chance=chance and chance + suffix)
        for facet, suffix in suffixes(facets).items()
        for metric, title, chance in (
            ("ami", "AMI", None),
            ("nmi", "NMI", None),
            ("purity", "purity", "purity_chance"),
        )
        if _has(clusters, metric + suffix)
    ]


def name_measures(probe: Metrics, facets: Sequence[str]) -> list[Measure]:
    """Accuracy of the linear probe on every facet that has one; chance is the share of the largest class."""
    return [
        Measure(
            "name", facet, "accuracy", f"accuracy{s}", f"accuracy_low{s}", f"accuracy_high{s}", f"majority{s}"
        )
        for facet, s in suffixes(facets).items()
        if _has(probe, f"accuracy{s}")
    ]


def _has(metrics: Metrics, metric: str) -> bool:
    return any(isinstance(values.get(metric), (int, float)) for values in metrics.values())


def read(metrics: Metrics, measure: Measure) -> list[Reading]:
    """The measure at every layer that has it, in layer order."""
    return [
        Reading(
            layer,
            value,
            _number(values, measure.low),
            _number(values, measure.high),
            0.0 if measure.title == "AMI" else _number(values, measure.chance),
        )
        for layer, values in metrics.items()
        if (value := _number(values, measure.metric)) is not None
    ]


def _number(values: Mapping[str, Number | str], metric: str | None) -> float | None:
    value = values.get(metric) if metric else None
    return None if value is None or isinstance(value, str) else float(value)


def best(metrics: Metrics, measure: Measure) -> Reading | None:
    """The layer with the highest value; of equals the earlier one. None when no layer has the measure."""
    return max(read(metrics, measure), key=lambda reading: reading.value, default=None)


def metric_names(metrics: Metrics) -> list[str]:
    """Every metric that some key has, in the order they were scored."""
    return list(dict.fromkeys(metric for values in metrics.values() for metric in values))


def in_order(metrics: Metrics, keys: Iterable[str], names: Iterable[str]) -> Metrics:
    """The same metrics, ``keys`` and ``names`` first and in this order (a JSON file is sorted by name)."""
    names = list(names)
    return {key: _first(metrics[key], names) for key in _first(metrics, keys)}


def _first(values: Mapping[str, V], order: Iterable[str]) -> dict[str, V]:
    return {key: values[key] for key in dict.fromkeys([*(k for k in order if k in values), *values])}


def layer_rows(metrics: Metrics, measures: Iterable[Measure], layers: list[str]) -> list[dict[str, Any]]:
    """Long rows for charts: layer, order (forward, from 0), metric, value, low, high, chance."""
    order = {layer: position for position, layer in enumerate(layers)}
    return [
        {
            "layer": reading.layer,
            "order": order.get(reading.layer, len(order)),
            "metric": measure.metric,
            "value": reading.value,
            "low": reading.low,
            "high": reading.high,
            "chance": reading.chance,
        }
        for measure in measures
        for reading in read(metrics, measure)
    ]


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a heading; null is an empty cell."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
