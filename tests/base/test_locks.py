"""One run at a time; a dead run's lock does not block."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from strata.base.errors import StrataError
from strata.base.locks import first_seen, locked, record_first_seen
from strata.base.memo import Memo

HOLD = """
import sys, time
from pathlib import Path
from strata.base.locks import locked
with locked(Path(sys.argv[1]), warn=print):
    print("held", flush=True)
    time.sleep(60)
"""


def quiet(message: str) -> None:
    """Takes a warning."""


def test_a_second_run_waits_and_says_for_whom(tmp_path: Path) -> None:
    lock, said, order = tmp_path / "a.zip.lock", [], []

    def second() -> None:
        with locked(lock, warn=said.append):
            order.append("second")

    with locked(lock, warn=quiet):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert said == [f"a.zip: process {os.getpid()} is fetching it; waiting for that to end"]


def test_a_store_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StrataError, match=r"cannot be written \(.*\); set STRATA_STORE"),
        locked(tmp_path / "file/locks/a.lock", warn=quiet),
    ):
        pass


def test_a_killed_runs_lock_is_taken_over(tmp_path: Path) -> None:
    lock = tmp_path / "a.zip.lock"
    command = [sys.executable, "-c", HOLD, str(lock)]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.send_signal(signal.SIGKILL)
    with locked(lock, warn=pytest.fail):
        assert lock.read_text() == str(os.getpid())


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
