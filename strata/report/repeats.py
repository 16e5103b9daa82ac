"""Pictures that repeat another one: how many of which kind, and the first pairs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strata.base.files import read_table
from strata.measures.scores import Scored
from strata.report.thumbnails import Gallery, Tile

SHOWN = 6
KINDS = {
    "database": "repeat a picture of the collection",
    "between_labels": "of these, repeat one with another label",
    "of_queries": "of these, repeat a query's picture",
}


@dataclass(frozen=True)
class Repeats:
    """``counts``: (what, same file, nearly the same; "–" where not looked for); ``near``: how near ones were
    looked for; ``pairs``: (what is kept, what repeats it); ``hidden``: pairs that are not shown."""

    counts: list[tuple[str, str, str]]
    near: str
    pairs: list[tuple[Tile, Tile]]
    hidden: int


def repeats(folder: Path, found: Scored, gallery: Gallery) -> Repeats:
    """From ``repeats.parquet`` in ``folder`` and the scores beside it; the worst pairs first: those of
    queries, those between labels, the same files, the nearest."""
    values = {(score.layer, score.metric): str(score.value) for score in found.scores}
    counts = [
        (words, values.get((kind, "n_exact"), "–"), values.get((kind, "n_near"), "–"))
        for kind, words in KINDS.items()
    ]
    rows = sorted(read_table(folder / "repeats.parquet").to_pylist(), key=_worst_first)
    pairs = [(gallery.tile(row["repeats"]), _repeating(row, gallery)) for row in rows[:SHOWN]]
    near = next((policy.value for policy in found.policies), "")
    return Repeats(counts, near, pairs, len(rows) - len(pairs))


def _worst_first(row: Mapping[str, Any]) -> tuple[bool, bool, bool, float, str]:
    return (
        not row["of_query"],
        not row["between_labels"],
        not row["exact"],
        -(row["cosine"] or 0.0),
        row["image_id"],
    )


def _repeating(row: Mapping[str, Any], gallery: Gallery) -> Tile:
    said = "same file" if row["exact"] else f"{row['cosine']:.3f}"
    said += ", other label" if row["between_labels"] else ""
    return gallery.tile(row["image_id"], caption=said, alt=f"{row['image_id']} repeats {row['repeats']}")
