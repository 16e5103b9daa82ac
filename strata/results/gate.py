"""Are these metrics as good as those? Comparison of two sets of metric files, value by value.

A set is ``{file: {layer or prompt set: {metric: value}}}``; a value is a number, null or a policy (a string
or a boolean). Metrics that stand beside the layers (one level) belong to the layer ``""``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from strata.base.errors import StrataError
from strata.settings.params import Strict

Value: TypeAlias = float | int | str | bool | None
Key: TypeAlias = tuple[str, str, str]
Direction = Literal["higher", "lower", "either", "free"]
EQUAL, A_NUMBER = "must be equal", "must be a number"
ROUNDING = 1e-9  # metrics have four decimals: 0.5 - 0.48 must not exceed 0.02


class Rule(Strict):
    """How far the metrics named ``metric`` (a shell pattern) may move.

    ``higher`` (is better): may drop by ``tolerance``; ``lower``: may rise by it; ``either``: may move by it
    both ways; ``free``: may be anything but missing or NaN (also for strings that are results, not policies).
    """

    metric: str
    direction: Direction
    tolerance: Annotated[float, Field(ge=0)] = 0.0


class Accepted(Strict):
    """A deliberate change against one base revision: it expires by itself when the base moves on."""

    base: Annotated[str, Field(pattern=r"^[0-9a-f]{7,40}$")]
    values: str
    """A shell pattern for ``FILE LAYER METRIC``, such as ``metrics/zeroshot.json *``."""
    reason: str


class GateConf(Strict):
    """``conf/gate.yaml``: the first rule that fits a metric's name counts.

    ``paired``: a mAP that dropped too far fails only if the interval of the drop, over the same queries,
    excludes 0 (see ``paired_gate``).
    """

    rules: list[Rule]
    paired: bool = False
    accepted: tuple[Accepted, ...] = ()


@dataclass(frozen=True)
class Failure:
    """One value that got worse. ``metric`` and ``layer`` are ``""`` for a missing layer or file."""

    file: str
    layer: str
    metric: str
    old: str
    new: str
    allowed: str

    @property
    def name(self) -> str:
        """FILE LAYER METRIC, without the parts that are empty."""
        return " ".join(part for part in (self.file, self.layer, self.metric) if part)


@dataclass(frozen=True)
class Comparison:
    """``compared`` values in both sets; ``added`` names what only the new set has."""

    compared: int
    failures: tuple[Failure, ...]
    added: tuple[str, ...]


def compare(old: Mapping[str, Any], new: Mapping[str, Any], rules: Sequence[Rule]) -> Comparison:
    """Every value of ``old`` must be in ``new``, be no NaN and obey its rule; policies must be equal.

    Changed policies come first: they explain the numbers that follow.
    """
    before, after = dict(_values(old)), dict(_values(new))
    gone = list(_missing(old, new))
    covered = {(failure.file, failure.layer) for failure in gone}
    failures = list(gone)
    for key, value in before.items():
        file, layer, _ = key
        if (file, "") not in covered and (file, layer) not in covered:
            failures += _judge(key, value, after, rules)
    failures += [
        _failure(key, "-", value, A_NUMBER)
        for key, value in after.items()
        if key not in before and _nan(value)
    ]
    failures.sort(key=lambda failure: failure.allowed != EQUAL)
    added = tuple(_name(key) for key in after if key not in before)
    return Comparison(sum(key in after for key in before), tuple(failures), added)


def data_sets(metrics: Mapping[str, Any]) -> set[str]:
    """The data sets that the values of ``metrics`` say they are of.

    >>> data_sets({"metrics/probe.json": {"late": {"dataset": "demo", "accuracy": 0.9}}})
    {'demo'}
    """
    return {str(value) for (_, _, metric), value in _values(metrics) if metric == "dataset"}


def is_accepted(failure: Failure, accepted: Sequence[Accepted], base: str) -> bool:
    """Was this change declared deliberate for the base with commit id ``base`` (40 hexadecimal digits)?"""
    return any(base.startswith(entry.base) and fnmatchcase(failure.name, entry.values) for entry in accepted)


def _values(metrics: Mapping[str, Any]) -> Iterator[tuple[Key, Value]]:
    for file, layers in metrics.items():
        if not isinstance(layers, Mapping):
            raise StrataError(f"{file}: expected {{layer: {{metric: value}}}}, found {type(layers).__name__}")
        for layer, entry in layers.items():
            inner = entry if isinstance(entry, Mapping) else {layer: entry}
            for metric, value in inner.items():
                if isinstance(value, (dict, list)):
                    raise StrataError(f"{file}: {layer}.{metric} is neither a number nor text")
                yield (file, layer if inner is entry else "", metric), value


def _missing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Failure]:
    """Whole files and whole layers that are gone: one failure each."""
    for file, layers in old.items():
        if file not in new:
            yield Failure(file, "", "", "present", "missing", "file must exist")
            continue
        for layer, entry in layers.items():
            if isinstance(entry, Mapping) and not isinstance(new[file].get(layer), Mapping):
                yield Failure(file, layer, "", "present", "missing", "layer must exist")


def _judge(key: Key, old: Value, after: Mapping[Key, Value], rules: Sequence[Rule]) -> list[Failure]:
    if key not in after:
        return [_failure(key, old, "missing", "must exist")]
    new, rule = after[key], _rule(key, rules)
    if _nan(new):
        return [_failure(key, old, new, A_NUMBER)]
    if old is None or _nan(old):
        return []
    if new is None:
        return [_failure(key, old, new, A_NUMBER if _number(old) else EQUAL)]
    if rule.direction == "free" and _number(old) == _number(new):
        return []
    if _number(old) and _number(new):
        return _judge_numbers(key, float(old), float(new), rule)
    return [] if old == new and type(old) is type(new) else [_failure(key, old, new, EQUAL)]


def _judge_numbers(key: Key, old: float, new: float, rule: Rule) -> list[Failure]:
    worse = {"higher": old - new, "lower": new - old, "either": abs(new - old)}[rule.direction]
    if worse <= rule.tolerance + ROUNDING:
        return []
    verb = {"higher": "may drop by", "lower": "may rise by", "either": "may move by"}[rule.direction]
    return [_failure(key, old, new, f"{verb} {rule.tolerance:g}")]


def _rule(key: Key, rules: Sequence[Rule]) -> Rule:
    for rule in rules:
        if fnmatchcase(key[2], rule.metric):
            return rule
    raise StrataError(f"conf/gate.yaml: no rule fits {_name(key)}; end the rules with one for '*'")


def _number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _nan(value: Value) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _failure(key: Key, old: Value, new: Value, allowed: str) -> Failure:
    return Failure(*key, old=_text(old), new=_text(new), allowed=allowed)


def _text(value: Value) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _name(key: Key) -> str:
    return " ".join(part for part in key if part)
