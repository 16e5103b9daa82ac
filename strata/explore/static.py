"""The page without its server: a folder that opens from disk and can be sent.

Wall, layers and map, with the nearest pictures worked out; nothing can be drawn, typed or marked there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from strata.base.errors import StrataError
from strata.base.files import write_bytes, write_text
from strata.base.threads import one_blas_thread
from strata.base.track import Track, no_track
from strata.explore.pictures import THUMBNAIL_PX, kept_jpeg
from strata.explore.wall import layout, wall
from strata.library.asking import vectors
from strata.library.run import Run

PAGE = Path(__file__).parent / "page"
MOST_PICTURES = 10_000
NEAREST = 12
SAMPLE = 16  # pictures made to say how large the folder will be
BLOCK = 1024  # queries at a time


def size_of_static(run: Run, kept: Path) -> int:
    """About how many bytes the folder will have. StrataError for more than MOST_PICTURES pictures."""
    ids = run.ids()
    if len(ids) > MOST_PICTURES:
        raise StrataError(
            f"{len(ids):,} pictures; a folder that opens from disk holds at most {MOST_PICTURES:,}"
        )
    some = ids[:: max(1, len(ids) // SAMPLE)]
    thumbnails = sum(len(kept_jpeg(run, image_id, THUMBNAIL_PX, kept)) for image_id in some) / len(some)
    return round(len(ids) * (thumbnails + len(run.layers) * (NEAREST * 16 + 20)))


def write_static(run: Run, folder: Path, kept: Path, track: Track = no_track) -> None:
    """Write the page, its data and a thumbnail a picture into ``folder``."""
    data = {
        "collection": wall(run) | {"text": False},
        "maps": {layer: layout(run, layer) for layer in run.layers},
        "nearest": {layer: _nearest(run, layer) for layer in run.layers},
    }
    for number, image_id in enumerate(track(run.ids(), total=len(run.ids()), desc="explore: thumbnails")):
        write_bytes(folder / "pictures" / f"{number}.jpg", kept_jpeg(run, image_id, THUMBNAIL_PX, kept))
    write_text(folder / "data.js", f"window.STATIC = {json.dumps(data, ensure_ascii=True)};\n")
    script = (PAGE / "app.js").read_text(encoding="utf-8")
    write_text(folder / "app.js", f"(() => {{\n{script}}})();\n")  # modules do not load from disk
    write_bytes(folder / "style.css", (PAGE / "style.css").read_bytes())
    page = (PAGE / "index.html").read_text(encoding="utf-8").replace("/page/", "")
    here = '<script defer src="data.js"></script>\n<script defer src="app.js"></script>'
    write_text(folder / "index.html", page.replace('<script type="module" src="app.js"></script>', here))


def _nearest(run: Run, layer: str) -> list[list[Any]]:
    """For every picture [number, score] of its NEAREST others."""
    values = vectors(run, layer, None, False)
    found: list[list[Any]] = []
    with one_blas_thread():
        for start in range(0, len(values), BLOCK):
            scores = values[start : start + BLOCK] @ values.T
            scores[np.arange(len(scores)), np.arange(start, start + len(scores))] = -np.inf
            order = np.argsort(-scores, axis=1, kind="stable")[:, : min(NEAREST, len(values) - 1)]
            best = np.take_along_axis(scores, order, axis=1)
            found += [
                [[int(n), round(float(score), 4)] for n, score in zip(*pair, strict=True)]
                for pair in zip(order, best, strict=True)
            ]
    return found
