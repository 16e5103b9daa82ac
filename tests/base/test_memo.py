"""A memo survives crashes and company."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from strata.base.memo import Memo


def test_what_is_put_is_known_to_the_next_run(tmp_path: Path) -> None:
    memo = Memo(tmp_path / "store/memo.tsv")
    memo.put(("a\tb", "1"), "x y")
    memo.put(("ü\udcff", ""), "z")
    again = Memo(tmp_path / "store/memo.tsv")
    assert again.get(("a\tb", "1")) == "x y"
    assert again.get(("ü\udcff", "")) == "z"
    assert again.get(("a",)) is None


def test_a_line_torn_anywhere_is_forgotten_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memo.tsv"
    Memo(path).put(("first",), "1")
    whole = len(path.read_bytes())
    Memo(path).put(("second",), "2")
    content = path.read_bytes()
    for cut in range(whole, len(content) - 1):  # with all but its line feed a line is whole
        path.write_bytes(content[:cut])
        memo = Memo(path)
        assert memo.get(("first",)) == "1"
        assert memo.get(("second",)) is None
        memo.put(("third",), "3")
        memo.put(("fourth",), "4")
        again = Memo(path)
        assert [again.get((key,)) for key in ("first", "second", "third", "fourth")] == ["1", None, "3", "4"]


def put_many(path: Path, who: int) -> None:
    memo = Memo(path)
    for i in range(200):
        memo.put((f"{who}/{i}",), "x" * 50)


def test_processes_may_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / "memo.tsv"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=put_many, args=(path, who)) for who in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    memo = Memo(path)
    assert all(memo.get((f"{who}/{i}",)) == "x" * 50 for who in range(4) for i in range(200))


def test_a_line_with_any_flipped_bit_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "memo.tsv"
    memo = Memo(path)
    memo.put(("first",), "640 480")
    first = path.stat().st_size
    memo.put(("second",), "2")
    whole = path.read_bytes()
    for bit in range(8 * first):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert Memo(path).get(("first",)) is None
        assert {key for key, _ in Memo(path).items()} <= {("second",)}


def test_what_is_dropped_is_unknown_to_the_next_run(tmp_path: Path) -> None:
    memo = Memo(tmp_path / "memo.tsv")
    memo.put(("a",), "1")
    memo.drop(("a",))
    assert memo.get(("a",)) is None
    assert Memo(tmp_path / "memo.tsv").items() == []
