"""What is in a folder of pictures now: names, sizes, times. Nothing is opened, nothing is copied.

The list stands in a folder that ``download`` depends on, so a picture added, changed or removed makes the
pipeline run and an unchanged folder gives the same bytes.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from strata.base.errors import StrataError
from strata.base.files import read_json
from strata.base.hashing import HashMemo, sha256_file
from strata.base.tsv import from_lines, to_line
from strata.settings.params import DatasetConf, Strict

TABLES = ("labels", "queries", "relevance")
_ROOT, _OTHER = "# root", "# other"
_WEIGHTS_KINDS = (".safetensors", ".bin", ".pt", ".pth", ".json")
_SKIPPED_FOLDERS = frozenset({"__MACOSX"})


class FolderSources(Strict):
    """``sources`` of conf/datasets/folder.yaml: the name endings of pictures, in any case."""

    extensions: list[str]


def table_files(conf: DatasetConf) -> dict[str, str | None]:
    """Name of TABLES -> the CSV that ``conf`` asks for, as it is written there, or None."""
    labels = conf.labels if conf.labels and conf.labels.from_ == "csv" else None
    return {
        "labels": labels.file if labels else None,
        "queries": conf.queries.file if conf.queries else None,
        "relevance": conf.queries.relevance_file if conf.queries else None,
    }


class Found(NamedTuple):
    """One file: its name, size in bytes, times of modification and of change in ns, and its inode.

    A program may set the modification time back; what the system stamps tells a replaced file all the same.
    """

    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, name: str, found: os.stat_result) -> Found:
        """The file ``name`` as the system describes it."""
        return cls(name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(frozen=True)
class Listing:
    """A folder's pictures, sorted by name (POSIX, relative to ``root``), and the CSV tables beside them."""

    root: str
    files: list[Found]
    tables: dict[str, Found] = field(default_factory=dict)
    """One of TABLES -> the CSV file, by its absolute path."""
    others: dict[str, int] = field(default_factory=dict)
    """Ending, in lower case -> how many files have it that are neither pictures nor tables."""


def scan_folder(root: Path, extensions: Iterable[str], tables: Mapping[str, str | None]) -> Listing:
    """List the pictures below ``root`` and the named CSV ``tables`` (relative to ``root`` or absolute).

    Hidden files and folders and ``__MACOSX`` are skipped. Links are followed, but not back into a folder
    that holds them. Raises StrataError for a missing folder, one without pictures, and a missing table.
    """
    place = os.path.abspath(root)
    if not os.path.isdir(place):
        raise StrataError(f"{place}: no such folder; mend path in conf/paths/folder.yaml")
    ends = tuple(extension.lower() for extension in extensions)
    others: list[str] = []
    files = sorted(_walk(place, "", ends, frozenset(), others))
    if not files:
        raise StrataError(f"{place}: no pictures there (names ending in {', '.join(ends)})")
    found = {name: _table(place, name, path) for name, path in tables.items() if path is not None}
    known = {os.path.realpath(table.name) for table in found.values()}
    left = (name for name in others if os.path.realpath(os.path.join(place, name)) not in known)
    endings = Counter(
        os.fsencode(os.path.splitext(name)[1]).decode("utf-8", "replace").lower() for name in left
    )
    return Listing(place, files, found, dict(sorted(endings.items())))


def listing_bytes(listing: Listing) -> bytes:
    """The listing as TSV: the root, the tables, other endings, then the fields of ``Found`` a picture."""
    lines = [to_line((_ROOT, listing.root))]
    known = (key for key in TABLES if key in listing.tables)
    lines += [to_line((f"# {key}", *map(str, listing.tables[key]))) for key in known]
    lines += [to_line((_OTHER, ending, str(count))) for ending, count in listing.others.items()]
    lines += [to_line(map(str, found)) for found in listing.files]
    return b"".join(lines)


def read_listing(path: Path) -> Listing:
    """Read what ``listing_bytes`` wrote."""
    try:
        lines = from_lines(path.read_bytes())
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; run `dvc repro`, which lists the folder first") from None
    if not lines or lines[0][0] != _ROOT:
        raise StrataError(f"{path}: not a listing; delete it and run `dvc repro`")
    marks = {f"# {key}": key for key in TABLES}
    tables, files, others = {}, [], {}
    for name, *rest in lines[1:]:
        mark = marks.get(name)
        if mark:
            tables[mark] = Found._make([rest[0], *map(int, rest[1:])])
        elif name == _OTHER:
            others[rest[0]] = int(rest[1])
        else:
            files.append(Found._make([name, *map(int, rest)]))
    return Listing(lines[0][1], files, tables, others)


def endings_not_read(raw: Path) -> dict[str, int]:
    """Ending -> how many files beside the pictures of a folder have it, from what ``download`` left in
    ``raw``; nothing of other data sets."""
    about = raw / "root.json"
    found: dict[str, int] = read_json(about)["others"] if about.is_file() else {}
    return found


def weights_bytes(path: Path, memo: HashMemo) -> bytes:
    """``name, size, SHA-256`` of a weights file, or of every file of its kinds in a folder, as TSV.

    Where the files are is left out: moved weights are the same weights.
    """
    if not path.exists():
        raise StrataError(f"{path}: no such file or folder; mend path in conf/paths/local.yaml")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    lines = [
        to_line((file.name, str(file.stat().st_size), sha256_file(file, memo)))
        for file in files
        if file.is_file() and (file == path or file.suffix in _WEIGHTS_KINDS)
    ]
    if not lines:
        raise StrataError(f"{path}: no weights there (files ending in {', '.join(_WEIGHTS_KINDS)})")
    return b"".join(lines)


def _walk(
    folder: str, prefix: str, ends: tuple[str, ...], above: frozenset[tuple[int, int]], others: list[str]
) -> Iterator[Found]:
    """``above``: device and inode of the folders we are in, so that a link back to one is not followed;
    ``others`` gets the names of files with other endings."""
    here = os.stat(folder)
    identity = (here.st_dev, here.st_ino)
    if identity in above:
        return
    try:
        entries = os.scandir(folder)
    except OSError as error:
        raise StrataError(
            f"{folder}: cannot be listed ({error.strerror}); mend its rights or move it away"
        ) from None
    with entries:
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if entry.is_dir():
                if name not in _SKIPPED_FOLDERS:
                    yield from _walk(entry.path, f"{prefix}{name}/", ends, above | {identity}, others)
            elif name.lower().endswith(ends):
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue  # a dangling link, or gone since the folder was opened
                if stat.S_ISREG(status.st_mode):
                    yield Found.of(prefix + name, status)
            elif entry.is_file():
                others.append(prefix + name)


def _table(root: str, name: str, path: str) -> Found:
    place = os.path.join(root, os.path.expanduser(path))
    try:
        status = os.stat(place)
    except OSError:
        raise StrataError(
            f"{place}: no such file; mend the {name} file in conf/datasets/folder.yaml "
            "(relative to the pictures' folder, or absolute)"
        ) from None
    return Found.of(place, status)
