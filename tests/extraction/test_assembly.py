from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import strata.extraction.assembly
from strata.base.errors import StrataError
from strata.extraction.assembly import assemble_layer, row_bytes
from strata.maps.store import BrokenShard, Found, Space, find_items, open_space, read_shard, write_shard

ROWS = {"regions": (np.dtype("<f2"), (3, 4)), "mean": (np.dtype("<f4"), (4,))}


def filled(root: Path, shards: list[list[int]]) -> Space:
    """A space whose item ``i<n>`` holds the number n."""
    space = open_space(root, {}, ROWS)
    for numbers in shards:
        values = np.array(numbers, np.float64)
        write_shard(
            space,
            [f"i{number}" for number in numbers],
            {
                "regions": np.broadcast_to(values[:, None, None], (len(numbers), 3, 4)).astype(np.float16),
                "mean": np.broadcast_to(values[:, None], (len(numbers), 4)).astype(np.float32),
            },
        )
    return space


def found_in(space: Space) -> Found:
    return find_items(space, {f"i{number}": number for number in range(7)})


@pytest.mark.parametrize("shards", [[[0, 1, 2, 3, 4]], [[4, 2], [0, 1], [3]], [[1], [3], [0], [2], [4]]])
def test_rows_come_in_the_order_asked_for_however_they_are_stored(
    tmp_path: Path, shards: list[list[int]]
) -> None:
    space = filled(tmp_path, shards)
    wanted = [0, 1, 2, 2, 3, 4, 0]
    assemble_layer(tmp_path / "out", space, found_in(space), np.array(wanted))
    regions = np.load(tmp_path / "out" / "regions.npy")
    mean = np.load(tmp_path / "out" / "mean.npy")
    assert regions.dtype == np.float16
    assert regions.shape == (7, 3, 4)
    np.testing.assert_array_equal(regions[:, 2, 3], wanted)
    np.testing.assert_array_equal(mean[:, 0], wanted)


def test_every_shard_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = filled(tmp_path, [[0, 2, 4], [1, 3, 5]])
    read: list[Path] = []

    def counted(space: Space, shard: Path) -> object:
        read.append(shard)
        return read_shard(space, shard)

    monkeypatch.setattr(strata.extraction.assembly, "read_shard", counted)
    assemble_layer(tmp_path / "out", space, found_in(space), np.arange(6))
    assert len(read) == len(set(read)) == 2


def test_a_broken_shard_is_passed_on(tmp_path: Path) -> None:
    space = filled(tmp_path, [[0, 1]])
    found = found_in(space)
    found.shards[0].write_bytes(b"torn")
    with pytest.raises(BrokenShard):
        assemble_layer(tmp_path / "out", space, found, np.arange(2))


def test_what_is_not_there_is_not_laid_out(tmp_path: Path) -> None:
    space = filled(tmp_path, [[0, 1]])
    with pytest.raises(BrokenShard, match="has vanished"):
        assemble_layer(tmp_path / "out", space, found_in(space), np.arange(3))
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = filled(tmp_path, [[0]])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(strata.extraction.assembly, "_write_all", full)
    with pytest.raises(StrataError, match="the disk is full"):
        assemble_layer(tmp_path / "out", space, found_in(space), np.arange(1))


def test_bytes_of_a_row() -> None:
    assert row_bytes(ROWS) == 3 * 4 * 2 + 4 * 4
