"""The feature store: finished work that outlives a killed run, shared by every experiment.

``ROOT/features/SPACE/`` holds one layer computed in one way: ``key.json`` says which (everything that decides
a value is in it, to the last bit; its hash is the folder's name), every ``*.safetensors`` is a shard of some
items' arrays. An item is a picture's SHA-256 and what was done with it: a renamed picture is found again, a
changed one is not. What a key has under HOW (batch, processor, libraries) decides the last bits alone: values
that differ there are never mixed, and ``other_ways`` tells that there are such.

A shard is a safetensors file: eight bytes (the length of the header), a JSON header, the arrays one behind
the other. The header's metadata hold the items, a line each, and the CRC-32 of items and arrays. Shards are
written whole (temporary file, fsync, rename) and never changed, so processes may share a store. A shard that
cannot be read, or whose checksum is wrong, counts as not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.base.files import atomic, read_json, write_json

FORMAT = 2  # part of every key: raise it when the same key would mean other values, or other files
HOW = "computed"
FOLDER = "features"
SUFFIX = ".safetensors"
NOWHERE = -1
STALE_SECONDS = 3600.0  # a temporary file this old was left by a killed process
_DTYPES = {"<f2": "F16", "<f4": "F32"}  # numpy's name: safetensors' name
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError)

Arrays = dict[str, npt.NDArray[Any]]


class BrokenShard(Exception):
    """A shard that is proved damaged and was removed, or that has vanished."""


@dataclass(frozen=True)
class Space:
    """The folder of one layer computed in one way; ``rows``: dtype and shape of a row of each array."""

    folder: Path
    rows: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]


@dataclass(frozen=True)
class Found:
    """Where a space holds the N items that ``numbers`` numbers from 0: in row ``row[n]`` of
    ``shards[shard[n]]`` ((N,) int32); ``shard[n]`` is NOWHERE for an item it does not hold."""

    numbers: Mapping[str, int]
    shards: Sequence[Path]
    shard: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]

    def __contains__(self, item: str) -> bool:
        return bool(self.shard[self.numbers[item]] != NOWHERE)


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


def other_ways(space: Space) -> list[tuple[Space, dict[str, Any]]]:
    """The spaces whose keys differ from that of ``space`` in HOW alone, and what they have there.

    That is empty in a store that did not record it yet. In the order of the folders' names.
    """
    own = read_json(space.folder / "key.json") | {HOW: None}
    found = []
    for path in sorted(space.folder.parent.glob("*/key.json")):
        with contextlib.suppress(StrataError):  # a broken key is no way to compute
            key = read_json(path)
            if path.parent != space.folder and {**key, HOW: None} == own:
                found.append((Space(path.parent, space.rows), key.get(HOW, {})))
    return found


def find_items(space: Space, numbers: Mapping[str, int]) -> Found:
    """Look for the items of ``numbers`` (each with its number, 0 to N - 1). Reads headers only.

    Where two shards hold an item, the first name counts.
    """
    shards = sorted(space.folder.glob(f"*{SUFFIX}"), reverse=True)
    shard, row = (np.full(len(numbers), NOWHERE, np.int32) for _ in range(2))
    for place, path in enumerate(shards):
        try:
            with open(path, "rb", buffering=0) as stream:
                items = _items(_read_header(stream))
        except (OSError, *_DAMAGED):
            continue
        known = np.fromiter((numbers.get(item, NOWHERE) for item in items), np.int64, len(items))
        rows = np.flatnonzero(known != NOWHERE)
        shard[known[rows]], row[known[rows]] = place, rows
    return Found(numbers, shards, shard, row)


def write_shard(space: Space, items: Sequence[str], arrays: Arrays) -> Path:
    """Write one shard: the row i of every array belongs to ``items[i]`` (ASCII, one line).

    Equal items give an equal file name: two processes that did the same work leave one shard.
    """
    lines = "\n".join(items)
    path = space.folder / f"{hashlib.sha256(lines.encode('ascii')).hexdigest()[:24]}{SUFFIX}"
    parts = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header: dict[str, Any] = {}
    crc, end = _crc(lines), 0
    for name, part in parts.items():
        begin, end = end, end + part.nbytes
        crc = zlib.crc32(part.data, crc)
        header[name] = {
            "dtype": _DTYPES[part.dtype.str],
            "shape": list(part.shape),
            "data_offsets": [begin, end],
        }
    header["__metadata__"] = {"items": lines, "crc32": f"{crc:08x}"}
    head = json.dumps(header, separators=(",", ":")).encode("ascii")
    head += b" " * (-len(head) % 8)  # so that a mapped file's arrays are aligned
    with atomic(path) as stream:
        stream.write(len(head).to_bytes(8, "little") + head)
        for part in parts.values():
            stream.write(part.data)
    return path


def read_shard(space: Space, shard: Path) -> Arrays:
    """All arrays of a shard (read-only), verified. A damaged one is removed and raises BrokenShard.

    What the system cannot read (a disk or a network that fails for a moment) proves nothing: StrataError, and
    the shard, which others may share, stays.
    """
    try:
        with open(shard, "rb", buffering=0) as stream:
            header = _read_header(stream)
            data = stream.read()
        items = _items(header)
        if zlib.crc32(data, _crc("\n".join(items))) != int(header["__metadata__"]["crc32"], 16):
            raise ValueError("its checksum is wrong")
        return {
            name: _array(header[name], data, dtype, (len(items), *shape))
            for name, (dtype, shape) in space.rows.items()
        }
    except FileNotFoundError as error:
        raise BrokenShard("it has vanished") from error
    except OSError as error:
        raise StrataError(
            f"{shard}: cannot be read ({error.strerror}); it was left as it is: run again when the disk or "
            "network it is on can be read, or remove it and it is computed anew"
        ) from None
    except _DAMAGED as error:
        shard.unlink(missing_ok=True)
        raise BrokenShard(str(error)) from error


def _read_header(stream: IO[bytes]) -> dict[str, Any]:
    """A shard's header; ``stream`` stands at its arrays then. ValueError for a file that is not whole."""
    size = os.fstat(stream.fileno()).st_size
    length = int.from_bytes(stream.read(8), "little")
    if 8 + length > size:
        raise ValueError("it is cut off")
    header: dict[str, Any] = json.loads(stream.read(length))
    if size != 8 + length + max(part["data_offsets"][1] for name, part in header.items() if name[:2] != "__"):
        raise ValueError("it is cut off")
    return header


def _items(header: dict[str, Any]) -> list[str]:
    lines: list[str] = header["__metadata__"]["items"].splitlines()
    return lines


def _crc(lines: str) -> int:
    """Where a shard's CRC-32 starts: a row under another item's name would be as bad as a wrong row."""
    return zlib.crc32(lines.encode("ascii"))


def _array(
    part: dict[str, Any], data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    begin, end = part["data_offsets"]
    count = int(np.prod(shape))
    if (part["dtype"], tuple(part["shape"]), end - begin) != (
        _DTYPES[dtype.str],
        shape,
        count * dtype.itemsize,
    ):
        raise ValueError(f"an array is {part['dtype']} {part['shape']}")
    return np.frombuffer(data, dtype, count, begin).reshape(shape)


def store_bytes(root: Path) -> int:
    """How many bytes the feature store takes on disk."""
    return sum(path.stat().st_size for path in (root / FOLDER).glob("*/*") if path.is_file())


def _clear_stale(folder: Path) -> None:
    """Remove old temporary files. Their age is told by the clock of whoever keeps the folder, which stamps a
    new file as it stamped theirs: a shared folder's clock may differ from this machine's."""
    left_over = list(folder.glob(".*.part"))
    if not left_over:
        return
    with tempfile.TemporaryFile(dir=folder) as now:
        oldest = os.fstat(now.fileno()).st_mtime - STALE_SECONDS
    for left in left_over:
        with contextlib.suppress(FileNotFoundError):  # its writer finished, or another process was quicker
            if left.stat().st_mtime < oldest:
                left.unlink()
