"""FER-2013 (Goodfellow et al. 2013), from files the user supplies (it is given out to people who sign in).

``data/incoming/fer2013.csv`` (columns emotion, pixels, Usage; 48 x 48 grey values a row), or a folder
``data/incoming/fer2013`` with one sub-folder an emotion, below folders for the splits or not.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from strata.base.errors import StrataError
from strata.base.track import Track, Warn
from strata.collection.tables import Tables, tables_from_rows
from strata.datasets.picture_rows import SUFFIXES, Picture, class_rows, image_rows
from strata.fetching.archives import link
from strata.fetching.mirrors import INCOMING, incoming
from strata.settings.params import DatasetConf, Strict, parse

SIDE_PX = 48
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # the CSV's numbers 0..6
SPLITS: Mapping[str, str] = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
_FIELD_BYTES = 1 << 20


class FerSources(Strict):
    """``sources`` of conf/datasets/fer2013.yaml: what the user's files are called."""

    table: str
    folder: str


def download(conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
    """Write the CSV's faces, or link the folder's, as ``SPLIT/EMOTION/FILE``."""
    names = parse(FerSources, conf.sources or {}, "conf/datasets/fer2013.yaml: sources")
    table, folder = incoming(names.table), incoming(names.folder)
    if table.is_file():
        count = sum(1 for _ in _write_faces(table, out, track))
    elif folder.is_dir():
        count = sum(1 for _ in _link_faces(folder, out))
    else:
        raise StrataError(
            f"FER-2013 is not fetched: put {names.table} (emotion, pixels, Usage) or the folder "
            f"{names.folder} (a sub-folder an emotion) into {INCOMING}/"
        )
    if not count:
        raise StrataError(f"{table if table.is_file() else folder}: no faces in there")
    return count


def build(raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
    """Every face with its emotion and split."""
    pictures = [
        Picture(path.relative_to(raw).as_posix(), path, (path.parent.name,), path.parent.parent.name)
        for path in sorted(raw.rglob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    return tables_from_rows(image_rows(pictures, track), classes=class_rows(conf.classes))


def _write_faces(table: Path, out: Path, track: Track) -> Iterator[None]:
    csv.field_size_limit(_FIELD_BYTES)
    with open(table, newline="", encoding="utf-8-sig") as stream:
        total = max(sum(1 for _ in stream) - 1, 0)
        stream.seek(0)
        rows = csv.DictReader(stream)
        missing = {"emotion", "pixels", "Usage"} - set(rows.fieldnames or ())
        if missing:
            raise StrataError(f"{table}: no column {', '.join(sorted(missing))}")
        for number, row in enumerate(track(rows, total=total, desc="faces")):
            emotion, split, face = _face(row, f"{table}, line {rows.line_num}")
            target = out / split / emotion / f"{number:05d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(face).save(target, format="PNG")
            yield


def _face(
    row: Mapping[str, str | None], where: str
) -> tuple[str, str, np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    try:
        emotion = EMOTIONS[int(row["emotion"] or "")]
        split = SPLITS[row["Usage"] or ""]
        values = np.array((row["pixels"] or "").split(), np.int64)
    except (ValueError, IndexError, KeyError) as error:
        raise StrataError(
            f"{where}: {error}; expected an emotion 0..6, {SIDE_PX * SIDE_PX} grey values and "
            f"{' or '.join(SPLITS)}"
        ) from None
    if values.shape != (SIDE_PX * SIDE_PX,) or values.min() < 0 or values.max() > 255:
        raise StrataError(f"{where}: expected {SIDE_PX * SIDE_PX} grey values 0..255, found {values.size}")
    return emotion, split, values.astype(np.uint8).reshape(SIDE_PX, SIDE_PX)


def _link_faces(folder: Path, out: Path) -> Iterator[None]:
    """``train/happy/x.jpg`` or ``happy/x.jpg``, upper or lower case."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        emotion = path.parent.name.lower()
        if emotion not in EMOTIONS:
            raise StrataError(f"{path}: its folder is none of {', '.join(EMOTIONS)}")
        above = path.parent.parent
        split = "all" if above == folder else above.name.lower()
        link(path, out / split / emotion / path.name, copy=True)
        yield
