"""One process at a time works on a fetched file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from strata.base.errors import StrataError
from strata.base.track import Warn


@contextlib.contextmanager
def locked(path: Path, *, warn: Warn) -> Iterator[None]:
    """Hold the lock file ``path``; while another run holds it, say so once and wait.

    The system drops the lock of a process that ends however it ends, so a stale file never blocks. Raises
    StrataError where the file cannot be made.
    """
    lock = FileLock(path, poll_interval=0.2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        owner = path.read_text(encoding="ascii", errors="replace").strip() or "another run"
        warn(f"{path.stem}: process {owner} is fetching it; waiting for that to end")
        lock.acquire()
    except OSError as error:
        raise StrataError(
            f"{path.parent}: cannot be written ({error.strerror}); set STRATA_STORE to another folder"
        ) from None
    try:
        path.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        lock.release()
