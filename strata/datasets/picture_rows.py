"""The pictures of unpacked archives by file name, and their rows of the ``images`` table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.base.hashing import known_hashes, sha256_file
from strata.base.threads import in_threads
from strata.base.track import Track, Warn
from strata.collection.headers import Header, known_sizes, remembered_header
from strata.datasets.csv_rows import name_finder
from strata.settings.params import ClassEntry, DatasetConf

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
NOT_THERE = "not in the archive"
_WORKERS = 4  # hashing and reading leave Python's lock
_AT_ONCE = 1024


@dataclass(frozen=True)
class Picture:
    """One picture to be: ``path`` None where the source does not have it, ``missing`` then says why."""

    image_id: str
    path: Path | None
    labels: tuple[str, ...] = ()
    split: str | None = None
    missing: str = NOT_THERE


def pictures_below(folders: Iterable[Path]) -> dict[str, Path]:
    """File name -> path of every picture below ``folders``, sorted by name.

    Twelve folders become one: a name that two of them share is a StrataError. What a Mac adds is left out.
    """
    found: dict[str, Path] = {}
    folders = list(folders)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in SUFFIXES or not path.is_file():
                continue
            if path.name.startswith("._") or "__MACOSX" in path.parts:
                continue
            if path.name in found:
                raise StrataError(f"{path}: {found[path.name]} has the same name; the names must differ")
            found[path.name] = path
    if not found:
        where = ", ".join(folder.as_posix() for folder in folders)
        raise StrataError(f"{where}: no pictures in there; run `dvc repro -f download`")
    return dict(sorted(found.items()))


def find_named(
    names: Iterable[str], files: Mapping[str, Path], what: str, warn: Warn
) -> dict[str, Path | None]:
    """Each name of the ground truth -> its file, byte for byte (else in another Unicode form), or None.

    Says how many are missing; they stay in the tables as pictures that cannot be used. StrataError when more
    than half are: then these are other pictures.
    """
    find = name_finder(files)
    found: dict[str, Path | None] = {}
    for name in dict.fromkeys(names):
        file = find(name)
        found[name] = None if file is None else files[file]
    missing = [name for name, path in found.items() if path is None]
    if len(missing) * 2 > len(found):
        raise StrataError(
            f"{what} names {len(found)} pictures and {len(missing)} of them are not in the archive, the "
            f"first is {missing[0]!r}; these are not the pictures it is for"
        )
    if missing:
        warn(
            f"{what} names {len(missing)} pictures that are not in the archive, the first is {missing[0]!r}; "
            "they count as never found"
        )
    return found


def image_rows(pictures: Sequence[Picture], track: Track) -> list[dict[str, Any]]:
    """Rows of ``images``; each picture is hashed and its header read."""
    hashes, sizes = known_hashes(), known_sizes()

    def row(picture: Picture) -> dict[str, Any]:
        header, sha256 = Header(None, None, picture.missing), None
        if picture.path is not None:
            sha256 = sha256_file(picture.path, hashes)
            header = remembered_header(picture.path, sha256, sizes)
        return {
            "image_id": picture.image_id,
            "path": picture.path.as_posix() if picture.path is not None else picture.image_id,
            "width": header.width,
            "height": header.height,
            "sha256": sha256,
            "labels": list(picture.labels),
            "split": picture.split,
            "status": header.status,
        }

    rows = in_threads(row, pictures, _WORKERS, _AT_ONCE)
    return list(track(rows, total=len(pictures), desc="prepare"))


def class_ids(conf: DatasetConf) -> set[str]:
    """The ids of all classes of the YAML, whatever their facet."""
    return {entry.id for entries in (conf.classes or {}).values() for entry in entries}


def class_rows(classes: Mapping[str, Sequence[ClassEntry]] | None) -> list[dict[str, Any]]:
    """Rows of ``classes`` as the YAML lists them."""
    return [
        {
            "class_id": entry.id,
            "facet": facet,
            "name": entry.name or entry.id.replace("_", " "),
            "synonyms": entry.synonyms,
            "description": entry.description,
        }
        for facet, entries in (classes or {}).items()
        for entry in entries
    ]
