"""The tables behind the charts, as CSV: one a metric, for ``dvc plots`` draws a file as one chart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from strata.results.comparison import Comparison
from strata.results.flat import name_of

OF_SCORE = ("layer", "value", "low", "high", "chance")
LAYER_COLUMNS = ("order", *OF_SCORE)


def layer_tables(compared: Comparison, layers: Sequence[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A metric's name and a row a layer, by LAYER_COLUMNS; ``order``: the layer's place, forward, from 0."""
    for measure in compared.measures:
        name = name_of(measure.scores[0]).flat(compared.facets)
        yield (
            name,
            [
                {"order": layers.index(score.layer), **{key: getattr(score, key) for key in OF_SCORE}}
                for score in measure.scores
            ],
        )


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a heading; null is an empty cell."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
