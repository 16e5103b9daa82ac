"""VGG Paintings (Crowley and Zisserman 2014): paintings by address, ten classes, several a picture.

The table (the CSV of 2021 or the workbook of 2018) has columns Image URL, Web page URL, Subset, Labels;
Subset and Labels carry literal quotes and blanks (``' cow dog '``). Many addresses are dead by now: a picture
that could not be fetched stays in the tables, its status says why, and ``manifest.parquet`` accounts for all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from strata.base.errors import StrataError, listed
from strata.base.files import read_table, required, write_table
from strata.base.hashing import known_hashes, sha256_file
from strata.base.locks import locked
from strata.base.track import Track, Warn
from strata.collection.tables import Tables, tables_from_rows
from strata.datasets.csv_rows import read_rows
from strata.datasets.picture_rows import SUFFIXES, Picture, class_ids, class_rows, image_rows
from strata.datasets.xlsx import read_sheet
from strata.fetching.archives import fetch_all, link
from strata.fetching.mirrors import downloads
from strata.fetching.single_pictures import Address, check_some_came, fetch_pictures, say_failures
from strata.fetching.sources import RemoteFile
from strata.settings.params import DatasetConf, Strict, parse

DATASET = "paintings"
CONF = f"conf/datasets/{DATASET}.yaml"
MANIFEST = "manifest.parquet"
COLUMNS = ("Image URL", "Web page URL", "Subset", "Labels")
NOT_FETCHED = "not fetched"
_SCHEMA = pa.schema(
    [
        *required(file=pa.string(), url=pa.string(), page=pa.string(), subset=pa.string()),
        *required(labels=pa.list_(pa.string())),
        *(("sha256", pa.string()), ("problem", pa.string())),
    ]
)


class PaintingSources(Strict):
    """``sources`` of conf/datasets/paintings.yaml: the table to use is one of ``files``."""

    table: str
    files: list[RemoteFile]


@dataclass(frozen=True)
class Painting:
    """One row of the table."""

    url: str
    page: str
    subset: str
    labels: tuple[str, ...]


def download(conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
    """Fetch the table, then every picture that is still there."""
    wanted = parse(PaintingSources, conf.sources or {}, f"{CONF}: sources")
    tables = [file for file in wanted.files if file.name == wanted.table]
    if not tables:
        known = ", ".join(file.name for file in wanted.files)
        raise StrataError(f"{CONF}: sources.table = {wanted.table!r}; there are: {known}")
    fetch_all(tables, DATASET, out, track=track, warn=warn)
    paintings = read_paintings(out / wanted.table, warn)
    names = [file_name(painting.url) for painting in paintings]
    store = downloads() / DATASET
    with locked(downloads() / "locks" / f"{DATASET}.lock", warn=warn):
        addresses = [Address(painting.url, name) for painting, name in zip(paintings, names, strict=True)]
        reasons = fetch_pictures(addresses, store, track=track)
    check_some_came(reasons, wanted.table)
    if failures := say_failures(reasons):
        warn(f"{failures}; {MANIFEST} lists them, `dvc repro -f download` asks for them again")
    _write_manifest(out, store, paintings, names, reasons)
    return sum(reason is None for reason in reasons)


def build(raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
    """Every painting of the table, fetched or not, with its classes and split."""
    known = class_ids(conf)
    pictures = []
    for row in read_table(raw / MANIFEST).to_pylist():
        unknown = sorted(set(row["labels"]) - known)
        if unknown:
            raise StrataError(f"{row['url']}: its label {unknown[0]!r} is not a class of {CONF}")
        path = None if row["problem"] else raw / "pictures" / row["file"]
        missing = f"{NOT_FETCHED}: {row['problem']}"
        pictures.append(Picture(row["file"], path, tuple(row["labels"]), row["subset"] or None, missing))
    pictures.sort(key=lambda picture: picture.image_id)
    return tables_from_rows(image_rows(pictures, track), classes=class_rows(conf.classes))


def read_paintings(path: Path, warn: Warn) -> list[Painting]:
    """The table's rows, one an address; repeated rows are dropped (their labels added up), and said."""
    by_url: dict[str, Painting] = {}
    rows = _table_rows(path)
    for url, page, subset, labels in rows:
        if not urlsplit(url).scheme.startswith("http"):
            raise StrataError(f"{path}: {url!r} in column {COLUMNS[0]} is no address of a picture")
        known = by_url.get(url)
        own = tuple(labels.strip(" '\"").split())
        if known is not None:
            own = tuple(dict.fromkeys((*known.labels, *own)))
            page, subset = known.page, known.subset
        by_url[url] = Painting(url, page, subset.strip(" '\""), own)
    if len(by_url) < len(rows):
        warn(f"{path.name}: {len(rows) - len(by_url):,} of {len(rows):,} rows repeat an address: dropped")
    return list(by_url.values())


def _table_rows(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        rows = read_rows(path, path.name, COLUMNS)
        return [[row.cells[column].strip() for column in COLUMNS] for row in rows]
    header, *below = read_sheet(path) or [[]]
    if missing := [column for column in COLUMNS if column not in header]:
        raise StrataError(f"{path}: no column {missing[0]!r}; the columns are {listed(header)}")
    places = [header.index(column) for column in COLUMNS]
    padded = ([*row, *[""] * len(header)] for row in below if any(row))
    return [[row[place].strip() for place in places] for row in padded]


def file_name(url: str) -> str:
    """A name that tells pictures apart and people what it is: ``NG_NG_NG1166-0f3a9c21.jpg``."""
    path = Path(urlsplit(url).path)
    stem = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in path.stem)[:80]
    suffix = path.suffix.lower() if path.suffix.lower() in SUFFIXES else ".jpg"
    return f"{stem}-{hashlib.sha256(url.encode()).hexdigest()[:8]}{suffix}"


def _write_manifest(
    out: Path, store: Path, paintings: Sequence[Painting], names: Sequence[str], reasons: Sequence[str | None]
) -> None:
    memo, rows = known_hashes(), []
    for painting, name, reason in zip(paintings, names, reasons, strict=True):
        row: dict[str, Any] = {"file": name, **vars(painting), "sha256": None, "problem": reason}
        if reason is None:
            link(store / name, out / "pictures" / name)
            row["sha256"] = sha256_file(store / name, memo)
        rows.append(row)
    write_table(out / MANIFEST, pa.Table.from_pylist(rows, schema=_SCHEMA))
