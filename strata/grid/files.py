"""The tables of ``data/grid``: ``cells.parquet``, ``chosen.parquet``, ``per_query.parquet``.

``cells``: a row a cell, task and measure: value, 95 % interval over ``n`` groups, chance, ``p_best``,
``p_apart``. ``chosen``: a row a task and measure: the best cell, its value as it is (naive) and cross-fitted.
``per_query``: the values of every query, for other comparisons. A pooling is null where it plays no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from strata.base.files import write_table
from strata.grid.answering import Answer
from strata.grid.choosing import ONE_NUMBER, Chosen, Valued

CELL = [pa.field("layer", pa.string()), pa.field("pooling", pa.string())]
CELL += [pa.field("treatment", pa.string()), pa.field("match", pa.string())]
QUESTION = [pa.field("task", pa.string()), pa.field("measure", pa.string())]
CELLS = pa.schema(
    [
        *CELL,
        *QUESTION,
        *(pa.field(name, pa.float64()) for name in ("value", "low", "high", "chance")),
        pa.field("n", pa.int64()),
        pa.field("note", pa.string()),
        *(pa.field(name, pa.float64()) for name in ("p_best", "p_apart")),
    ]
)
CHOSEN = pa.schema(
    [
        *QUESTION,
        *CELL,
        *(pa.field(name, pa.float64()) for name in ("naive", "naive_low", "naive_high", "chance")),
        *(pa.field(name, pa.float64()) for name in ("cross_fitted", "cross_fitted_low", "cross_fitted_high")),
        *(pa.field(name, pa.float64()) for name in ("p_best", "smallest_p")),
        *(pa.field(name, pa.int64()) for name in ("n_cells", "n_not_told_apart", "n_groups", "n_queries")),
        pa.field("not_told_apart", pa.list_(pa.string())),
        pa.field("note", pa.string()),
    ]
)
PER_QUERY = pa.schema(
    [
        *CELL,
        *QUESTION,
        pa.field("query_id", pa.string()),
        pa.field("group", pa.string()),
        pa.field("value", pa.float64()),
    ]
)


def write_grid(
    folder: Path,
    values: Sequence[Valued],
    chosen: Sequence[Chosen],
    queries: Mapping[str, Sequence[tuple[str, str]]],
) -> None:
    """Write the three tables. ``queries``: task -> (query_id, group) of every query."""
    rows = [_value_row(value) for value in values]
    write_table(folder / "cells.parquet", pa.Table.from_pylist(rows, schema=CELLS))
    rows = [_chosen_row(choice) for choice in chosen]
    write_table(folder / "chosen.parquet", pa.Table.from_pylist(rows, schema=CHOSEN))
    parts = [_queries(value.answer, queries[value.answer.task]) for value in values]
    write_table(folder / "per_query.parquet", pa.concat_tables([PER_QUERY.empty_table(), *parts]))


def _where(answer: Answer) -> dict[str, Any]:
    return {**answer.cell._asdict(), "task": answer.task, "measure": answer.measure}


def _value_row(value: Valued) -> dict[str, Any]:
    _, low, high, n, reason = value.interval
    return {
        **_where(value.answer),
        "value": value.answer.value,
        "low": low,
        "high": high,
        "chance": value.answer.chance,
        "n": n,
        "note": reason,
        "p_best": value.p_best,
        "p_apart": value.p_apart,
    }


def _chosen_row(chosen: Chosen) -> dict[str, Any]:
    row = {
        **_where(chosen.best),
        "naive": chosen.best.value,
        "chance": chosen.best.chance,
        "n_cells": len(chosen.cells),
    }
    choice = chosen.choice
    if choice is None:
        return {**row, "note": ONE_NUMBER}
    return {
        **row,
        "naive_low": choice.naive.low,
        "naive_high": choice.naive.high,
        "cross_fitted": choice.cross_fitted.mean,
        "cross_fitted_low": choice.cross_fitted.low,
        "cross_fitted_high": choice.cross_fitted.high,
        "p_best": float(choice.p_best[choice.best]),
        "smallest_p": choice.smallest_p,
        "n_not_told_apart": len(chosen.rivals),
        "n_groups": choice.n_groups,
        "n_queries": choice.n_queries,
        "not_told_apart": [cell.name for cell in chosen.rivals],
        "note": choice.cross_fitted.reason,
    }


def _queries(answer: Answer, queries: Sequence[tuple[str, str]]) -> pa.Table:
    if answer.values is None:
        return PER_QUERY.empty_table()
    count = len(queries)
    columns = {
        name: pa.repeat(pa.scalar(value, pa.string()), count) for name, value in _where(answer).items()
    }
    ids, groups = zip(*queries, strict=True)
    columns |= {"query_id": pa.array(ids), "group": pa.array(groups)}
    columns["value"] = pa.array(np.asarray(answer.values), pa.float64(), from_pandas=True)
    return pa.table({name: columns[name] for name in PER_QUERY.names}, schema=PER_QUERY)
