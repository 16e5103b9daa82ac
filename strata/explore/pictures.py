"""Pictures for the page: thumbnails and large views, made on demand and kept; contact sheets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from strata.base.files import write_bytes
from strata.library.asking import picture_rows
from strata.library.run import Run
from strata.maps.geometry import Box
from strata.report.thumbnails import PAPER, load

THUMBNAIL_PX = 320
LARGE_PX = 1600
SHEET_COLUMNS = 5
SHEET_CELL_PX = 240
CAPTION_PX = 22
INK = (28, 36, 48)
FRAME = (200, 80, 10)


def kept_jpeg(run: Run, image_id: str, side: int, folder: Path) -> bytes:
    """A picture as JPEG at most ``side`` pixels long, from ``folder`` if it was made before."""
    row = picture_rows(run)[image_id]
    path = folder / f"{row['sha256']}-{side}.jpg"
    if path.is_file():
        return path.read_bytes()
    scale = min(1.0, side / max(row["width"], row["height"]))
    picture = load(
        run.root / row["path"], max(1, round(row["width"] * scale)), max(1, round(row["height"] * scale))
    )
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=86, optimize=True)
    write_bytes(path, stream.getvalue())
    return stream.getvalue()


def contact_sheet(run: Run, shown: Sequence[tuple[str, str, tuple[Box, ...]]]) -> Image.Image:
    """One RGB sheet of pictures with captions below and boxes drawn in. ``shown``: id, caption, boxes."""
    rows = -(-max(1, len(shown)) // SHEET_COLUMNS)
    pitch = SHEET_CELL_PX + 16
    sheet = Image.new("RGB", (SHEET_COLUMNS * pitch + 16, rows * (pitch + CAPTION_PX) + 16), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, (image_id, caption, boxes) in enumerate(shown):
        row = picture_rows(run)[image_id]
        scale = SHEET_CELL_PX / max(row["width"], row["height"])
        size = (max(1, round(row["width"] * scale)), max(1, round(row["height"] * scale)))
        left = 16 + number % SHEET_COLUMNS * pitch
        bottom = 16 + number // SHEET_COLUMNS * (pitch + CAPTION_PX) + SHEET_CELL_PX
        top = bottom - size[1]
        sheet.paste(load(run.root / row["path"], *size), (left, top))
        for x0, y0, x1, y1 in boxes:
            pen.rectangle(
                [left + x0 * scale, top + y0 * scale, left + x1 * scale, top + y1 * scale],
                outline=FRAME,
                width=3,
            )
        pen.text((left, bottom + 4), f"{number + 1}. {image_id[:28]}  {caption}", fill=INK)
    return sheet
