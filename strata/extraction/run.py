"""The whole of ``extract``: plan, look up in the store, compute what is missing, lay out the features."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.errors import StrataError
from strata.base.files import clear_leftovers, make_in_place, required, write_json, write_table
from strata.base.machine import differing, told_apart
from strata.base.track import Track, no_track
from strata.collection.tables import USABLE, Tables
from strata.extraction.assembly import assemble_layer, row_bytes
from strata.extraction.computing import Work, compute, first_views, missing_work
from strata.extraction.kernels import Computed
from strata.extraction.network import Network, open_network, space_key
from strata.extraction.plan import Plan, plan_extraction, rows_table
from strata.extraction.precision import SAMPLE, bf16_gain, check_precision
from strata.maps.features import write_layer_info
from strata.maps.store import (
    NOWHERE,
    BrokenShard,
    Found,
    Space,
    find_items,
    open_space,
    other_ways,
    store_bytes,
)
from strata.settings.params import ExtractParams, ModelConf, QueryView

MUCH_WORK = 1000  # views: from here on the time to try bf16 does not show
ATTEMPTS = 5  # a broken shard is computed again; a store that keeps breaking is a broken disk
REJECTED_SCHEMA = pa.schema(required(image_id=pa.string(), reason=pa.string()))


@dataclass(frozen=True)
class Request:
    """What to extract: which layers of which model, how."""

    model: str
    conf: ModelConf
    layers: tuple[str, ...]
    params: ExtractParams
    query_view: QueryView


@dataclass(frozen=True)
class Place:
    """Where and how fast: the store, the device, pictures a batch (None: what suits the device), cores to
    decode and compute with. Changes a result in its last bits at most (see ``kernels``)."""

    store: Path
    device: str = "cpu"
    batch: int | None = None
    workers: int = 2


@dataclass(frozen=True)
class Extracted:
    """What was done. ``computed`` and ``from_store`` count views; ``seconds`` is the time spent computing;
    ``how``: what decided the last bits."""

    pictures: int
    queries: int
    layers: int
    computed: int
    from_store: int
    rejected: int
    seconds: float
    out_bytes: int
    store_bytes: int
    how: Computed


def extract(
    folder: Path,
    tables: Tables,
    request: Request,
    place: Place,
    *,
    track: Track = no_track,
    announce: Callable[[str], None] = lambda _: None,
) -> Extracted:
    """Write the features of ``tables`` into ``folder`` (see ``maps.features``), which appears when done.

    ``announce`` is told what is about to be computed and how many bytes it takes, if anything is, and when
    the store has it already, but computed in another way. Raises StrataError of one line: an unknown layer,
    no usable picture, a disk too small, a file that changed.
    """
    clear_leftovers(folder)  # before the disk is measured
    plan = plan_extraction(tables, request.query_view)
    network = open_network(
        request.conf,
        request.model,
        request.layers,
        request.params,
        device=place.device,
        batch=place.batch,
        workers=place.workers,
        hash_record=place.store / "weights.tsv",
    )
    spaces = {
        layer.info.name: open_space(place.store, space_key(network, layer), layer.rows)
        for layer in network.layers
    }
    rejected: dict[str, str] = {}
    computed = refused = plan.jobs_of(rejected)
    seconds = 0.0
    for _ in range(ATTEMPTS):
        stored = {name: find_items(space, plan.numbers) for name, space in spaces.items()}
        works = missing_work(plan, refused, network.layers, stored)
        if works:
            announce(_check_disk(folder, place.store, plan, network, works))
            if otherwise := _stored_otherwise(network, spaces, stored, plan):
                announce(otherwise)
            network = _look_at_precision(network, works, announce)
            started = time.perf_counter()
            rejected |= compute(network, works, spaces, stored, workers=place.workers, track=track)
            seconds += time.perf_counter() - started
            refused = plan.jobs_of(rejected)
            computed = np.logical_or.reduce([computed, *(work.chosen for work in works)])
            stored = {name: find_items(space, plan.numbers) for name, space in spaces.items()}
        kept = _kept_rows(plan, rejected)
        reasons = _rejected(tables, rejected)
        try:
            make_in_place(folder, partial(_fill, network, spaces, stored, plan, kept, reasons))
            break
        except BrokenShard:
            continue
    else:
        raise StrataError(
            f"{place.store}: the store's files keep breaking; check its disk or set STRATA_STORE"
        )
    queries = plan.rows["query_id"].is_valid().to_numpy()[kept]
    return Extracted(
        pictures=int(np.count_nonzero(~queries)),
        queries=int(np.count_nonzero(queries)),
        layers=len(network.layers),
        computed=int(np.count_nonzero(computed & ~refused)),
        from_store=int(np.count_nonzero(~computed & ~refused)),
        rejected=reasons.num_rows,
        seconds=seconds,
        out_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        store_bytes=store_bytes(place.store),
        how=network.computed,
    )


def _fill(
    network: Network,
    spaces: Mapping[str, Space],
    stored: Mapping[str, Found],
    plan: Plan,
    kept: npt.NDArray[np.bool_],
    reasons: pa.Table,
    folder: Path,
) -> None:
    """All files of the features, into an empty folder."""
    for layer in network.layers:
        name = layer.info.name
        assemble_layer(folder / name, spaces[name], stored[name], plan.row_items[kept])
        write_layer_info(folder, layer.info)
    write_json(folder / "view.json", {"view": network.params.view, "size_px": network.model.image_size_px})
    write_json(folder / "layers.json", [layer.info.name for layer in network.layers])
    write_table(folder / "rows.parquet", rows_table(plan.rows.filter(pa.array(kept))))
    write_table(folder / "rejected.parquet", reasons)


def _stored_otherwise(
    network: Network, spaces: Mapping[str, Space], stored: Mapping[str, Found], plan: Plan
) -> str | None:
    """That the store holds what is to be computed, but computed in another way; None where it does not."""
    for name, space in spaces.items():
        if (stored[name].shard != NOWHERE).any():
            continue
        others = other_ways(space)
        ways = [how for other, how in others if (find_items(other, plan.numbers).shard != NOWHERE).any()]
        if ways:
            nearest = min(ways, key=lambda way: len(differing(way, network.computed)))
            old, new = told_apart(nearest, network.computed)
            return f"the store holds such features, computed with {old}; they are computed again with {new}"
    return None


def _look_at_precision(network: Network, works: Sequence[Work], announce: Callable[[str], None]) -> Network:
    """Refuse a precision that is not exact enough; in fp32, for much work, say what bf16 would gain.

    Returns the network without the copy in fp32, which is not needed any more.
    """
    much = sum(map(len, works)) >= MUCH_WORK
    if network.exact is None and not (much and network.params.precision == "fp32"):
        return network
    views = first_views(network, works, SAMPLE)
    if views and network.exact is not None:
        check_precision(network, network.exact, views)
    elif views:
        announce(bf16_gain(network, views))
    return replace(network, exact=None)


def _kept_rows(plan: Plan, rejected: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    """(rows,) those of pictures that could be decoded; StrataError when there are none."""
    lost = pc.is_in(plan.rows["sha256"], pa.array(list(rejected), pa.string()))
    kept: npt.NDArray[np.bool_] = ~lost.to_numpy()
    if not kept.any():
        first = next(iter(plan.jobs))
        raise StrataError(
            f"none of the {len(rejected)} pictures could be decoded; "
            f"the first is {first.path}: {rejected[first.sha256]}"
        )
    return kept


def _rejected(tables: Tables, rejected: Mapping[str, str]) -> pa.Table:
    """``rejected.parquet``: usable by their headers, but not by their pixels."""
    images = tables.images.select(["image_id", "sha256", "status"])
    lost = pc.is_in(images["sha256"], pa.array(list(rejected), pa.string()))
    found = images.filter(pc.and_(lost, pc.equal(images["status"], USABLE))).sort_by("image_id")
    reasons = pa.array([rejected[sha256] for sha256 in found["sha256"].to_pylist()], pa.string())
    return pa.table([found["image_id"], reasons], schema=REJECTED_SCHEMA)


def _check_disk(folder: Path, store: Path, plan: Plan, network: Network, works: Sequence[Work]) -> str:
    """What is going to be computed, in words; StrataError when it will not fit on the disks."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    out = plan.rows.num_rows * sum(row_bytes(layer.rows) for layer in network.layers)
    new = sum(
        int(plan.n_items[work.chosen].sum()) * sum(row_bytes(layer.rows) for layer in work.layers)
        for work in works
    )
    same = os.stat(folder.parent).st_dev == os.stat(store).st_dev
    for where, needed in ((folder.parent, out + new if same else out), (store, new)):
        free = shutil.disk_usage(where).free
        if needed > free:
            raise StrataError(
                f"{where}: about {needed / 2**30:.2f} GiB of features do not fit, {free / 2**30:.2f} GiB are "
                "free; make room, ask for fewer layers, or lower extract.levels"
            )
    views = sum(map(len, works))
    return (
        f"{views} of {len(plan.n_items)} views to compute; about {out / 2**20:.0f} MiB of features, "
        f"{new / 2**20:.0f} MiB more in the store"
    )
