"""This pipeline's own ``extract``, started as its stage starts it, on a list of pictures."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.settings import device
from strata.base.hashing import sha256_file
from strata.base.threads import cores
from strata.collection.headers import read_header
from strata.collection.tables import SCHEMAS, Tables, from_rows
from strata.extraction.allocator import keep_freed_memory
from strata.extraction.run import Place, Request, extract
from strata.settings.params import ExtractParams, ModelConf, Precision


def picture_tables(paths: Sequence[Path]) -> Tables:
    """What ``prepare`` would say of these files: no labels, no queries."""
    images = [_row(path) for path in paths]
    others = (SCHEMAS[name].empty_table() for name in ("queries", "relevance", "classes"))
    return Tables(from_rows("images", images), *others)


def run_extract(
    tables: Tables,
    conf: ModelConf,
    layers: tuple[str, ...],
    precision: Precision,
    work: Path,
) -> float:
    """Seconds from files to the stage's finished outs, with an empty store; loading the network is left out.

    The outs stay in ``work/features``. Pictures a batch and threads are the stage's defaults, the device is
    ``settings.device``.
    """
    keep_freed_memory()
    for name in ("store", "features"):
        shutil.rmtree(work / name, ignore_errors=True)
    (work / "store").mkdir(parents=True)
    request = Request("bench", conf, layers, extract_params(precision), "whole")
    place = Place(store=work / "store", device=device(), workers=cores())
    begun: list[float] = []  # the plan is announced when the network is loaded and its layers are known
    extract(work / "features", tables, request, place, announce=lambda _: begun.append(time.perf_counter()))
    return time.perf_counter() - begun[0]


def extract_params(precision: Precision) -> ExtractParams:
    """The parameters of ``params.yaml``, but for the precision."""
    return ExtractParams(
        view="center_crop",
        image_size=None,
        pixel_norm="model",
        precision=precision,
        decode="full",
        levels=3,
        position_l2=False,
        conv1_stride=None,
        gem_p=3.0,
    )


def _row(path: Path) -> dict[str, Any]:
    facts = asdict(read_header(path))  # width, height and status
    return {"image_id": path.stem, "path": str(path), "sha256": sha256_file(path), "labels": [], **facts}
