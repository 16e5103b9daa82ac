"""Compute what the store lacks: threads decode, this thread runs the network, another writes shards.

The result does not depend on where an earlier run was cut off. Jobs that lack the same layers are worked on
together in the order of the plan, batches always have the network's size, and a shard holds whole batches: a
run that continues meets the batches it would have met.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from strata.extraction.decoding import Viewed, view_pictures
from strata.extraction.encoding import encode
from strata.extraction.network import Layer, Network
from strata.extraction.plan import Job
from strata.store import Arrays, Space, write_shard
from strata.track import Track, no_track
from strata.views import ViewedPicture

SHARD_BATCHES = 4  # what a kill may cost

Batch = list[tuple[Job, ViewedPicture]]
Encoded = tuple[list[str], dict[str, Arrays]]
Check = Callable[[Sequence[ViewedPicture], Sequence[Layer]], None]


@dataclass(frozen=True)
class Work:
    """Jobs that lack the same layers, in the order of the plan."""

    layers: tuple[Layer, ...]
    jobs: tuple[Job, ...]


def missing_work(
    jobs: Iterable[Job], layers: Sequence[Layer], stored: Mapping[str, Collection[str]]
) -> tuple[Work, ...]:
    """What has to be computed, when ``stored`` are the items each layer (by name) has already."""
    groups: dict[tuple[int, ...], list[Job]] = {}
    for job in jobs:
        lacking = tuple(
            place
            for place, layer in enumerate(layers)
            if any(item.key not in stored[layer.info.name] for item in job.items)
        )
        if lacking:
            groups.setdefault(lacking, []).append(job)
    return tuple(
        Work(tuple(layers[place] for place in places), tuple(found)) for places, found in groups.items()
    )


def compute(
    network: Network,
    works: Sequence[Work],
    spaces: Mapping[str, Space],
    stored: Mapping[str, Collection[str]],
    *,
    workers: int,
    check: Check | None = None,
    track: Track = no_track,
) -> dict[str, str]:
    """Do the work and store it; returns the pictures that could not be decoded: SHA-256 -> reason.

    ``check`` is called with the first batch of every work. Raises StrataError for what stops the whole run.
    """
    rejected: dict[str, str] = {}
    ahead = 2 * network.batch + workers
    streams = (view_pictures(work.jobs, network.spec, workers=workers, ahead=ahead) for work in works)
    total = sum(len(work.jobs) for work in works)
    views = track(chain.from_iterable(streams), total=total, desc="pictures")
    with ThreadPoolExecutor(1, thread_name_prefix="write") as pool:
        writing: Future[None] = pool.submit(lambda: None)
        for work in works:
            batches = _batches(_decoded(islice(views, len(work.jobs)), rejected), network.batch)
            encoded = _encoded(network, work.layers, batches, check)
            while shard := list(islice(encoded, SHARD_BATCHES)):
                writing.result()  # one shard is written while the next is computed, never two
                writing = pool.submit(_write, work.layers, shard, spaces, stored)
        writing.result()
    return rejected


def _decoded(views: Iterable[Viewed], rejected: dict[str, str]) -> Iterator[tuple[Job, ViewedPicture]]:
    for view in views:
        if view.picture is None:
            rejected[view.job.sha256] = view.reason
        else:
            yield view.job, view.picture


def _batches(decoded: Iterator[tuple[Job, ViewedPicture]], size: int) -> Iterator[Batch]:
    while batch := list(islice(decoded, size)):
        yield batch


def _encoded(
    network: Network, layers: Sequence[Layer], batches: Iterator[Batch], check: Check | None
) -> Iterator[Encoded]:
    for batch in batches:
        jobs, pictures = [job for job, _ in batch], [picture for _, picture in batch]
        if check is not None:
            check(pictures, layers)
            check = None
        items = [item.key for job in jobs for item in job.items]
        yield items, encode(network, jobs, pictures, layers)


def _write(
    layers: Iterable[Layer],
    shard: Sequence[Encoded],
    spaces: Mapping[str, Space],
    stored: Mapping[str, Collection[str]],
) -> None:
    """Write a shard for every layer, of the items it did not have."""
    items = [item for batch, _ in shard for item in batch]
    for name in (layer.info.name for layer in layers):
        new = [place for place, item in enumerate(items) if item not in stored[name]]
        arrays: Arrays = {
            array: np.concatenate([encoded[name][array] for _, encoded in shard])[new]
            for array in spaces[name].rows
        }
        write_shard(spaces[name], [items[place] for place in new], arrays)
