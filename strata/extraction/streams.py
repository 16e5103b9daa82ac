"""Batches through the network, several at once.

On a CPU one thread a core, each with its own batch, does more than one batch spread over all cores: nobody
waits at the end of every layer for the core that a decoding thread was given. Each stream runs modules of its
own on the same weights, so that hooks do not meet.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

import torch

from strata.base.threads import in_threads
from strata.extraction.network import Network
from strata.models.loading import share

Batch = TypeVar("Batch")
Done = TypeVar("Done")


def stream(
    network: Network, work: Callable[[Network, Batch], Done], batches: Iterable[Batch]
) -> Generator[Done, None, None]:
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

    return in_threads(
        run, batches, network.streams, network.streams + 1, partial(torch.set_num_threads, network.threads)
    )
