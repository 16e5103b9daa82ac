"""Oxford5k and Paris6k, original protocol (Philbin et al. 2007, 2008): what the two share.

A picture's label is its file name without the number. Ground truth are text files
``LANDMARK_N_{query,good,ok,junk}.txt``; the query file's box is **xmin ymin xmax ymax** (read as x y w h, 24
of Oxford's 55 boxes leave their picture: validation refuses that).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.base.track import Track, Warn
from strata.collection.tables import Tables, from_rows
from strata.datasets.picture_files import (
    Picture,
    box_columns,
    class_rows,
    image_rows,
    matched,
    pictures_below,
)
from strata.settings.params import ClassEntry, DatasetConf

OXFORD_PREFIX = "oxc1_"  # of the names in Oxford's query files, and only there
GRADES = ("good", "ok", "junk")
# the page of Paris6k lists these as damaged; its 6,392 pictures are those without them
PARIS_DAMAGED = frozenset(
    f"paris_{name}.jpg"
    for name in (
        "louvre_000136",
        "louvre_000146",
        "moulinrouge_000422",
        "museedorsay_001059",
        "notredame_000188",
        "pantheon_000284",
        "pantheon_000960",
        "pantheon_000974",
        "pompidou_000195",
        "pompidou_000196",
        "pompidou_000201",
        "pompidou_000467",
        "pompidou_000640",
        "sacrecoeur_000299",
        "sacrecoeur_000330",
        "sacrecoeur_000353",
        "triomphe_000662",
        "triomphe_000833",
        "triomphe_000863",
        "triomphe_000867",
    )
)


def label_of(name: str) -> str:
    """``all_souls_000013.jpg`` -> ``all_souls``, ``paris_eiffel_000002.jpg`` -> ``eiffel``."""
    return Path(name).stem.rpartition("_")[0].removeprefix("paris_")


def landmark_pictures(folders: Iterable[Path], warn: Warn) -> dict[str, Path]:
    """The collection's pictures by file name, without those its own page calls damaged."""
    files = pictures_below(folders)
    damaged = PARIS_DAMAGED & files.keys()
    if damaged:
        warn(f"{len(damaged)} pictures that the collection's page lists as damaged are left out")
    return {name: path for name, path in files.items() if name not in damaged}


def to_pictures(
    files: Mapping[str, Path | None], conf: DatasetConf, dataset: str, *, queries: Iterable[str] = ()
) -> list[Picture]:
    """Pictures with their label, sorted by name; those of ``queries`` are no part of the database."""
    known = {entry.id for entries in (conf.classes or {}).values() for entry in entries}
    outside = set(queries)
    pictures = []
    for name, path in sorted(files.items()):
        label = label_of(name)
        if label not in known:
            raise StrataError(
                f"{name}: its label {label!r} is not among the classes of conf/datasets/{dataset}.yaml; "
                "is this picture of that collection?"
            )
        pictures.append(Picture(name, path, (label,), "query" if name in outside else None))
    return pictures


def build_landmarks(
    pictures: Sequence[Path], ground_truth: Path, conf: DatasetConf, dataset: str, *, track: Track, warn: Warn
) -> Tables:
    """The tables of the original protocol."""
    queries, relevance = read_ground_truth(ground_truth)
    files = landmark_pictures(pictures, warn)
    named = [row["image_id"] for row in (*queries, *relevance)]
    found: dict[str, Path | None] = {**files, **matched(named, files, ground_truth.name, warn)}
    return Tables(
        images=from_rows("images", image_rows(to_pictures(found, conf, dataset), track)),
        queries=from_rows("queries", queries),
        relevance=from_rows("relevance", relevance),
        classes=from_rows("classes", class_rows(conf.classes)),
    )


def read_ground_truth(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of queries (``all_souls_1``, group ``all_souls``) and relevance below ``folder``."""
    texts = {path.name: path for path in sorted(folder.rglob("*.txt"))}
    queries: list[dict[str, Any]] = []
    relevance: list[dict[str, Any]] = []
    for name, path in texts.items():
        found = re.fullmatch(r"(.+)_(\d+)_query\.txt", name)
        if found is None:
            continue
        query_id, group = f"{found[1]}_{found[2]}", found[1]
        image_id, box = _query_line(path)
        queries.append({"query_id": query_id, "image_id": image_id, "group": group, **box_columns(box)})
        for grade in GRADES:
            names = _lines(_needed(texts, f"{query_id}_{grade}.txt", folder))
            relevance += [{"query_id": query_id, "image_id": f"{i}.jpg", "grade": grade} for i in names]
    if not queries:
        raise StrataError(f"{folder}: no LANDMARK_N_query.txt in there; run `dvc repro -f download`")
    return queries, relevance


def _query_line(path: Path) -> tuple[str, list[float]]:
    lines = _lines(path)
    parts = lines[0].split() if lines else []
    try:
        box = [float(part) for part in parts[1:]]
    except ValueError:
        box = []
    if len(box) != 4 or not (box[0] < box[2] and box[1] < box[3]):
        raise StrataError(f"{path}: expected `name xmin ymin xmax ymax`, found {' '.join(parts)!r}")
    return f"{parts[0].removeprefix(OXFORD_PREFIX)}.jpg", box


def _needed(texts: Mapping[str, Path], name: str, folder: Path) -> Path:
    if name not in texts:
        raise StrataError(f"{folder}: {name} is missing; run `dvc repro -f download`")
    return texts[name]


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise StrataError(f"{path}: not a text of names; run `dvc repro -f download`") from None


def entries_of(conf: DatasetConf) -> list[ClassEntry]:
    """All classes of the YAML."""
    return [entry for entries in (conf.classes or {}).values() for entry in entries]
