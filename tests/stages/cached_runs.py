"""Runs as DVC leaves them: a dvc.lock that names objects of a cache, and commits of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages import revisions
from strata.base.files import write_json, write_table
from strata.collection.tables import tables_from_rows, write_tables
from strata.measures.scores import Policy, Scored, write_scores

CACHE = Path("cache")
N = 24
LAYERS = ("stem", "late")


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The cache's folder, in the place of DVC's answer."""
    monkeypatch.setattr(revisions, "_cache_folder", lambda: tmp_path / CACHE)
    return tmp_path / CACHE


def write_run(values: dict[str, Sequence[float]], *, junk: str = "skip") -> None:
    """data/rankings and data/tables of a run with ``values``: layer -> (24,) AP, and a dvc.lock of them."""
    shutil.rmtree("data", ignore_errors=True)
    queries = [{"query_id": f"q{i:02d}", "image_id": "p", "group": f"g{i % 8}"} for i in range(N)]
    images = [{"image_id": "p", "path": "p", "width": 9, "height": 9, "labels": [], "status": "ok"}]
    write_tables(Path("data/tables"), tables_from_rows(images, queries))
    rankings = Path("data/rankings")
    for layer, scores in values.items():
        columns: dict[str, Any] = {
            "task": ["detail"] * N,
            "space": ["full"] * N,
            "query_id": [query["query_id"] for query in queries],
            "group": [query["group"] for query in queries],
            "n_positives": pa.array([3] * N, pa.int64()),
            "ap_step": pa.array(scores, pa.float64()),
        }
        write_table(rankings / layer / "per_query.parquet", pa.table(columns))
    told = {"ap": "step", "junk": junk, "self_match": "exclude"}
    rows = [Policy(key, value, layer, "detail") for layer in values for key, value in told.items()]
    write_scores(rankings, Scored(policies=rows))
    write_json(rankings / "layers.json", list(values))
    outs = [{"path": folder, "md5": _cached(Path(folder))} for folder in ("data/rankings", "data/tables")]
    params = {"conf/datasets/demo.yaml": {"protocol": {"ap": "step"}}}
    YAML().dump({"schema": "2.0", "stages": {"retrieve": {"outs": outs, "params": params}}}, Path("dvc.lock"))


def drawn(seed: int) -> list[float]:
    """(24,) AP."""
    found: list[float] = np.random.default_rng(seed).uniform(0.3, 0.6, N).tolist()
    return found


def _cached(folder: Path) -> str:
    """Put a folder into the cache; the name of its listing."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    listing = [
        {"md5": _kept(path.read_bytes()), "relpath": path.relative_to(folder).as_posix()} for path in files
    ]
    return _kept(json.dumps(listing).encode(), ".dir")


def _kept(content: bytes, ending: str = "") -> str:
    name = hashlib.md5(content).hexdigest() + ending
    place = CACHE / "files" / "md5" / name[:2] / name[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return name
