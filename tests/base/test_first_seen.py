"""The first hash of a file counts, whoever records at the same time."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from strata.base.first_seen import first_seen, record_first_seen
from strata.base.memo import Memo

ROUNDS = 50


def test_the_first_hash_is_kept(tmp_path: Path) -> None:
    record = tmp_path / "store/seen.tsv"
    assert first_seen(record, "a.zip") is None
    assert record_first_seen(record, "a.zip", "one") == "one"
    assert record_first_seen(record, "a.zip", "two") == "one"
    assert first_seen(record, "a.zip") == "one"


def record_many(folder: Path, who: str, barrier: Barrier) -> None:
    """In every round a name that both record, and one of one's own; what was answered goes to a file."""
    answers = []
    for number in range(ROUNDS):
        record = folder / f"{number}.tsv"
        barrier.wait(60)
        answers.append(record_first_seen(record, "both", f"{who}'s"))
        record_first_seen(record, who, f"{who}'s")
    (folder / who).write_text("\n".join(answers))


def test_two_processes_that_record_at_once_lose_nothing_and_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = Memo.get

    def slowly(memo: Memo, key: tuple[str, ...]) -> str | None:
        known = look_up(memo, key)
        time.sleep(0.002)  # so that the other process may write in between
        return known

    monkeypatch.setattr(Memo, "get", slowly)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)
    workers = [context.Process(target=record_many, args=(tmp_path, who, barrier)) for who in ("ann", "bob")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    monkeypatch.undo()
    records = [tmp_path / f"{number}.tsv" for number in range(ROUNDS)]
    agreed = [first_seen(record, "both") for record in records]
    assert (tmp_path / "ann").read_text().split("\n") == agreed
    assert (tmp_path / "bob").read_text().split("\n") == agreed
    for record in records:
        assert (first_seen(record, "ann"), first_seen(record, "bob")) == ("ann's", "bob's")
