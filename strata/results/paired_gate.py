"""A drop of mAP that two runs' queries do not bear out: the gate's second opinion.

A mean over queries moves by chance as much as its groups vary; the queries of both runs, paired, say by how
much. Read for every mAP of retrieval.json (of all spaces) and for those that headline.json repeats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from strata.measures.intervals import Interval
from strata.measures.paired import compare
from strata.results.gate import Failure
from strata.results.names import parse
from strata.results.paired_runs import FULL, RunTables, paired_values
from strata.settings.params import EMBEDDING

COLUMNS = {"map": None, "map_step": "ap_step", "map_trapezoid": "ap_trapezoid"}
SAME = 1e-3  # metrics have four decimals; a larger difference: they are no means of these rows


class Place(NamedTuple):
    """Where the queries behind a mAP stand in each of two runs."""

    task: str
    layers: tuple[str, str]
    column: str | None
    space: str


def place_of(
    failure: Failure, old: Mapping[str, Any], new: Mapping[str, Any], tasks: Sequence[str]
) -> Place | None:
    """Where the queries behind a failed value stand; None where it is no mAP, or none of two numbers.

    ``old``, ``new``: the content of the file it stands in, at the base and now.
    """
    file = PurePosixPath(failure.file).stem
    if file == "headline" and not failure.layer:
        return _place_of_headline(failure.metric, old, new)
    before, after = (found.get(failure.layer, {}).get(failure.metric) for found in (old, new))
    name = parse(failure.metric, tasks, ())
    known = name.metric in COLUMNS and name.task is not None and name.bound is None
    if file != "retrieval" or not known or not _numbers(before, after):
        return None
    layers = failure.layer, failure.layer
    return Place(str(name.task), layers, COLUMNS[name.metric], name.space or FULL)


def second_opinion(place: Place, first: RunTables, second: RunTables, change: float) -> Interval | None:
    """The interval of the paired difference where it leaves open whether there is any; None where the drop
    stands: the interval excludes 0, there is none, or ``change`` is not what the queries changed by.

    StrataError where the runs' queries are not the same.
    """
    run_layers = zip(place.layers, (first, second), strict=True)
    if any(layer not in run.per_query for layer, run in run_layers):
        return None
    one, other, groups = paired_values(first, second, *place)
    found = compare(other, one, groups).difference
    if found.mean is None or found.low is None or found.high is None or abs(found.mean - change) > SAME:
        return None
    return found if found.low <= 0 <= found.high else None


def _place_of_headline(metric: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Place | None:
    """``best_map`` is of ``best_task`` and ``best_layer``, ``best_class_map`` of ``best_class_layer``."""
    best = re.fullmatch(r"best_(?:(\w+)_)?map", metric)
    if not (best or metric == f"{EMBEDDING}_map") or not _numbers(old.get(metric), new.get(metric)):
        return None
    own = best[1] if best else None
    tasks = [own or found.get("best_task") for found in (old, new)]
    key = f"best_{own}_layer" if own else "best_layer"
    before, after = (found.get(key) if best else EMBEDDING for found in (old, new))
    if tasks[0] != tasks[1] or tasks[0] is None or before is None or after is None:
        return None
    return Place(tasks[0], (before, after), None, FULL)


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, float) and value == value for value in values)
