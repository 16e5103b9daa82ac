"""Score tables: what a stage measured, one row a number, and the policies behind the numbers.

``scores.parquet`` has the columns of ``Score`` and ``is_count``; ``policies.parquet`` those of ``Policy``. A
column that does not apply is null. What the numbers are called in metrics/*.json is not said here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from strata.base.files import read_table, required, write_table

SCORES, POLICIES = "scores.parquet", "policies.parquet"


@dataclass(frozen=True)
class Score:
    """One number of one layer (of one prompt set where pictures are named by text).

    ``value``: an int counts something; None: there is no number, ``note`` says why. ``low`` to ``high``: its
    95 % interval, taken over ``n`` independent groups; ``chance``: what guessing reaches; ``task``: the
    retrieval task; ``space``: where pictures were ranked, None: by the descriptors themselves.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    n: int | None = None
    note: str | None = None
    layer: str = ""
    task: str | None = None
    facet: str | None = None
    space: str | None = None

    @property
    def number(self) -> float:
        """The value of a row that has one."""
        if self.value is None:
            raise ValueError(f"{self.metric} has no value")
        return self.value


@dataclass(frozen=True)
class Policy:
    """What changes the numbers of a layer, or of one task or facet of it, in words."""

    policy: str
    value: str
    layer: str = ""
    task: str | None = None
    facet: str | None = None


@dataclass(frozen=True)
class Scored:
    """Numbers and the policies behind them, in the order in which they were found.

    >>> found = Scored([Score("ami", 0.5)]).at(layer="late", facet="mood")
    >>> found.scores[0].facet, found.layers
    ('mood', ['late'])
    """

    scores: list[Score] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)

    def at(self, **where: Any) -> Scored:
        """The same with columns such as ``layer`` or ``facet`` filled in."""
        return Scored(
            [replace(score, **where) for score in self.scores],
            [replace(policy, **where) for policy in self.policies],
        )

    def __add__(self, other: Scored) -> Scored:
        return Scored([*self.scores, *other.scores], [*self.policies, *other.policies])

    @property
    def layers(self) -> list[str]:
        """The layers (or prompt sets) in order, those without a number last."""
        rows: Iterable[Score | Policy] = (*self.scores, *self.policies)
        return list(dict.fromkeys(row.layer for row in rows))

    def policy(self, name: str, layer: str, task: str | None = None) -> str:
        """The policy of a layer, or of one of its tasks. KeyError where it has none."""
        for found in self.policies:
            if (found.policy, found.layer, found.task) == (name, layer, task):
                return found.value
        raise KeyError(f"{layer} {task or ''}: no policy {name}")


def write_scores(folder: Path, found: Scored) -> None:
    """Write both tables into ``folder``."""
    import pyarrow as pa

    layer, text, number = required(layer=pa.string())[0], pa.string(), pa.float64()
    place = [layer, ("task", text), ("facet", text)]
    numbers = [(name, number) for name in ("value", "low", "high", "chance")]
    counts = [("n", pa.int64()), ("note", text), *required(is_count=pa.bool_())]
    scores = pa.schema([*place, ("space", text), *required(metric=text), *numbers, *counts])
    policies = pa.schema([*place, *required(policy=text, value=text)])
    rows = [{**asdict(score), "is_count": isinstance(score.value, int)} for score in found.scores]
    write_table(folder / SCORES, pa.Table.from_pylist(rows, schema=scores))
    rows = [asdict(policy) for policy in found.policies]
    write_table(folder / POLICIES, pa.Table.from_pylist(rows, schema=policies))


def read_scores(folder: Path) -> Scored:
    """What ``write_scores`` wrote into ``folder``."""
    return Scored(
        [_score(**row) for row in read_table(folder / SCORES).to_pylist()],
        [Policy(**row) for row in read_table(folder / POLICIES).to_pylist()],
    )


def _score(*, is_count: bool, value: float | None, **columns: Any) -> Score:
    return Score(value=int(value) if is_count and value is not None else value, **columns)


def value_of(scores: Iterable[Score], metric: str) -> float | None:
    """The value of the first row of ``metric``; None without one."""
    return next((row.value for row in scores if row.metric == metric), None)
