"""A data set's files and archives, fetched, unpacked once in the store and linked into the raw folder.

The store keeps what was unpacked (by the archive's SHA-256) and not the archive: data sets that share an
archive share its pictures, and another run needs neither network nor space.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from strata.base.errors import StrataError
from strata.base.files import full_disk_reported
from strata.base.locks import locked
from strata.base.track import Track, Warn
from strata.fetching.mirrors import downloads, fetch, incoming, known_sha256, record_first
from strata.fetching.sources import RemoteFile
from strata.fetching.unpacking import unpack


def fetch_all(files: Sequence[RemoteFile], dataset: str, out: Path, *, track: Track, warn: Warn) -> None:
    """Put every file into ``out`` under its name, an archive's content into the folder of that name.

    Raises StrataError of one line; a later call continues.
    """
    for file in files:
        with locked(downloads() / "locks" / f"{file.name}.lock", warn=warn):
            if file.unpack:
                link_tree(_unpacked(file, dataset, track), out / file.name)
            else:
                fetched = fetch(file, dataset, track=track)
                record_first(file, fetched.sha256)
                link(fetched.path, out / file.name, copy=fetched.own)


def _unpacked(file: RemoteFile, dataset: str, track: Track) -> Path:
    """The folder in the store that holds the archive's content."""
    wanted = known_sha256(file)
    if wanted is not None and not incoming(file.name).is_file():
        folder = _folder(wanted)
        if folder.is_dir():
            return folder
    fetched = fetch(file, dataset, track=track)
    folder = _folder(fetched.sha256)
    if not folder.is_dir():
        with full_disk_reported(folder), _removed_if_damaged(fetched.path, fetched.own):
            unpack(fetched.path, folder, consume=not fetched.own, track=track)
    elif not fetched.own:
        fetched.path.unlink()
    record_first(file, fetched.sha256)
    return folder


def _folder(sha256: str) -> Path:
    return downloads() / "unpacked" / sha256[:32]


@contextlib.contextmanager
def _removed_if_damaged(archive: Path, own: bool) -> Iterator[None]:
    """An archive that cannot be unpacked is removed from the store; a full disk keeps it."""
    try:
        yield
    except StrataError:
        if not own:
            archive.unlink(missing_ok=True)
        raise


def link_tree(source: Path, target: Path) -> None:
    """All files of ``source`` below ``target``, without taking space where the system can link."""
    for folder, _, names in os.walk(source):
        below = target / Path(folder).relative_to(source)
        below.mkdir(parents=True, exist_ok=True)
        for name in names:
            link(Path(folder) / name, below / name)


def link(source: Path, target: Path, *, copy: bool = False) -> None:
    """A second name for the file, or a copy where that cannot be or is not wanted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not copy:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)
