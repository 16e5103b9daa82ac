"""Compute what the store lacks: threads decode, others run the network, one writes shards.

The result does not depend on where an earlier run was cut off. Jobs that lack the same layers are worked on
together in the order of the plan, batches always have the network's size, and a shard holds whole batches: a
run that continues meets the batches it would have met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, compress, islice

import numpy as np
import numpy.typing as npt

from strata.base.track import Track, no_track
from strata.extraction.decoding import Viewed, view_pictures
from strata.extraction.encoding import encode
from strata.extraction.network import Network, TappedLayer
from strata.extraction.plan import Job, Jobs, Plan
from strata.extraction.streams import stream
from strata.maps.store import NOWHERE, Arrays, Found, Space, write_shard
from strata.maps.views import ViewedPicture

SHARD_BATCHES = 8  # what a kill may cost, besides the batches being worked on

Batch = list[tuple[Job, ViewedPicture]]
Encoded = tuple[list[str], dict[str, Arrays]]


@dataclass(frozen=True)
class Work:
    """Jobs that lack the same layers, in the order of the plan. ``chosen``: (jobs,) which of ``all_jobs``."""

    layers: tuple[TappedLayer, ...]
    all_jobs: Jobs
    chosen: npt.NDArray[np.bool_]

    def __iter__(self) -> Iterator[Job]:
        return compress(self.all_jobs, self.chosen.tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self.chosen))


def missing_work(
    plan: Plan, refused: npt.NDArray[np.bool_], layers: Sequence[TappedLayer], stored: Mapping[str, Found]
) -> tuple[Work, ...]:
    """What to compute: ``stored`` is what each layer has by name, ``refused`` (jobs,) what cannot be read."""
    starts = np.cumsum(plan.n_items) - plan.n_items
    lacking = np.stack(
        [np.logical_or.reduceat(stored[layer.info.name].shard == NOWHERE, starts) for layer in layers]
    )
    lacking &= ~refused
    kinds, first, kind = np.unique(lacking, axis=1, return_index=True, return_inverse=True)
    return tuple(
        Work(tuple(compress(layers, kinds[:, one])), plan.jobs, kind.reshape(-1) == one)
        for one in np.argsort(first).tolist()
        if kinds[:, one].any()
    )


def compute(
    network: Network,
    works: Sequence[Work],
    spaces: Mapping[str, Space],
    stored: Mapping[str, Found],
    *,
    workers: int,
    track: Track = no_track,
) -> dict[str, str]:
    """Do the work and store it; returns the pictures that could not be decoded: SHA-256 -> reason.

    Raises StrataError for what stops the whole run.
    """
    rejected: dict[str, str] = {}
    ahead = (network.streams + 1) * network.batch + workers  # while a batch is waited for, the next fill up
    total = sum(map(len, works))
    making = view_pictures(chain.from_iterable(works), network.spec, workers=workers, ahead=ahead)
    with ThreadPoolExecutor(1, thread_name_prefix="write") as pool, closing(making) as viewed:
        writing: Future[None] = pool.submit(lambda: None)
        views = track(viewed, total=total, desc="pictures")
        for work in works:
            batches = _batches(_decoded(islice(views, len(work)), rejected), network.batch)
            with closing(stream(network, partial(_encode_batch, layers=work.layers), batches)) as encoded:
                while shard := list(islice(encoded, SHARD_BATCHES)):
                    writing.result()  # one shard is written while the next is computed, never two
                    writing = pool.submit(_write, work.layers, shard, spaces, stored)
        writing.result()
    return rejected


def first_views(network: Network, works: Iterable[Work], count: int) -> list[ViewedPicture]:
    """The first ``count`` views of the work that can be made."""
    views = view_pictures(chain.from_iterable(works), network.spec, workers=1, ahead=1)
    return list(islice((view.picture for view in views if view.picture is not None), count))


def _decoded(views: Iterable[Viewed], rejected: dict[str, str]) -> Iterator[tuple[Job, ViewedPicture]]:
    for view in views:
        if view.picture is None:
            rejected[view.job.sha256] = view.reason
        else:
            yield view.job, view.picture


def _batches(decoded: Iterator[tuple[Job, ViewedPicture]], size: int) -> Iterator[Batch]:
    while batch := list(islice(decoded, size)):
        yield batch


def _encode_batch(network: Network, batch: Batch, layers: Sequence[TappedLayer]) -> Encoded:
    jobs, pictures = [job for job, _ in batch], [picture for _, picture in batch]
    return [item.key for job in jobs for item in job.items], encode(network, jobs, pictures, layers)


def _write(
    layers: Iterable[TappedLayer],
    shard: Sequence[Encoded],
    spaces: Mapping[str, Space],
    stored: Mapping[str, Found],
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
