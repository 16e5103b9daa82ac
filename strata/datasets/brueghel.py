"""Brueghel: 1,587 artworks, ten details that recur in them, 273 boxes (ArtMiner; Shen, Efros, Aubry 2019).

Every box of a detail is a query, its positives are the detail's boxes on the other pictures; the detail is
the query's group. File names are matched byte for byte: two end in a blank before ``.jpg``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from strata.base.errors import StrataError
from strata.base.files import read_json
from strata.base.track import Track, Warn
from strata.collection.tables import Tables, box_columns, tables_from_rows
from strata.datasets.picture_rows import Picture, find_named, image_rows, pictures_below
from strata.fetching.archives import fetch_all
from strata.fetching.sources import read_sources
from strata.settings.params import DatasetConf, Strict

DATASET = "brueghel"
GROUND_TRUTH = "brueghelTest.json"
PICTURES = "Brueghel.zip"

Boxed = tuple[str, tuple[float, float, float, float]]
"""(file name, (x0, y0, x1, y1) in pixels)"""


class Entry(Strict):
    """One query of the ground truth."""

    query: Boxed
    gt: list[Boxed]


def download(conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
    """Fetch the archive and the ground truth."""
    fetch_all(read_sources(conf.sources, DATASET).files, DATASET, out, track=track, warn=warn)
    return len(pictures_below([out / PICTURES]))


def build(raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
    """All pictures of the archive; queries and relevance of the ground truth."""
    details = read_details(raw / GROUND_TRUTH)
    files = pictures_below([raw / PICTURES])
    named = (
        name for entries in details.values() for entry in entries for name, _ in [entry.query, *entry.gt]
    )
    found = find_named(named, files, GROUND_TRUTH, warn)
    used = {path for path in found.values() if path is not None}
    others = {name: path for name, path in files.items() if path not in used}
    pictures = [Picture(name, path) for name, path in sorted({**others, **found}.items())]
    queries, relevance = _rows(details)
    return tables_from_rows(image_rows(pictures, track), queries, relevance)


def read_details(path: Path) -> dict[str, list[Entry]]:
    """Detail -> its queries."""
    try:
        return TypeAdapter(dict[str, list[Entry]]).validate_python(read_json(path))
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise StrataError(f"{path}: {where}: {error.errors()[0]['msg']}; fetch it again") from None


def _rows(details: dict[str, list[Entry]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    queries: list[dict[str, Any]] = []
    relevance: list[dict[str, Any]] = []
    for detail, entries in details.items():
        for number, entry in enumerate(entries):
            query_id = f"{detail}/{number}"
            name, box = entry.query
            queries.append({"query_id": query_id, "image_id": name, "group": detail, **box_columns(box)})
            relevance += [
                {"query_id": query_id, "image_id": other, "grade": "good", **box_columns(there)}
                for other, there in entry.gt
            ]
    return queries, relevance
