"""Give the disk back the first part of a file that has been read and will not be read again (Linux only)."""

from __future__ import annotations

import ctypes
import sys

_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h
_BLOCK = 1 << 20


def release_before(descriptor: int, place: int) -> bool:
    """Free the space of the bytes before ``place`` (whole MiB); False where the system cannot do that.

    ``descriptor`` must be open for writing. The file keeps its size; the bytes read as zeros.
    """
    length = place // _BLOCK * _BLOCK
    if length == 0 or not sys.platform.startswith("linux"):
        return False
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if fallocate is None:
        return False
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, 0, length) == 0)
