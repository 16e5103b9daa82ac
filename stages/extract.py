"""extract: one pass over the pictures: region maxima and statistics of every layer, through the store."""

from __future__ import annotations

import os
import sys

from stages import settings
from stages.running import paths, run_stage, track
from strata.base.errors import StrataError
from strata.base.files import write_json
from strata.base.threads import cores
from strata.base.workspace import store_root
from strata.collection.tables import read_tables
from strata.dense.extracting import DenseRequest, extract_dense
from strata.dense.params import dense_layers, dense_params, is_every_layer
from strata.dense.tower import DenseView
from strata.extraction.allocator import keep_freed_memory
from strata.extraction.run import Extracted, Place, Request, extract
from strata.maps.features import read_rows

COMPUTED = "computed.json"  # in git, beside dvc.lock: what decided the last bits that the hashes there are of


def main() -> str:
    keep_freed_memory()
    folder, out, dense = paths()
    run = settings.params(
        "model",
        "layers",
        "extract",
        "query.view",
        "dense.layers",
        "dense.size_px",
        "dense.stride",
        "dense.cells",
        "dense.mirror",
    )
    model = settings.model("architecture", "weights", "aliases", "image_only", "linear_stem")
    request = Request(run.model, model, tuple(run.layers), run.extract, run.query.view)
    tables, where, how = read_tables(folder), place(), settings.dataset("dense").dense
    done = extract(out, tables, request, where, track=track, announce=announce)
    write_json(out.with_name(COMPUTED), done.how)
    params = dense_params(run.dense, how, ("size_px", "stride", "cells", "mirror"))
    view = DenseView(
        run.model, model, run.extract.precision, run.extract.pixel_norm, params.size_px, params.stride
    )
    layers = dense_layers(run.dense, how, run.layers)
    wanted = DenseRequest(layers, is_every_layer(run.dense, how), view, params)
    kept = extract_dense(
        dense,
        tables,
        read_rows(out),
        wanted,
        store=where.store,
        device=where.device,
        track=track,
        announce=announce,
    )
    return summary(done) + (f"; dense maps of {', '.join(kept)}" if kept else "")


def announce(message: str) -> None:
    """What is about to be computed, before the wait."""
    print(f"extract: {message}", file=sys.stderr, flush=True)


def place() -> Place:
    """Where and how fast, from the environment."""
    return Place(
        store=store_root(),
        device=os.environ.get("STRATA_DEVICE") or "cpu",
        batch=count("STRATA_BATCH", None),
        workers=count("STRATA_WORKERS", cores()) or 1,
    )


def count(variable: str, default: int | None) -> int | None:
    """A whole number above 0 from the environment."""
    value = os.environ.get(variable)
    if not value:
        return default
    if not value.isdecimal() or int(value) < 1:
        raise StrataError(
            f"environment: {variable} = {value!r} is no whole number above 0; unset it for the default"
        )
    return int(value)


def summary(done: Extracted) -> str:
    """The counts, in one line."""
    speed = f", {done.computed / done.seconds:.1f} views/s" if done.computed else ""
    return (
        f"{done.pictures} pictures and {done.queries} boxed queries x {done.layers} layers, "
        f"{done.computed} views computed and {done.from_store} from the store, {done.rejected} rejected"
        f"{speed}, {mib(done.out_bytes)}; store {mib(done.store_bytes)} (`make clean-store` frees it)"
    )


def mib(size_bytes: int) -> str:
    """Bytes in MiB, for people."""
    return f"{size_bytes / 2**20:.1f} MiB"


if __name__ == "__main__":
    run_stage("extract", main, sealed=2)
