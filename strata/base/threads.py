"""Parts of some work done in threads while the next ones are being read; the results keep the parts' order.

Whoever adds the results up in that order gets the same bits on any number of cores, as long as a part itself
is computed on one thread: use ``one_blas_thread`` around the loop, not inside ``work``.

``work`` should spend its time outside of Python's lock, as numpy does. An error of a part is raised when its
turn comes, and ends the rest. A loop that may be left before its end closes the generator
(``contextlib.closing``): its threads are gone then.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")

MOST_THREADS = 16  # a part in work takes memory


def in_order(
    work: Callable[[Part], Done], parts: Iterable[Part], *, waiting: int = 2, threads: int = MOST_THREADS
) -> Generator[Done, None, None]:
    """``work(part)`` for every part, on a thread a core, ``threads`` at most.

    No more than ``waiting`` parts beside those in work are taken, or done, beforehand.
    """
    threads = min(cores(), threads)
    return in_threads(work, parts, threads, threads + waiting - 1)


def in_threads(
    work: Callable[[Part], Done],
    parts: Iterable[Part],
    threads: int,
    at_once: int,
    begin: Callable[[], object] = lambda: None,
) -> Generator[Done, None, None]:
    """``work(part)`` for every part, on ``threads`` threads, each of which calls ``begin`` first.

    ``at_once`` parts are in work, or done, beside the one that is handed over.
    """
    left = iter(parts)
    pending: deque[Future[Done]] = deque()
    pool = ThreadPoolExecutor(threads, initializer=begin)
    try:
        pending.extend(pool.submit(work, part) for part in islice(left, at_once))
        while pending:
            done = pending.popleft().result()
            pending.extend(pool.submit(work, part) for part in islice(left, 1))
            yield done
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def one_blas_thread(*modules: str) -> Iterator[None]:
    """Hold BLAS and OpenMP to one thread: sums differ in the last bits between one thread and two.

    ``modules`` are imported first (``"scipy.linalg"``): the limit does not see a BLAS that is loaded later.
    """
    from threadpoolctl import threadpool_limits

    for module in modules:
        importlib.import_module(module)
    with threadpool_limits(limits=1):
        yield


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
