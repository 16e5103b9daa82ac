"""The feature store: finished work that outlives a killed run, shared by every experiment.

``ROOT/features/SPACE/`` holds one layer computed in one way: ``key.json`` says which (everything that decides
a value is in it; its hash is the folder's name), every ``*.npz`` is a shard of some items' arrays. An item is
a picture's SHA-256 and what was done with it: a renamed picture is found again, a changed one is not.

Shards are written whole (temporary file, fsync, rename) and never changed, so processes may share a store. A
shard that cannot be read, or whose checksum (zip's CRC-32) is wrong, counts as not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from strata.errors import StrataError
from strata.files import write_arrays, write_json

FORMAT = 1  # part of every key: raise it when the same key would mean other values
FOLDER = "features"
ITEMS = "items"
STALE_SECONDS = 3600.0  # a temporary file this old was left by a killed process
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError)

Arrays = dict[str, npt.NDArray[Any]]


class Slot(NamedTuple):
    """Where an item's arrays are: a row of a shard."""

    shard: Path
    row: int


class BrokenShard(Exception):
    """A shard that cannot be read any more; it was removed."""


@dataclass(frozen=True)
class Space:
    """The folder of one layer computed in one way; ``rows``: dtype and shape of a row of each array."""

    folder: Path
    rows: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]


def open_space(
    root: Path, key: Mapping[str, Any], rows: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
) -> Space:
    """The space of ``key``: plain JSON values, everything that decides what is computed.

    Makes the folder and its ``key.json``; clears temporary files that killed processes left there. Raises
    StrataError when the store cannot be written.
    """
    content = {**key, "format": FORMAT}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    folder = root / FOLDER / hashlib.sha256(canonical.encode()).hexdigest()[:20]
    try:
        if not (folder / "key.json").is_file():
            write_json(folder / "key.json", content)
        _clear_stale(folder)
    except OSError as error:
        raise StrataError(
            f"{folder}: the feature store cannot be written ({error.strerror}); "
            "set STRATA_STORE to another folder"
        ) from None
    return Space(folder, rows)


def find_items(space: Space) -> dict[str, Slot]:
    """Every item the space holds; where two shards hold one, the first name counts. Reads the lists only."""
    found: dict[str, Slot] = {}
    for shard in sorted(space.folder.glob("*.npz")):
        try:
            with np.load(shard, allow_pickle=False) as arrays:
                items = [item.decode("ascii") for item in arrays[ITEMS].tolist()]
        except _UNREADABLE:
            continue
        for row, item in enumerate(items):
            found.setdefault(item, Slot(shard, row))
    return found


def write_shard(space: Space, items: Sequence[str], arrays: Arrays) -> Path:
    """Write one shard: the row i of every array belongs to ``items[i]`` (ASCII).

    Equal items give an equal file name: two processes that did the same work leave one shard.
    """
    name = hashlib.sha256("\n".join(items).encode("ascii")).hexdigest()[:24]
    path = space.folder / f"{name}.npz"
    write_arrays(path, **{ITEMS: np.array([item.encode("ascii") for item in items])}, **arrays)
    return path


def read_shard(space: Space, shard: Path) -> Arrays:
    """All arrays of a shard, checksums verified. A broken one is removed and raises BrokenShard."""
    try:
        with np.load(shard, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in (ITEMS, *space.rows)}
        count = len(arrays.pop(ITEMS))
        for name, (dtype, shape) in space.rows.items():
            if arrays[name].dtype != dtype or arrays[name].shape != (count, *shape):
                raise ValueError(f"{name} is {arrays[name].dtype} {arrays[name].shape}")
    except _UNREADABLE as error:
        shard.unlink(missing_ok=True)
        raise BrokenShard(str(error)) from error
    return arrays


def store_bytes(root: Path) -> int:
    """How many bytes the feature store takes on disk."""
    return sum(path.stat().st_size for path in (root / FOLDER).glob("*/*") if path.is_file())


def _clear_stale(folder: Path) -> None:
    oldest = time.time() - STALE_SECONDS
    for left in folder.glob(".*.part"):
        with contextlib.suppress(FileNotFoundError):  # its writer finished, or another process was quicker
            if left.stat().st_mtime < oldest:
                left.unlink()
