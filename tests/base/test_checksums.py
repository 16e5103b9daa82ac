"""What a sealed folder holds is what is read, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from strata.base import checksums
from strata.base.checksums import SEAL, seal, unseal
from strata.base.errors import StrataError
from strata.base.files import read_array, read_json, read_table, write_array, write_json, write_table


@pytest.fixture(autouse=True)
def no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from the project's dvc.lock, which every error would read."""
    monkeypatch.chdir(tmp_path)


def fill(folder: Path) -> dict[str, Callable[[Path], object]]:
    write_array(folder / "layer/a.npy", np.arange(300, dtype=np.float16))
    write_table(folder / "t.parquet", pa.table({"x": [1, 2, 3]}))
    write_json(folder / "j.json", {"layer": 1})
    return {"layer/a.npy": read_array, "t.parquet": read_table, "j.json": read_json}


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    readers = fill(tmp_path)
    seal(tmp_path)
    for name, read in readers.items():
        path = tmp_path / name
        whole = path.read_bytes()
        read(path)
        for bit in range(0, 8 * len(whole), 97):
            flip(path, bit)
            with pytest.raises(StrataError, match=f"{path.name}: damaged.*dvc repro -f"):
                read(path)
            path.write_bytes(whole)
        read(path)


def test_every_flipped_bit_of_the_seal_is_noticed(tmp_path: Path) -> None:
    fill(tmp_path)
    seal(tmp_path)
    for bit in range(8 * (tmp_path / SEAL).stat().st_size):
        flip(tmp_path / SEAL, bit)
        with pytest.raises(StrataError, match="damaged"):
            read_json(tmp_path / "j.json")
        flip(tmp_path / SEAL, bit)


def test_a_file_the_seal_does_not_know_is_refused(tmp_path: Path) -> None:
    fill(tmp_path)
    seal(tmp_path)
    write_json(tmp_path / "late.json", 1)
    with pytest.raises(StrataError, match=r"late\.json"):
        read_json(tmp_path / "late.json")
    unseal(tmp_path)
    assert read_json(tmp_path / "late.json") == 1


def test_equal_files_give_an_equal_seal(tmp_path: Path) -> None:
    for name in ("one", "two"):
        fill(tmp_path / name)
        seal(tmp_path / name)
    assert (tmp_path / "one" / SEAL).read_bytes() == (tmp_path / "two" / SEAL).read_bytes()


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_files_of_many_blocks_are_checked_to_their_last_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: int
) -> None:
    monkeypatch.setattr(checksums, "BLOCK", 64)
    array = np.arange(7 * 64 - 128 + extra, dtype=np.uint8)
    write_array(tmp_path / "a.npy", array)
    seal(tmp_path)
    assert np.array_equal(read_array(tmp_path / "a.npy", mmap=True), array)
    flip(tmp_path / "a.npy", 8 * (tmp_path / "a.npy").stat().st_size - 1)
    with pytest.raises(StrataError, match="damaged"):
        read_array(tmp_path / "a.npy", mmap=True)


def test_the_error_names_the_cache_object_and_the_stage() -> None:
    fill(Path("data/features"))
    seal(Path("data/features"))
    object_ = Path(".dvc/cache/files/md5/ab/cd.dir")
    write_json(object_, [{"relpath": "layer/a.npy", "md5": "1234"}])
    Path("dvc.lock").write_text(
        "stages:\n  extract:\n    outs:\n    - path: data/features\n      md5: abcd.dir\n", encoding="utf-8"
    )
    flip(Path("data/features/layer/a.npy"), 999)
    command = "`rm -f .dvc/cache/files/md5/12/34 && dvc repro -f -s extract`"
    with pytest.raises(StrataError, match=command):
        read_array(Path("data/features/layer/a.npy"))
