"""What several processes share: a fetched file that one at a time works on, and the hashes first seen.

Trust on first use: the SHA-256 that a file had the first time is kept where nobody has pinned one. A record
is a text file that only grows (``Memo``), written under a lock: of two processes that record at once neither
loses a line, and both go by the one that came first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from strata.base.errors import StrataError
from strata.base.memo import Memo
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


def first_seen(record: Path, name: str) -> str | None:
    """The SHA-256 that ``record`` has for ``name``, or None."""
    return Memo(record).get((name,))


def record_first_seen(record: Path, name: str, sha256: str) -> str:
    """Record ``sha256`` for ``name`` unless one is known; what is recorded now."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{record}.lock"):
        memo = Memo(record)
        known = memo.get((name,))
        if known is None:
            memo.put((name,), sha256)
    return known or sha256
