"""Writes are whole or not at all, and equal content gives equal bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from strata.base import files
from strata.base.errors import StrataError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old\n")

    def fail() -> None:
        with files.atomic(path) as stream:
            stream.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StrataError, match="folder: the disk is full"):
        files.make_in_place(tmp_path / "folder", full_disk)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(StrataError, match=r"a\.txt: the disk is full; free some space"):
        files.write_text(tmp_path / "a.txt", "x")
    assert list(tmp_path.iterdir()) == []


def test_other_errors_keep_their_kind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError):
        files.write_text(tmp_path / "file/a.txt", "x")


def test_files_get_the_rights_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "new/a.txt", "x")
        files.make_in_place(tmp_path / "folder", lambda folder: files.write_text(folder / "b", "x"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new/a.txt").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


@pytest.mark.parametrize("name", ["ü" * 80 + ".txt", "transformer.resblocks.5.parquet", "a [x], (b).txt"])
def test_long_and_odd_names_work(tmp_path: Path, name: str) -> None:
    files.write_text(tmp_path / name, "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_json_is_sorted_readable_and_strict(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"b": 1, "ä": [1.5, None]})
    assert path.read_text(encoding="utf-8") == '{\n  "b": 1,\n  "ä": [\n    1.5,\n    null\n  ]\n}\n'
    assert files.read_json(path) == {"b": 1, "ä": [1.5, None]}
    with pytest.raises(ValueError, match="Out of range"):
        files.write_json(path, {"b": float("nan")})


def test_arrays_come_back_with_shape_and_dtype(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float16).reshape(2, 3).T
    files.write_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(files.read_array(tmp_path / "a.npy"), array)
    mapped = files.read_array(tmp_path / "a.npy", mmap=True)
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    files.write_arrays(tmp_path / "a.npz", array=array, scalar=np.float64(2.5))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as loaded:
        assert sorted(loaded) == ["array", "scalar"]
        np.testing.assert_array_equal(loaded["array"], array)
        assert loaded["scalar"].shape == ()


def test_objects_are_refused(tmp_path: Path) -> None:
    objects = np.array([{}], dtype=object)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        files.write_array(tmp_path / "a.npy", objects)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        files.write_arrays(tmp_path / "a.npz", a=objects)
    assert list(tmp_path.iterdir()) == []


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    table = pa.table({"a": list(range(1000)), "b": ["x"] * 1000})
    array = np.arange(10)
    for run in ("one", "two"):
        files.write_table(tmp_path / run / "t.parquet", table)
        files.write_arrays(tmp_path / run / "a.npz", array=array, other=array * 2)
        files.write_json(tmp_path / run / "a.json", {"a": 1})
    for name in ("t.parquet", "a.npz", "a.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_arrays_have_the_same_bytes_whatever_python_writes_them(tmp_path: Path) -> None:
    files.write_arrays(tmp_path / "a.npz", a=np.arange(3, dtype="<f4"), b=np.array(["x", "yz"]))
    digest = hashlib.sha256((tmp_path / "a.npz").read_bytes()).hexdigest()
    assert (
        digest == "914467fcc19d7d13ac2a2426bc9bf767901ac02378b1da7765da37d70fe82fc4"
    )  # 3.11.2, 3.11.7, 3.13.0


def test_chunks_do_not_change_a_tables_bytes(tmp_path: Path) -> None:
    whole = pa.table({"a": list(range(1000))})
    files.write_table(tmp_path / "whole.parquet", whole)
    files.write_table(tmp_path / "parts.parquet", pa.concat_tables([whole.slice(0, 10), whole.slice(10)]))
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "parts.parquet").read_bytes()


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    files.write_table(tmp_path / "t.parquet", pa.table({"a": [1], "b": [2]}))
    assert files.read_table(tmp_path / "t.parquet", ["b"]).column_names == ["b"]


@pytest.mark.parametrize("name", ["a.json", "a.npy", "a.parquet"])
def test_missing_and_broken_files_are_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    read = {".json": files.read_json, ".npy": files.read_array, ".parquet": files.read_table}[path.suffix]
    with pytest.raises(StrataError, match=rf"{name}: no such file; run `dvc repro` to make it"):
        read(path)
    for content in (b"", b"\xff\xfe broken"):
        path.write_bytes(content)
        with pytest.raises(StrataError, match=rf"{name}: not .* delete it and run `dvc repro`"):
            read(path)


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    files.make_in_place(folder, lambda new: files.write_text(new / "old.txt", "1"))
    files.make_in_place(folder, lambda new: files.write_text(new / "new.txt", "2"))
    assert [path.name for path in folder.iterdir()] == ["new.txt"]


def test_what_a_killed_process_left_goes_first_and_nothing_else(tmp_path: Path) -> None:
    for name in (".out[1].abc.part", ".out1.abc.part", ".other.abc.part"):
        files.write_text(tmp_path / name / "half.txt", "1")
    files.make_in_place(tmp_path / "out[1]", lambda new: files.write_text(new / "a.txt", "2"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.abc.part", ".out1.abc.part", "out[1]"]


def test_a_failing_maker_leaves_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    files.make_in_place(folder, lambda new: files.write_text(new / "old.txt", "1"))

    def fail(new: Path) -> None:
        files.write_text(new / "half.txt", "2")
        raise StrataError("stop")

    with pytest.raises(StrataError, match="stop"):
        files.make_in_place(folder, fail)
    assert list(tmp_path.iterdir()) == [folder]
    assert [path.name for path in folder.iterdir()] == ["old.txt"]
