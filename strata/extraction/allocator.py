"""Keep the memory that networks give back.

By default glibc hands large freed blocks to the kernel at once and fetches them anew, page by page, for the
output of the next layer; a ResNet spends a tenth of its time on that.
"""

from __future__ import annotations

import contextlib
import ctypes

# Numbers of <malloc.h>; the second is the largest block glibc lets one set.
_TRIM_THRESHOLD, _TRIM_BYTES = -1, 2**31 - 1
_MMAP_THRESHOLD, _MMAP_BYTES = -3, 32 << 20
_ARENA_MAX, _ARENAS = -8, 1


def keep_freed_memory() -> None:
    """Tell glibc, for the whole process, before threads are started; does nothing on other systems."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in (
            (_ARENA_MAX, _ARENAS),
            (_MMAP_THRESHOLD, _MMAP_BYTES),
            (_TRIM_THRESHOLD, _TRIM_BYTES),
        ):
            mallopt(option, value)
