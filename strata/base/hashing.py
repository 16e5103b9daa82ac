"""SHA-256 of files, remembered: a file whose path, size, times and inode are known is not read again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from strata.base.memo import Memo
from strata.base.workspace import store_root

_CHUNK_BYTES = 1 << 20


class HashMemo(Memo):
    """Hashes by (absolute path, size in bytes, times of modification and of change in ns, inode)."""


def known_hashes() -> HashMemo:
    """The memo that every stage and experiment of the project shares, read now."""
    return HashMemo(store_root() / "sha256.tsv")


def sha256_file(path: str | Path, memo: HashMemo | None = None) -> str:
    """The SHA-256 of a file's bytes, 64 hex digits; taken from ``memo`` where ``_key`` is known.

    Raises OSError when the file cannot be read. A file that changes while it is read is not remembered.
    """
    key = _key(path)
    known = memo.get(key) if memo else None
    if known is not None:
        return known
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    sha256 = digest.hexdigest()
    if memo and _key(path) == key:
        memo.put(key, sha256)
    return sha256


def forget(path: str | Path, memo: HashMemo) -> None:
    """Drop what is remembered of a file that turned out to have another hash."""
    memo.drop(_key(path))


def _key(path: str | Path) -> tuple[str, ...]:
    place = os.path.abspath(path)
    found = os.stat(place)
    stamps = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    return place, *map(str, stamps)
