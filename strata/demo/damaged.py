"""The files that every real folder holds: broken ones, and sound ones in unusual formats."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from strata.demo.painting import Painting, draw_painting

_SIZE_PX = 320
_EXIF_ORIENTATION = 0x0112
_TURNED_CLOCKWISE = 6


def write_odd_files(home: Path, last_seed: int) -> list[dict[str, Any]]:
    """Write six odd files into `home`, drawn from the seeds up to `last_seed`, and describe them."""
    rows: list[dict[str, Any]] = []
    for i, (name, usable, what, encode) in enumerate(_ODD):
        picture = draw_painting(last_seed - i, size_px=_SIZE_PX, details=0)
        (home / name).write_bytes(encode(picture))
        row = {"id": Path(name).stem, "file": f"{home.name}/{name}", "usable": usable, "what": what}
        words = ("motif", "medium", "mood")
        rows.append({**row, **{word: getattr(picture, word) if usable else None for word in words}})
    return rows


def _truncated(picture: Painting) -> bytes:
    whole = _encoded(picture.image, "JPEG", quality=90)
    return whole[: len(whole) * 2 // 5]


def _empty(picture: Painting) -> bytes:
    return b""


def _cmyk(picture: Painting) -> bytes:
    return _encoded(picture.image.convert("CMYK"), "JPEG", quality=90)


def _palette_alpha(picture: Painting) -> bytes:
    mask = Image.new("L", picture.image.size, 0)
    wide, high = mask.size
    ImageDraw.Draw(mask).ellipse((-0.1 * wide, -0.1 * high, 1.1 * wide, 1.1 * high), fill=255)
    framed = picture.image.copy()
    framed.putalpha(mask)
    return _encoded(framed.quantize(64, method=Image.Quantize.FASTOCTREE), "PNG")


def _grey16(picture: Painting) -> bytes:
    grey = np.asarray(picture.image.convert("L"), np.uint16) * np.uint16(257)
    return _encoded(Image.fromarray(grey), "PNG")


def _exif_turned(picture: Painting) -> bytes:
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = _TURNED_CLOCKWISE
    lying = picture.image.transpose(Image.Transpose.ROTATE_90)  # a viewer that reads the tag turns it upright
    return _encoded(lying, "JPEG", quality=90, exif=exif.tobytes())


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


_ODD: tuple[tuple[str, bool, str, Callable[[Painting], bytes]], ...] = (
    ("odd-truncated.jpg", False, "a JPEG cut off after two fifths of its bytes", _truncated),
    ("odd-empty.jpg", False, "a file of no bytes", _empty),
    ("odd-cmyk.jpg", True, "a JPEG in four printing inks", _cmyk),
    ("odd-palette-alpha.png", True, "a PNG of 64 colours with transparency", _palette_alpha),
    ("odd-grey16.png", True, "a grey PNG of 16 bits a pixel", _grey16),
    ("odd-exif-turned.jpg", True, "a JPEG stored on its side, with the EXIF tag to turn it", _exif_turned),
)
