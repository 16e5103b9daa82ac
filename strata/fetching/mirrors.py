"""One file from wherever it can be had: the user's own copy, the store, or the first mirror that has it.

A file that the data set's YAML has no SHA-256 for must stay what it was the first time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.base.hashing import HashMemo, known_hashes, sha256_file
from strata.base.locks import first_seen, record_first_seen
from strata.base.track import Track, no_track
from strata.base.workspace import project_root, store_root
from strata.fetching.sources import RemoteFile
from strata.fetching.transfer import Refused, Wanted, forget, transfer

INCOMING = Path("data/incoming")


@dataclass(frozen=True)
class Fetched:
    """A verified file. ``own``: the user's copy, not to be moved or changed."""

    path: Path
    sha256: str
    own: bool


def fetch(
    file: RemoteFile, dataset: str, *, track: Track = no_track, pause: Callable[[float], Any] = time.sleep
) -> Fetched:
    """The file, its size and SHA-256 checked; the caller holds its lock.

    The hash must be the YAML's or, where that says none, the one of the first time (see ``record_first``).
    Raises StrataError that names every mirror and what was wrong with it.
    """
    own = incoming(file.name)
    if own.is_file():
        return Fetched(own, _checked(own, file, dataset, memo=known_hashes()), own=True)
    kept = downloads() / file.name
    if kept.is_file():
        return Fetched(kept, _checked(kept, file, dataset), own=False)
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f"{kept.name}.part")
    refusals = []
    for url in file.urls:
        try:
            transfer(Wanted(url, part, file.bytes), track=track, pause=pause)
        except Refused as refusal:
            refusals.append(f"{url}: {refusal}")
            continue
        part.replace(kept)
        forget(part)
        try:
            return Fetched(kept, _checked(kept, file, dataset), own=False)
        except StrataError as error:
            refusals.append(f"{url}: {error}")
    raise StrataError(
        f"{file.name} could not be fetched: {'; '.join(refusals)}. Run again later (what came is kept), or "
        f"put the file into {INCOMING}/ yourself"
    )


def known_sha256(file: RemoteFile) -> str | None:
    """The hash ``file`` must have: the YAML's, else the one recorded the first time."""
    return file.sha256 or first_seen(_record(), file.name)


def record_first(file: RemoteFile, sha256: str) -> None:
    """Remember the hash of a file that the YAML has no hash for, once it has proved sound."""
    if file.sha256 is None:
        record_first_seen(_record(), file.name, sha256)


def incoming(name: str) -> Path:
    """Where a user may put the file ``name``: in the main project, also seen from an experiment's copy."""
    return project_root() / INCOMING / name


def downloads() -> Path:
    """The store's folder of fetched files, shared by data sets and experiments."""
    return store_root() / "downloads"


def _record() -> Path:
    return downloads() / "first-seen.tsv"


def _checked(path: Path, file: RemoteFile, dataset: str, memo: HashMemo | None = None) -> str:
    """The SHA-256; where size or hash is wrong a StrataError, and a file in the store is removed."""
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise _wrong(path, f"has {size:,} bytes, not {file.bytes:,}")
    sha256, wanted = sha256_file(path, memo), known_sha256(file)
    if wanted is not None and sha256 != wanted:
        conf = f"conf/datasets/{dataset}.yaml"
        which = f"{conf} says" if file.sha256 else "the first download had"
        raise _wrong(
            path,
            f"has SHA-256 {sha256}, {which} {wanted}; if the change is meant, put the new one into {conf}",
        )
    return sha256


def _wrong(path: Path, why: str) -> StrataError:
    if path.parent == downloads():
        path.unlink()
    return StrataError(f"{path}: {why}")
