from __future__ import annotations

import errno
import io
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import strata.base.files
from strata.base.errors import StrataError
from strata.maps import store
from strata.maps.store import BrokenShard, Space, find_items, open_space, read_shard, store_bytes, write_shard

ROWS = {"regions": (np.dtype("<f2"), (14, 8)), "mean": (np.dtype("<f4"), (8,))}


def space(root: Path, **key: object) -> Space:
    return open_space(root, {"layer": "early", **key}, ROWS)


def arrays(count: int, fill: float = 0.0) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    return {
        "regions": np.full((count, 14, 8), fill, np.float16),
        "mean": np.full((count, 8), fill, np.float32),
    }


def found_in(where: Space, looked_for: Sequence[str] = ("a", "b")) -> dict[str, tuple[Path, int]]:
    """Item -> shard and row, of the items looked for that are there."""
    found = find_items(where, {item: number for number, item in enumerate(looked_for)})
    there = [item for item in looked_for if item in found]
    numbers = [found.numbers[item] for item in there]
    return {
        item: (found.shards[found.shard[n]], int(found.row[n]))
        for item, n in zip(there, numbers, strict=True)
    }


def test_what_was_written_is_found_and_read(tmp_path: Path) -> None:
    here = space(tmp_path)
    values = arrays(3)
    values["mean"][:] = np.arange(24).reshape(3, 8)
    shard = write_shard(here, ["a:image", "b:image", "c:crop:1.0,2.0,3.5,4.0"], values)
    assert found_in(here, ["c:crop:1.0,2.0,3.5,4.0", "d:image"]) == {"c:crop:1.0,2.0,3.5,4.0": (shard, 2)}
    read = read_shard(here, shard)
    assert set(read) == {"regions", "mean"}
    np.testing.assert_array_equal(read["mean"], values["mean"])


def test_every_part_of_the_key_makes_another_space(tmp_path: Path) -> None:
    folders = {space(tmp_path, levels=n, view=v).folder for n in (1, 2) for v in ("squash", "letterbox")}
    assert len(folders) == 4
    assert space(tmp_path, view="squash", levels=1).folder in folders


def test_the_key_is_readable_beside_the_shards(tmp_path: Path) -> None:
    content = json.loads((space(tmp_path, levels=3).folder / "key.json").read_text())
    assert content == {"format": 2, "layer": "early", "levels": 3}


def test_equal_items_leave_one_shard(tmp_path: Path) -> None:
    here = space(tmp_path)
    assert write_shard(here, ["a", "b"], arrays(2)) == write_shard(here, ["a", "b"], arrays(2))
    assert len(list(here.folder.glob("*.safetensors"))) == 1


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    one = write_shard(space(tmp_path / "1"), ["a", "b"], arrays(2, 1.5))
    two = write_shard(space(tmp_path / "2"), ["a", "b"], arrays(2, 1.5))
    assert one.read_bytes() == two.read_bytes()
    assert one.name == two.name


def test_of_two_shards_with_one_item_the_first_name_counts(tmp_path: Path) -> None:
    here = space(tmp_path)
    shards = [write_shard(here, ["a", "b"], arrays(2)), write_shard(here, ["a"], arrays(1))]
    assert found_in(here)["a"][0] == min(shards)


@pytest.mark.parametrize("keep", [0, 10, 200, -1])
def test_a_torn_shard_counts_as_not_there(tmp_path: Path, keep: int) -> None:
    here = space(tmp_path)
    whole = write_shard(here, ["a"], arrays(1))
    torn = write_shard(here, ["b"], arrays(1))
    torn.write_bytes(torn.read_bytes()[:keep])
    assert set(found_in(here)) == {"a"}
    assert found_in(here)["a"][0] == whole


def test_a_flipped_byte_is_found_on_reading_and_the_shard_removed(tmp_path: Path) -> None:
    here = space(tmp_path)
    shard = write_shard(here, ["a"], arrays(1))
    content = bytearray(shard.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 0xFF
    shard.write_bytes(content)
    assert set(found_in(here)) == {"a"}
    with pytest.raises(BrokenShard):
        read_shard(here, shard)
    assert found_in(here) == {}


def test_no_flipped_byte_gives_other_values(tmp_path: Path) -> None:
    here = space(tmp_path)
    items, values = ["a" * 64, "b" * 64], arrays(2, 1.5)
    content = write_shard(here, items, values).read_bytes()
    for place in range(len(content)):
        shard = here.folder / f"x{place}.safetensors"
        shard.write_bytes(content[:place] + bytes([content[place] ^ 0x01]) + content[place + 1 :])
        try:
            read = read_shard(here, shard)
        except BrokenShard:
            assert not shard.exists()
            continue
        assert list(found_in(here, items)) == items
        assert all(np.array_equal(read[name], values[name]) for name in ROWS)
        shard.unlink()


def test_a_shard_is_a_safetensors_file(tmp_path: Path) -> None:
    from safetensors import safe_open

    values = arrays(3)
    values["mean"][:] = np.arange(24).reshape(3, 8)
    shard = write_shard(space(tmp_path), ["a", "b", "c"], values)
    with safe_open(shard, "numpy") as stored:
        assert stored.metadata()["items"] == "a\nb\nc"
        np.testing.assert_array_equal(stored.get_tensor("mean"), values["mean"])
        assert stored.get_tensor("regions").dtype == np.float16


def test_a_shard_of_other_shapes_is_broken(tmp_path: Path) -> None:
    here = space(tmp_path)
    values = arrays(2)
    values["mean"] = values["mean"][:, :4]
    with pytest.raises(BrokenShard):
        read_shard(here, write_shard(here, ["a", "b"], values))


def test_a_shard_that_vanished_is_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenShard):
        read_shard(space(tmp_path), tmp_path / "gone.safetensors")


@pytest.mark.parametrize("fails", ["open", "read"])
def test_a_shard_that_the_system_cannot_read_now_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    here = space(tmp_path)
    shard = write_shard(here, ["a"], arrays(1))

    class Failing(io.FileIO):
        def __init__(self, *path: Any, **_: Any) -> None:
            if fails == "open":
                raise OSError(errno.EIO, "Input/output error")
            super().__init__(*path)

        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(store, "open", Failing, raising=False)
    with pytest.raises(StrataError, match=r"cannot be read \(Input/output error\); it was left as it is"):
        read_shard(here, shard)
    monkeypatch.undo()
    assert read_shard(here, shard).keys() == ROWS.keys()


def test_age_is_told_by_the_clock_that_stamps_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = space(tmp_path)
    part = here.folder / ".x.1.part"
    part.write_bytes(b"half")
    monkeypatch.setattr(time, "time", lambda: 4e9)  # this machine's clock is decades ahead of the server's
    space(tmp_path)
    assert part.exists()


def test_temporary_files_of_killed_writers_are_cleared_when_old(tmp_path: Path) -> None:
    here = space(tmp_path)
    old, new = here.folder / ".x.1.part", here.folder / ".y.2.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    space(tmp_path)
    assert not old.exists()
    assert new.exists()
    assert found_in(here) == {}


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = space(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(strata.base.files.os, "fsync", full)
    with pytest.raises(StrataError, match="the disk is full"):
        write_shard(here, ["a"], arrays(1))
    assert [path.name for path in here.folder.iterdir()] == ["key.json"]


def test_a_store_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "features").write_text("in the way")
    with pytest.raises(StrataError, match="STRATA_STORE"):
        space(tmp_path)


def test_the_stores_size_counts_every_file(tmp_path: Path) -> None:
    here = space(tmp_path)
    shard = write_shard(here, ["a"], arrays(1))
    assert store_bytes(tmp_path) == shard.stat().st_size + (here.folder / "key.json").stat().st_size
    assert store_bytes(tmp_path / "nowhere") == 0
