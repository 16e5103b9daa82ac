"""Two finished runs over the same queries: task by task and layer by layer, query against query.

Runs that were asked different things are refused (``unlike`` says in what): a difference of two means over
other queries, other positives or another kind of AP is no difference between the runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.errors import StrataError
from strata.base.files import read_json, read_table
from strata.collection.tables import Tables, read_tables
from strata.measures.paired import Paired, compare, holm
from strata.measures.scores import Scored, read_scores

FULL = "full"
LEVEL = 0.05
"""Rows with an adjusted p up to it are told apart."""
PROTOCOL = {"ap": "kind of AP", "junk": "junk", "self_match": "own picture"}
"""Policies of a task that decide what a ranking is worth; the others say how it was made."""
ASKED = {
    "pictures": ("images", ("image_id", "labels", "split", "status")),
    "queries": ("queries", ("query_id", "image_id", "x0", "y0", "x1", "y1", "group")),
    "relevance": ("relevance", ("query_id", "image_id", "grade", "x0", "y0", "x1", "y1")),
    "classes": ("classes", ("class_id", "facet")),
}
KEYS = ("query_id", "group", "n_positives")


@dataclass(frozen=True)
class RunTables:
    """What a run is compared by. ``per_query``: layer -> rows of ``per_query.parquet``; ``protocol``: that of
    the data set's own queries, as its file says it."""

    name: str
    per_query: Mapping[str, pa.Table]
    scored: Scored
    tables: Tables
    protocol: Any

    @property
    def tasks(self) -> list[str]:
        """The retrieval tasks, in order."""
        return list(dict.fromkeys(row.task for row in self.scored.policies if row.task))


class Row(NamedTuple):
    """One task and layer. ``found``: the second run less the first; ``p_holm``: adjusted over the table, None
    where no query differs, which is no test."""

    task: str
    layer: str
    first: float
    second: float
    found: Paired
    p_holm: float | None

    @property
    def told_apart(self) -> bool:
        """Is the difference more than chance would often show?"""
        return self.p_holm is not None and self.p_holm <= LEVEL


def read_run(name: str, data: Path, protocol: Any) -> RunTables:
    """The tables of a run's ``data`` folder (``rankings`` and ``tables`` of it)."""
    rankings = data / "rankings"
    layers = read_json(rankings / "layers.json")
    per_query = {layer: read_table(rankings / layer / "per_query.parquet") for layer in layers}
    return RunTables(name, per_query, read_scores(rankings), read_tables(data / "tables"), protocol)


def unlike(first: RunTables, second: RunTables) -> list[str]:
    """In what the two runs were asked different things, a text each; none: they can be compared."""
    found = []
    for what, (name, columns) in ASKED.items():
        one, other = (getattr(run.tables, name).select(columns) for run in (first, second))
        if not one.equals(other):
            found.append(f"{what} ({_how_unlike(one, other, columns[0])})")
    if first.protocol != second.protocol:
        found.append("protocol (the data set's file scores its own queries in another way)")
    for task in first.tasks:
        if task in second.tasks:
            found += _other_protocol(first, second, task)
    return found


def compare_runs(first: RunTables, second: RunTables) -> list[Row]:
    """The AP of the protocol, by task and layer that both have. StrataError where nothing is comparable."""
    reasons = unlike(first, second)
    if reasons:
        raise StrataError(
            f"{first.name} and {second.name} were asked different things, so no query of one is one of the "
            f"other's: {'; '.join(reasons)}"
        )
    layers = [layer for layer in first.per_query if layer in second.per_query]
    tasks = [task for task in first.tasks if task in second.tasks]
    if not layers or not tasks:
        has = (f"{run.name} has {', '.join([*run.tasks, *run.per_query])}" for run in (first, second))
        raise StrataError(f"no task and layer in common: {'; '.join(has)}")
    rows = [_compared(first, second, task, layer) for task in tasks for layer in layers]
    kept = [row for row in rows if not np.isnan(row.first)]
    # Where no query differs no p but 1 is possible, whatever chance does: it is no test (Tarone 1990).
    adjusted = holm([row.found.p if row.found.smallest_p < 1 else np.nan for row in kept]).tolist()
    return [row._replace(p_holm=None if np.isnan(p) else p) for row, p in zip(kept, adjusted, strict=True)]


def only_in_one(first: RunTables, second: RunTables) -> list[str]:
    """Layers and tasks that cannot be compared, a sentence each."""
    pairs = ((first, second), (second, first))
    return [
        f"{name}: only in {run.name}."
        for run, other in pairs
        for name in (*run.tasks, *run.per_query)
        if name not in (*other.tasks, *other.per_query)
    ]


def paired_values(
    first: RunTables,
    second: RunTables,
    task: str,
    layers: tuple[str, str],
    column: str | None = None,
    space: str = FULL,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], list[str]]:
    """(Q,) of the first run, (Q,) of the second, NaN for no positives, and the Q groups.

    ``layers``: one of each run; ``column`` of ``per_query.parquet``, None: the AP of the protocol.
    StrataError where the queries, their groups or their numbers of positives are not the same.
    """
    tables = []
    for run, layer in zip((first, second), layers, strict=True):
        table = run.per_query[layer]
        rows = table.filter(pc.and_(pc.equal(table["task"], task), pc.equal(table["space"], space)))
        tables.append(rows.sort_by("query_id"))
    for key in KEYS:
        if not tables[0][key].equals(tables[1][key]):
            raise StrataError(
                f"{first.name} and {second.name}: {task} queries differ at {layers[0]}: column {key}"
            )
    name = column or f"ap_{first.scored.policy('ap', layers[0], task)}"
    one, other = (np.asarray(table[name].to_numpy(zero_copy_only=False), np.float64) for table in tables)
    return one, other, tables[0]["group"].to_pylist()


def _compared(first: RunTables, second: RunTables, task: str, layer: str) -> Row:
    one, other, groups = paired_values(first, second, task, (layer, layer))
    known = ~np.isnan(one)
    mean, other_mean = (float(values[known].mean()) if known.any() else np.nan for values in (one, other))
    return Row(task, layer, mean, other_mean, compare(other, one, groups), None)


def _other_protocol(first: RunTables, second: RunTables, task: str) -> Iterator[str]:
    for policy, words in PROTOCOL.items():
        one, other = (_policies(run, task, policy) for run in (first, second))
        if one != other:
            said = (f"{', '.join(values)} in {run.name}" for values, run in ((one, first), (other, second)))
            yield f"{task}: {words} ({'; '.join(said)})"


def _policies(run: RunTables, task: str, policy: str) -> tuple[str, ...]:
    found = (row.value for row in run.scored.policies if (row.policy, row.task) == (policy, task))
    return tuple(dict.fromkeys(found))


def _how_unlike(first: pa.Table, second: pa.Table, key: str) -> str:
    before, after = set(first[key].to_pylist()), set(second[key].to_pylist())
    if before != after:
        return f"{len(before - after)} in the first alone, {len(after - before)} in the second alone"
    if first.num_rows != second.num_rows:
        return f"{first.num_rows} and {second.num_rows} rows"
    names = [name for name in first.schema.names if not first[name].equals(second[name])]
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names)}"
