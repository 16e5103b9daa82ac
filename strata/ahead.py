"""Parts of some work done in threads while the next ones are being read; the results keep the parts' order.

Whoever adds the results up in that order gets the same bits on any number of cores, as long as a part itself
is computed on one thread: hold BLAS to one (``threadpoolctl``) around the loop, not inside ``work``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")

MOST_THREADS = 16  # a part in work takes memory


def in_order(
    work: Callable[[Part], Done], parts: Iterable[Part], *, waiting: int = 2, threads: int = MOST_THREADS
) -> Iterator[Done]:
    """``work(part)`` for every part, on a thread a core, ``threads`` at most.

    No more than ``waiting`` parts beside those in work are taken, or done, beforehand.

    ``work`` should spend its time outside of Python's lock, as numpy does.
    """
    threads = min(_cores(), threads)
    pending: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for part in parts:
            pending.append(pool.submit(work, part))
            if len(pending) >= threads + waiting:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
