"""Lay stored items out as the arrays later stages read, one row after the other.

Every shard is read once and its rows are written where they belong: memory holds a few shards, whatever the
number of pictures. Threads do it (reading, checking and writing leave Python to others), and what is written
goes to the disk at once, while they go on: then little is left to wait for at the end.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strata.base.files import full_disk_reported
from strata.maps.store import NOWHERE, Arrays, BrokenShard, Found, Space, read_shard

LONG_WRITE = 1 << 16  # bytes: pages of shorter writes get neighbours from other shards
THREADS = 4  # and shards in memory: two cores are busy with two of them, the others wait for the disk

Numbers = npt.NDArray[np.int64]
Run = tuple[int, int, int]  # first row of the out, first row of the shard, how many


def assemble_layer(folder: Path, space: Space, found: Found, items: Numbers) -> None:
    """Write ``FOLDER/ARRAY.npy`` for every array of ``space``; row i is the item numbered ``items[i]``.

    Raises BrokenShard when an item is not there or a shard turns out unreadable (it is gone then: compute
    what it held and call again), StrataError on a full disk.
    """
    if (found.shard[items] == NOWHERE).any():
        raise BrokenShard(f"{space.folder}: a shard has vanished")
    folder.mkdir(parents=True, exist_ok=True)
    offsets = {name: _create(folder / f"{name}.npy", len(items), *space.rows[name]) for name in space.rows}
    by_shard = _runs_by_shard(found, items)
    with full_disk_reported(folder), contextlib.ExitStack() as stack:
        files = {
            name: stack.enter_context(open(folder / f"{name}.npy", "r+b", buffering=0)).fileno()
            for name in space.rows
        }

        def lay_out(shard: Path) -> None:
            _scatter(files, offsets, read_shard(space, shard), by_shard[shard])

        pool = stack.enter_context(ThreadPoolExecutor(THREADS, thread_name_prefix="assemble"))
        for _ in pool.map(lay_out, by_shard):
            pass  # raises what a thread raised
        for file in files.values():
            os.fsync(file)


def row_bytes(rows: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> int:
    """Bytes of one row of all arrays."""
    return sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in rows.values())


def _create(path: Path, count: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    """Make an ``.npy`` of ``count`` rows, still empty, and return where its first row begins."""
    open_memmap: Any = np.lib.format.open_memmap  # numpy has no types for it
    made = open_memmap(path, mode="w+", dtype=dtype, shape=(count, *shape))
    return int(made.offset)


def _runs_by_shard(found: Found, items: Numbers) -> dict[Path, list[Run]]:
    """Which stretches of rows each shard fills, as long as they can be."""
    shard, source = found.shard[items], found.row[items]
    goes_on = (shard[1:] == shard[:-1]) & (source[1:] == source[:-1] + 1)
    starts = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    counts = np.diff(starts, append=len(items))
    runs: dict[Path, list[Run]] = {}
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        runs.setdefault(found.shards[shard[start]], []).append((start, int(source[start]), count))
    return runs


def _scatter(
    files: Mapping[str, int], offsets: Mapping[str, int], arrays: Arrays, runs: Iterable[Run]
) -> None:
    for name, file in files.items():
        width = arrays[name][0].nbytes
        for row, source, count in runs:
            _write_all(file, arrays[name][source : source + count], offsets[name] + row * width)


def _write_all(file: int, values: npt.NDArray[Any], offset: int) -> None:
    """Write at ``offset``. A write may take less than all of it: some systems stop at 2 GiB."""
    left = memoryview(values.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    while left:
        written = os.pwrite(file, left, offset)
        if written >= LONG_WRITE and hasattr(os, "posix_fadvise"):  # Linux: begin to write to the disk
            os.posix_fadvise(file, offset, written, os.POSIX_FADV_DONTNEED)
        left, offset = left[written:], offset + written
