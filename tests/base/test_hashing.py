"""Files are hashed once, and again when their size or time changes."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from strata.base.hashing import HashMemo, forget, known_hashes, sha256_file


def test_the_hash_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(content)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_known_file_is_not_read_again(tmp_path: Path) -> None:
    file, memo = tmp_path / "a b\nü.jpg", HashMemo(tmp_path / "memo")
    file.write_bytes(b"one")
    sha256_file(file, memo)
    ((key, _),) = memo.items()
    memo.put(key, "remembered")
    assert sha256_file(file, HashMemo(tmp_path / "memo")) == "remembered"
    forget(file, memo)
    assert sha256_file(file, HashMemo(tmp_path / "memo")) == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("replaced", [False, True])
def test_another_content_with_the_same_size_and_time_is_noticed(tmp_path: Path, replaced: bool) -> None:
    file, memo = tmp_path / "a", HashMemo(tmp_path / "memo")
    file.write_bytes(b"one")
    os.utime(file, ns=(1, 10))
    sha256_file(file, memo)
    time.sleep(0.02)  # the system's clock of changes ticks
    other = tmp_path / "b" if replaced else file
    other.write_bytes(b"two")
    os.utime(other, ns=(1, 10))
    os.replace(other, file)
    assert sha256_file(file, memo) == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize(("content", "mtime_ns"), [(b"longer", 10), (b"two", 11)])
def test_a_new_size_or_time_is_noticed(tmp_path: Path, content: bytes, mtime_ns: int) -> None:
    file, memo = tmp_path / "a", HashMemo(tmp_path / "memo")
    file.write_bytes(b"one")
    os.utime(file, ns=(1, 10))
    sha256_file(file, memo)
    file.write_bytes(content)
    os.utime(file, ns=(1, mtime_ns))
    assert sha256_file(file, memo) == hashlib.sha256(content).hexdigest()


def test_relative_and_absolute_paths_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").write_bytes(b"one")
    sha256_file(Path("a"), HashMemo(tmp_path / "memo"))
    sha256_file(tmp_path / "a", HashMemo(tmp_path / "memo"))
    assert (tmp_path / "memo").read_bytes().count(b"\n") == 1


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256_file(tmp_path / "none", HashMemo(tmp_path / "memo"))


def test_the_shared_memo_is_in_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_STORE", str(tmp_path / "s"))
    (tmp_path / "a").write_bytes(b"one")
    sha256_file(tmp_path / "a", known_hashes())
    assert (tmp_path / "s/sha256.tsv").is_file()
