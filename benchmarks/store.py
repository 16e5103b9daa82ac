"""The feature store: a full one laid out, found again, and what it costs a first run."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.ours import picture_tables, run_extract
from benchmarks.pairing import paired, timed
from benchmarks.pictures import find_pictures
from benchmarks.results import Result, Row, rate_row
from benchmarks.settings import Settings
from benchmarks.weights import local_conf, local_model
from strata.extraction import computing
from strata.extraction import run as running
from strata.extraction.assembly import assemble_layer
from strata.maps.store import find_items, open_space, write_shard
from strata.settings.params import Precision

ITEMS, CHANNELS, REGIONS, SHARD = 100_000, 512, 14, 128
LISTED, LAYERS = 200_000, 5
SHARE = 1 / 0.03  # the store may cost three hundredths of a first run
ALL = ("stem", "early", "middle", "late", "embedding")
CASES: tuple[tuple[str, tuple[str, ...], Precision, int], ...] = (
    ("ViT-B-32", ALL, "fp32", 128),
    ("ViT-B-32", ALL, "bf16", 256),
    ("ViT-B-32", ("stem",), "bf16", 512),
)
REMARKS = (
    f"*Laid out*: {ITEMS:,} rows of {REGIONS} regions, mean and GeM x {CHANNELS} from shards of {SHARD}, "
    "every checksum verified, fsync at the end. *Copied*: `shutil.copyfile` of the same outs and fsync. "
    "*Copied in memory*: the same bytes from one array to another, no file at all.",
    "*The store's share*: making spaces, finding items, writing shards, laying outs out (which a run without "
    "a store would have to write as well). Processor seconds are those of all threads. *Waited for*: the "
    "wall-clock seconds of all that but for the shards, which are written beside the network; of these the "
    "last alone.",
)


def run(settings: Settings) -> Result:
    """Lay out and copy, list, then first runs with a clock in every part of the store."""
    work = settings.work / "store"
    shutil.rmtree(work, ignore_errors=True)
    rows = [*_laid_out(settings, work), _listed(settings, work)]
    shutil.rmtree(work, ignore_errors=True)
    for case in CASES[:1] if settings.small else CASES:
        rows += _share(settings, *case)
    return Result("The store", tuple(rows), REMARKS)


def _laid_out(settings: Settings, work: Path) -> list[Row]:
    items = [f"{number:064x}:image" for number in range(1000 if settings.small else ITEMS)]
    one = (np.dtype("<f4"), (CHANNELS,))
    space = open_space(
        work, {"bench": "rows"}, {"regions": (np.dtype("<f2"), (REGIONS, CHANNELS)), "mean": one, "gem": one}
    )
    random = np.random.default_rng(0)
    values = {name: random.random((SHARD, *shape)).astype(kind) for name, (kind, shape) in space.rows.items()}
    for start in range(0, len(items), SHARD):
        part = items[start : start + SHARD]
        write_shard(space, part, {name: array[: len(part)] for name, array in values.items()})
    numbers = {item: number for number, item in enumerate(items)}
    found, out, copy = find_items(space, numbers), work / "out", work / "copy"
    lay_out = partial(assemble_layer, out, space, found, np.arange(len(items)))
    lay_out()
    for name, array in values.items():
        laid = np.load(out / f"{name}.npy", mmap_mode="r")
        if not all((laid[row] == array[row % SHARD]).all() for row in range(0, len(items), 97)):
            raise ValueError(f"{name}: rows were laid out wrong")
    total = sum(path.stat().st_size for path in out.iterdir())
    source = np.ones(total // 8)
    target = np.zeros_like(source)
    label, gigabytes = f"{len(items):,} rows laid out, {total / 1e9:.2f} GB", total / 1e9

    def beside(peer: str, theirs: Callable[[], object], target: float | None) -> Row:
        pair = paired(_anew(lay_out, out), _anew(theirs, copy), settings.rounds)
        row = rate_row(label, peer, pair, 1, "GB/s", target)
        return replace(row, ours=gigabytes / pair.ours_s, theirs=gigabytes / pair.theirs_s)

    return [
        beside("copied, file by file", partial(_copy, out, copy), 1.0),
        beside("copied in memory", lambda: np.copyto(target, source), None),
    ]


def _anew(work: Callable[[], object], folder: Path) -> Callable[[], float]:
    """Seconds of ``work``, which makes ``folder``, with nothing there yet and the disk at rest."""

    def run() -> float:
        shutil.rmtree(folder, ignore_errors=True)
        os.sync()
        return timed(work)()

    return run


def _copy(source: Path, target: Path) -> None:
    target.mkdir()
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, target / path.name)
        with open(target / path.name, "r+b") as stream:
            os.fsync(stream.fileno())


def _listed(settings: Settings, work: Path) -> Row:
    count = 1000 if settings.small else LISTED
    items = [f"{number:064x}:image" for number in range(count)]
    numbers = {item: number for number, item in enumerate(items)}
    rows = {"vector": (np.dtype("<f4"), (4,))}
    spaces = [open_space(work, {"bench": layer}, rows) for layer in range(LAYERS)]
    with patch.object(os, "fsync", lambda _: None):
        for space in spaces:
            for start in range(0, count, SHARD):
                part = items[start : start + SHARD]
                write_shard(space, part, {"vector": np.zeros((len(part), 4), np.float32)})
    seconds = [
        timed(lambda: [find_items(space, numbers) for space in spaces])() for _ in range(settings.rounds)
    ]
    return Row(f"{count:,} pictures x {LAYERS} layers found", "-", median(seconds), None, "s")


@dataclass
class Clock:
    """Seconds spent in the store: processors' in all of it, the wall's in each shard and in all else."""

    processor_s: float = 0.0
    waited_s: float = 0.0
    shards_s: list[float] = field(default_factory=list)


def _share(
    settings: Settings, model: str, layers: Sequence[str], precision: Precision, pictures: int
) -> list[Row]:
    paths = find_pictures(settings.pictures, settings.work / "pictures", 6 if settings.small else pictures)
    conf, tables = local_conf(local_model(model, settings.work / "models")), picture_tables(paths)
    shares: list[tuple[float, float, float, float]] = []
    for _ in range(settings.rounds + 1):
        clock = Clock()
        with _timed_store(clock):
            began = time.process_time()
            wall = run_extract(tables, conf, tuple(layers), precision, settings.work / "extraction")
            processor = time.process_time() - began
        waited = clock.waited_s + sum(clock.shards_s[-len(layers) :])
        shares.append((clock.processor_s, processor, waited, wall))
    label = f"{model}, {' + '.join(layers) if len(layers) < 3 else f'{len(layers)} layers'}, {precision}"
    return [
        _share_row(f"{label}: the store's processor time", "the first run's", [it[:2] for it in shares[1:]]),
        _share_row(f"{label}: waiting for the store", "the first run's", [it[2:] for it in shares[1:]]),
    ]


def _share_row(case: str, peer: str, seconds: Sequence[tuple[float, ...]]) -> Row:
    times = [whole / store for store, whole in seconds]
    store, whole = (median(it[place] for it in seconds) for place in (0, 1))
    note = f"times the store's: {100 * store / whole:.2f} %"
    return Row(case, peer, store, whole, "s", median(times), min(times), max(times), SHARE, note, len(times))


@contextmanager
def _timed_store(clock: Clock) -> Iterator[None]:
    """Run with a clock around every call into the store; shards are written by a thread of their own."""

    def write(*arguments: Any) -> Path:
        began, wall = time.thread_time(), time.perf_counter()
        path = write_shard(*arguments)
        clock.processor_s += time.thread_time() - began
        clock.shards_s.append(time.perf_counter() - wall)
        return path

    def waited_for(work: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            began, wall = time.process_time(), time.perf_counter()
            result = work(*arguments)
            clock.processor_s += time.process_time() - began
            clock.waited_s += time.perf_counter() - wall
            return result

        return called

    with ExitStack() as stack:
        stack.enter_context(patch.object(computing, "write_shard", write))
        for name in ("open_space", "find_items", "assemble_layer"):  # nothing else runs beside these
            stack.enter_context(patch.object(running, name, waited_for(getattr(running, name))))
        yield
