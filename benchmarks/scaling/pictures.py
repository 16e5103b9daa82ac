"""A project over a folder of small JPEG files: python -m benchmarks.scaling.pictures FOLDER ROWS.

The files are few pictures again and again, each with a comment segment of its own: different bytes, so a
different SHA-256, for the price of a write. Twenty sub-folders are the classes.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from benchmarks.scaling.settings import write_settings

CLASSES = 20
SIZE = (64, 48)
DIFFERENT = 8


def make_project(folder: Path, rows: int) -> None:
    """Fill ``folder``: params.yaml, conf/ and pictures/."""
    folder.mkdir(parents=True, exist_ok=True)
    write_settings(folder, "folder", rows, layers=["stem"], facet="label")
    drawn = [_draw(number) for number in range(DIFFERENT)]
    for number in range(CLASSES):
        (folder / f"pictures/class {number:02d}").mkdir(parents=True)
    for number in range(rows):
        path = folder / f"pictures/class {number % CLASSES:02d}/{number:08d}.jpg"
        path.write_bytes(commented(drawn[number % DIFFERENT], f"{number:08d}".encode()))


def commented(jpeg: bytes, comment: bytes) -> bytes:
    """``jpeg`` with a comment segment (ITU-T T.81, B.2.4.5) right behind its start marker."""
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _draw(number: int) -> bytes:
    from PIL import Image

    picture = Image.radial_gradient("L").rotate(45 * number).resize(SIZE).convert("RGB")
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return stream.getvalue()


if __name__ == "__main__":
    make_project(Path(sys.argv[1]), int(sys.argv[2]))
