"""A full disk, said in one line."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from strata.base.errors import StrataError


@contextlib.contextmanager
def full_disk_said(path: Path) -> Iterator[None]:
    """Turn 'no space left' while writing ``path`` into a StrataError; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = "the disk is full; free some space and run again, what was fetched so far is kept"
            raise StrataError(f"{path}: {message}") from error
        raise
