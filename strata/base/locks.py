"""One process at a time works on a fetched file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from strata.base.errors import StrataError

_POLL_S = 0.2


@contextlib.contextmanager
def locked(path: Path, *, warn: Callable[[str], None], patience_s: float | None = None) -> Iterator[None]:
    """Hold the lock file ``path``; while another run holds it, say so once and wait.

    The system drops the lock of a process that ends however it ends, so a stale file never blocks. Raises
    StrataError after ``patience_s`` seconds (None: waits as long as the other run lives).
    """
    with _opened(path) as stream:
        _take(stream.fileno(), path, warn, patience_s)
        os.ftruncate(stream.fileno(), 0)
        os.pwrite(stream.fileno(), str(os.getpid()).encode("ascii"), 0)
        yield


def _opened(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a+", encoding="ascii")
    except OSError as error:
        raise StrataError(
            f"{path.parent}: cannot be written ({error.strerror}); set STRATA_STORE to another folder"
        ) from None


def _take(descriptor: int, path: Path, warn: Callable[[str], None], patience_s: float | None) -> None:
    started, said = time.monotonic(), False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            owner = path.read_text(encoding="ascii", errors="replace").strip() or "another run"
        if patience_s is not None and time.monotonic() - started >= patience_s:
            raise StrataError(f"{path.stem}: process {owner} is fetching it; run again when that has ended")
        if not said:
            warn(f"{path.stem}: process {owner} is fetching it; waiting for that to end")
            said = True
        time.sleep(_POLL_S)
