"""Batches through the network, several at once.

On a CPU one thread a core, each with its own batch, does more than one batch spread over all cores: nobody
waits at the end of every layer for the core that a decoding thread was given. Each stream runs modules of its
own on the same weights, so that hooks do not meet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

import torch

from strata.extraction.network import Network
from strata.models import share

Batch = TypeVar("Batch")
Done = TypeVar("Done")


def stream(
    network: Network, work: Callable[[Network, Batch], Done], batches: Iterable[Batch]
) -> Iterator[Done]:
    """``work(network, batch)`` for every batch, in their order, ``network.streams`` of them at a time.

    One more batch than that is taken ahead, so that no stream waits for its pictures. An error of ``work`` is
    raised when its turn comes.
    """
    idle: SimpleQueue[Network] = SimpleQueue()
    for _ in range(network.streams):
        idle.put(replace(network, model=share(network.model)))

    def run(batch: Batch) -> Done:
        own = idle.get()
        try:
            return work(own, batch)
        finally:
            idle.put(own)

    left = iter(batches)
    waiting: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(
        network.streams, "forward", initializer=torch.set_num_threads, initargs=(network.threads,)
    ) as pool:
        try:
            waiting.extend(pool.submit(run, batch) for batch in islice(left, network.streams + 1))
            while waiting:
                done = waiting.popleft().result()
                waiting.extend(pool.submit(run, batch) for batch in islice(left, 1))
                yield done
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
