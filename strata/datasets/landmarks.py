"""Oxford5k and Paris6k, original protocol (Philbin et al. 2007, 2008): 55 boxed queries on 11 landmarks each.

Oxford5k has 5,063 photographs with 17 labels, Paris6k 6,392 with 12. A picture's label is its file name
without the number. Ground truth are text files ``LANDMARK_N_{query,good,ok,junk}.txt``; the query file's box
is **xmin ymin xmax ymax** (read as x y w h, 24 of Oxford's 55 boxes leave their picture: validation refuses
that).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.base.track import Track, Warn
from strata.collection.tables import Tables, box_columns, tables_from_rows
from strata.datasets.picture_rows import (
    Picture,
    class_ids,
    class_rows,
    find_named,
    image_rows,
    pictures_below,
)
from strata.fetching.archives import fetch_all
from strata.fetching.sources import read_sources
from strata.settings.params import DatasetConf

OXFORD_PREFIX = "oxc1_"  # of the names in Oxford's query files, and only there
GRADES = ("good", "ok", "junk")
# the page of Paris6k lists these as damaged; its 6,392 pictures are those without them
_DAMAGED = {
    "louvre": (136, 146),
    "moulinrouge": (422,),
    "museedorsay": (1059,),
    "notredame": (188,),
    "pantheon": (284, 960, 974),
    "pompidou": (195, 196, 201, 467, 640),
    "sacrecoeur": (299, 330, 353),
    "triomphe": (662, 833, 863, 867),
}
PARIS_DAMAGED = frozenset(
    f"paris_{place}_{number:06d}.jpg" for place, numbers in _DAMAGED.items() for number in numbers
)


@dataclass(frozen=True)
class Landmarks:
    """One such data set: its name, its archives of pictures, and the file or archive of its ground truth."""

    dataset: str
    pictures: tuple[str, ...]
    ground_truth: str

    def download(self, conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
        """Fetch the archives and the ground truth."""
        fetch_all(read_sources(conf.sources, self.dataset).files, self.dataset, out, track=track, warn=warn)
        return len(pictures_below(out / name for name in self.pictures))

    def build(self, raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
        """All photographs, and the 55 queries with good, ok and junk."""
        queries, relevance = read_ground_truth(raw / self.ground_truth)
        files = self.files(raw, warn)
        named = [row["image_id"] for row in (*queries, *relevance)]
        found: dict[str, Path | None] = {**files, **find_named(named, files, self.ground_truth, warn)}
        rows = image_rows(to_pictures(found, conf, self.dataset), track)
        return tables_from_rows(rows, queries, relevance, class_rows(conf.classes))

    def files(self, raw: Path, warn: Warn) -> dict[str, Path]:
        """The collection's pictures by file name, without those its own page calls damaged."""
        files = pictures_below(raw / name for name in self.pictures)
        damaged = PARIS_DAMAGED & files.keys()
        if damaged:
            warn(f"{len(damaged)} pictures that the collection's page lists as damaged are left out")
        return {name: path for name, path in files.items() if name not in damaged}


OXFORD5K = Landmarks("oxford5k", ("oxbuild_images-v1.tgz",), "gt_files_170407.tgz")
PARIS6K = Landmarks("paris6k", ("paris_1.tgz", "paris_2.tgz"), "paris_120310.tgz")


def label_of(name: str) -> str:
    """``all_souls_000013.jpg`` -> ``all_souls``, ``paris_eiffel_000002.jpg`` -> ``eiffel``."""
    return Path(name).stem.rpartition("_")[0].removeprefix("paris_")


def to_pictures(
    files: Mapping[str, Path | None], conf: DatasetConf, dataset: str, *, queries: Iterable[str] = ()
) -> list[Picture]:
    """Pictures with their label, sorted by name; those of ``queries`` are no part of the database."""
    known = class_ids(conf)
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
