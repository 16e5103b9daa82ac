"""The first hash of a file counts, whoever records at the same time."""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from strata.base.first_seen import first_seen, record_first_seen

ROUNDS = 100


def test_the_first_hash_is_kept(tmp_path: Path) -> None:
    record = tmp_path / "store/seen.tsv"
    assert first_seen(record, "a.zip") is None
    assert record_first_seen(record, "a.zip", "one") == "one"
    assert record_first_seen(record, "a.zip", "two") == "one"
    assert first_seen(record, "a.zip") == "one"


def record_many(folder: Path, who: str, barrier: Barrier) -> None:
    """In every round: a name of one's own, and one that both record."""
    for number in range(ROUNDS):
        record = folder / f"{number}.tsv"
        barrier.wait(60)
        record_first_seen(record, who, f"{who}'s")
        record_first_seen(record, "both", f"{who}'s")


def test_two_processes_that_record_at_once_lose_nothing_and_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)
    workers = [context.Process(target=record_many, args=(tmp_path, who, barrier)) for who in ("ann", "bob")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for number in range(ROUNDS):
        record = tmp_path / f"{number}.tsv"
        assert first_seen(record, "ann") == "ann's"
        assert first_seen(record, "bob") == "bob's"
        assert len(record.read_text().splitlines()) == 3
