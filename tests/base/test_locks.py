"""One run at a time; a dead run's lock does not block."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from strata.base.errors import StrataError
from strata.base.locks import locked

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
