"""The tables behind the charts, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from strata.results.comparison import Comparison
from strata.results.flat import name_of

LAYER_COLUMNS = ("layer", "order", "metric", "value", "low", "high", "chance")


def layer_rows(compared: Comparison, layers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row a measure and layer, by LAYER_COLUMNS; ``order``: the layer's place, forward, from 0."""
    for score in (score for measure in compared.measures for score in measure.scores):
        yield {
            "layer": score.layer,
            "order": layers.index(score.layer),
            "metric": name_of(score).flat(compared.facets),
            **{column: getattr(score, column) for column in LAYER_COLUMNS[3:]},
        }


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a heading; null is an empty cell."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
