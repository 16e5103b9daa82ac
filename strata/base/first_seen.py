"""Trust on first use: the SHA-256 that a file had the first time, kept where nobody has pinned one.

A record is a text file that only grows (``Memo``), written under a lock: of two processes that record at once
neither loses a line, and both go by the one that came first.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from strata.base.memo import Memo


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
