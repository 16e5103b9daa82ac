"""Score tables: one row a number, with the columns layer (or prompt_set), metric, value, text and is_count.

``value`` is null where there is no number; ``text`` then says why, or holds a policy. ``is_count``: the value
counts something, so it is a whole number.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

Score = float | int | str | None
Scores = Mapping[str, Mapping[str, Score]]
"""{layer or prompt set: {metric: number, text, or None where there is no number to give}}."""


def score_table(scores: Scores, key: str = "layer") -> pa.Table:
    """Scores as a table whose first column is called ``key``, rows in the order of the mappings."""
    schema = pa.schema(
        [
            pa.field(key, pa.string(), nullable=False),
            pa.field("metric", pa.string(), nullable=False),
            pa.field("value", pa.float64()),
            pa.field("text", pa.string()),
            pa.field("is_count", pa.bool_(), nullable=False),
        ]
    )
    rows = [
        {
            key: name,
            "metric": metric,
            "value": None if isinstance(score, str) or score is None else float(score),
            "text": score if isinstance(score, str) else None,
            "is_count": isinstance(score, int),
        }
        for name, metrics in scores.items()
        for metric, score in metrics.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema)
