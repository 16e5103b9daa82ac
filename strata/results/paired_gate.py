"""A drop of mAP that two runs' queries do not bear out: the gate's second opinion.

A mean over queries moves by chance as much as its groups vary; the queries of both runs, paired, say by how
much. Read for every mAP of retrieval.json (of all spaces, micro and macro) and for those that headline.json
repeats; the ends of a mAP's interval go with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from strata.measures.intervals import Interval, macro_interval, t_interval
from strata.results.gate import Failure
from strata.results.names import parse
from strata.results.paired_runs import FULL, RunTables, paired_values

COLUMNS = {"map": None, "map_macro": None, "map_step": "ap_step", "map_trapezoid": "ap_trapezoid"}
HEADLINE = re.compile(r"(?P<name>(?P<task>\w+)_map)(?:_low|_high)?")
SAME = 1e-3  # metrics have four decimals; a larger difference: they are no means of these rows


class Place(NamedTuple):
    """Where the queries behind a mAP stand in each of two runs, and by how much it ``change``d."""

    task: str
    layers: tuple[str, str]
    column: str | None
    space: str
    macro: bool
    change: float


def place_of(
    failure: Failure, old: Mapping[str, Any], new: Mapping[str, Any], tasks: Sequence[str]
) -> Place | None:
    """Where the queries behind a failed value stand; None where it is no mAP, or none of two numbers.

    ``old``, ``new``: the content of the file it stands in, at the base and now.
    """
    file = PurePosixPath(failure.file).stem
    if file == "headline" and not failure.layer:
        return _place_of_headline(failure.metric, old, new)
    name = parse(failure.metric, tasks, ())
    if file != "retrieval" or name.metric not in COLUMNS or name.bound not in (None, "low", "high"):
        return None
    own = (found.get(failure.layer, {}) for found in (old, new))
    change = _change(name._replace(bound=None).flat(), *own)
    if change is None or name.task is None:
        return None
    layers, macro = (failure.layer, failure.layer), name.metric == "map_macro"
    return Place(name.task, layers, COLUMNS[name.metric], name.space or FULL, macro, change)


def second_opinion(place: Place, first: RunTables, second: RunTables) -> Interval | None:
    """The interval of the paired difference where it leaves open whether there is any; None where the drop
    stands: the interval excludes 0, there is none, or the mAP did not change as the queries did.

    StrataError where the runs' queries are not the same.
    """
    if any(layer not in run.per_query for layer, run in zip(place.layers, (first, second), strict=True)):
        return None
    one, other, groups = paired_values(first, second, place.task, place.layers, place.column, place.space)
    interval = macro_interval if place.macro else t_interval
    found = interval(other - one, groups, -1.0, 1.0)
    if found.mean is None or found.low is None or found.high is None:
        return None
    return found if found.low <= 0 <= found.high and abs(found.mean - place.change) <= SAME else None


def _place_of_headline(metric: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Place | None:
    """``class_map`` is of the task ``class`` and of the layer ``class_map_layer``."""
    found = HEADLINE.fullmatch(metric)
    change = _change(found["name"], old, new) if found else None
    if found is None or change is None:
        return None
    before, after = (it.get(f"{found['name']}_layer") for it in (old, new))
    if before is None or after is None:
        return None
    return Place(found["task"], (str(before), str(after)), None, FULL, False, change)


def _change(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> float | None:
    """By how much a number changed; None where it is none in both."""
    before, after = old.get(name), new.get(name)
    if not (isinstance(before, float) and isinstance(after, float)):
        return None
    return after - before
