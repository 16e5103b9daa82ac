"""Your own pictures, read in place: nothing is copied but the CSV files that describe them.

``download`` hashes what the scan listed and leaves ``listing.parquet`` (file, size, sha256, problem: why a
file has no hash), ``root.json`` and copies of the CSV files. Modification times stay out: touching a file
changes nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.files import read_json, read_table, write_json, write_table
from strata.base.hashing import HashMemo, known_hashes, sha256_file
from strata.base.memo import Memo
from strata.base.threads import in_threads
from strata.base.track import Track, Warn
from strata.collection.headers import Header, known_sizes, remembered_header
from strata.collection.listing import Found, read_listing
from strata.collection.tables import Tables, from_rows
from strata.datasets.folder_labels import Label, Told, classes_of, labels_from_folders, told_by_csv
from strata.datasets.folder_queries import queries_by_label, read_queries, read_relevance
from strata.settings.params import DatasetConf

FACET = "label"  # of sub-folders, where labels.label_columns names none
_WORKERS = 4  # hashing and reading leave Python's lock
_ROWS = 65_536  # of a table, as objects at once
_PIECE = 32  # files handed to a thread at once: for small ones handing over costs more than hashing
_AT_ONCE = 32  # pieces
_SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("sha256", pa.string()),
        pa.field("problem", pa.string()),
    ]
)


def download(conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
    """Hash the listed pictures (only those whose path, size or time is new) and copy the CSV files."""
    listing = read_listing(sources)
    hashed = _hashed(listing.root, listing.files, known_hashes(), track)
    there = _table((row for row in hashed if row is not None), partial(pa.Table.from_pylist, schema=_SCHEMA))
    gone = len(listing.files) - there.num_rows
    if gone:
        warn(f"{gone} pictures vanished since the folder was listed and are left out")
    if not there.num_rows:
        raise StrataError(f"{listing.root}: every listed picture is gone; run `dvc repro` again")
    write_table(out / "listing.parquet", there)
    for name, table in listing.tables.items():
        _copy(table.name, out / f"{name}.csv")
    shown = {name: table.name for name, table in listing.tables.items()}
    about = {"root": listing.root, "tables": shown, "others": listing.others}
    write_json(out / "root.json", about)
    return int(there.num_rows)


def _table(rows: Iterator[dict[str, Any]], make: Callable[[list[dict[str, Any]]], pa.Table]) -> pa.Table:
    """All ``rows`` as one table, made a block at a time: a million rows as objects are a gigabyte."""
    blocks = [make([])]
    while block := list(islice(rows, _ROWS)):
        blocks.append(make(block))
    return pa.concat_tables(blocks).combine_chunks()


def _copy(source: str, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise StrataError(f"{source}: gone since the folder was listed; put it back or run again") from None


def _hashed(
    root: str, files: Sequence[Found], memo: HashMemo, track: Track
) -> Iterator[dict[str, Any] | None]:
    """Rows of the listing, in order; None for a file that is gone."""

    def rows_of(piece: Sequence[Found]) -> list[dict[str, Any] | None]:
        return [_row(root, found, memo) for found in piece]

    pieces = (files[start : start + _PIECE] for start in range(0, len(files), _PIECE))
    hashed = chain.from_iterable(in_threads(rows_of, pieces, _WORKERS, _AT_ONCE))
    return iter(track(hashed, total=len(files), desc="hash"))


def _row(root: str, found: Found, memo: HashMemo) -> dict[str, Any] | None:
    name = os.fsencode(found.name).decode("utf-8", "backslashreplace")
    row: dict[str, Any] = {"file": name, "size": found.size, "sha256": None, "problem": None}
    if name != found.name:
        return {**row, "problem": "its name is not UTF-8; rename it"}
    try:
        return {**row, "sha256": sha256_file(os.path.join(root, found.name), memo)}
    except FileNotFoundError:
        return None
    except OSError as error:
        return {**row, "problem": f"cannot be read: {error.strerror}"}


def build(raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
    """Pictures by their path relative to the folder; labels, queries and relevance as the YAML says."""
    about = read_json(raw / "root.json")
    listing = read_table(raw / "listing.parquet")
    files = listing["file"].to_pylist()
    told, facets = _told(raw, conf, about["tables"], files, warn)
    classes, ids = classes_of(told.labels, facets, conf.classes, told.names)
    if "queries" in about["tables"]:
        queries, relevance = _queries(raw, about["tables"], files, warn)
    else:
        queries, relevance = queries_by_label(told, facets)
    listed = (row for batch in listing.to_batches(_ROWS) for row in batch.to_pylist())
    images = _images(about["root"], track(listed, total=len(files), desc="prepare"), told, ids)
    return Tables(
        images=_table(images, partial(from_rows, "images")),
        queries=from_rows("queries", queries),
        relevance=from_rows("relevance", relevance),
        classes=from_rows("classes", classes),
        captions=from_rows(
            "captions",
            [
                {"image_id": file, "caption": caption}
                for file in files
                for caption in told.captions.get(file, ())
            ],
        ),
    )


def _images(
    root: str, listed: Iterable[dict[str, Any]], told: Told, ids: Mapping[Label, str]
) -> Iterator[dict[str, Any]]:
    """Rows of ``images``; ``ids``: the class_id of a label."""
    memo = known_sizes()
    for row in listed:
        header = _header(root, row, memo)
        yield {
            "image_id": row["file"],
            "path": os.path.join(root, row["file"]),
            "width": header.width,
            "height": header.height,
            "sha256": row["sha256"],
            "labels": [ids[label] for label in told.labels.get(row["file"], ())],
            "split": told.splits.get(row["file"]),
            "status": header.status,
        }


def _header(root: str, row: dict[str, Any], memo: Memo) -> Header:
    if row["problem"]:
        return Header(None, None, row["problem"])
    return remembered_header(os.path.join(root, row["file"]), row["sha256"], memo)


def _told(
    raw: Path, conf: DatasetConf, shown: dict[str, str], files: Sequence[str], warn: Warn
) -> tuple[Told, list[str]]:
    """What is known of the files, and the facets that their labels belong to."""
    source = conf.labels
    if source is None or source.from_ == "none":
        return Told({}), []
    facets = list(source.label_columns)
    if source.from_ == "csv":
        return told_by_csv(raw / "labels.csv", shown["labels"], source, files, warn), facets
    facet = (facets or [FACET])[0]
    return Told(labels_from_folders(files, facet)), [facet]


def _queries(
    raw: Path, shown: dict[str, str], files: Sequence[str], warn: Warn
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of queries and of relevance, from their CSV files."""
    queries, left_out = read_queries(raw / "queries.csv", shown["queries"], files, warn)
    if "relevance" not in shown:
        return queries, []
    relevance = raw / "relevance.csv"
    return queries, read_relevance(relevance, shown["relevance"], files, queries, left_out, warn)
