"""What a picture's header says, without decoding it.

Width and height are the stored ones: an EXIF orientation is ignored, as CLIP's own transform and Pillow's
plain ``open`` ignore it, so boxes refer to the picture as it is decoded. Whether the pixels decode is
``extract``'s finding.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from strata.base.errors import one_line
from strata.base.memo import Memo
from strata.base.workspace import store_root
from strata.collection.tables import USABLE

MAX_PIXELS = 500_000_000  # a hostile or absurd header is refused before anything is allocated for it
Image.MAX_IMAGE_PIXELS = None  # MAX_PIXELS is ours; for good: threads that open pictures share it
FOUR_BYTES = ("RGBA", "RGBX", "RGBa", "CMYK", "LA", "La", "PA", "I", "F")  # a pixel, in Pillow's memory
LARGEST_SIDE = 2**31 - 1  # of the tables' int32
# raster formats that Pillow decodes itself; PostScript, for one, would start another program
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "AVIF", "PPM", "TGA", "ICO")


@dataclass(frozen=True)
class Header:
    """Stored size in pixels and ``images.status``: "ok" or the reason why the picture cannot be used."""

    width: int | None
    height: int | None
    status: str


def read_header(path: str | Path) -> Header:
    """The header of one file. Never raises: what is wrong becomes the status."""
    try:
        if os.stat(path).st_size == 0:
            return Header(None, None, "empty file")
        with Image.open(path, formats=readable_formats()) as picture:
            (width, height), mode = picture.size, picture.mode
    except UnidentifiedImageError:
        return Header(None, None, "not a picture")
    except OSError as error:
        return Header(None, None, f"cannot be read: {error.strerror or one_line(error)}")
    except Exception as error:  # Pillow's parsers raise whatever a damaged header makes them raise
        return Header(None, None, f"cannot be read: {one_line(error)}")
    if width * height > (most := most_pixels(mode)):
        reason = f"too many pixels: {width} x {height}, at most {most // 10**6} million"
        known = max(width, height) <= LARGEST_SIDE  # what the tables can hold
        return Header(width if known else None, height if known else None, reason)
    return Header(width, height, USABLE)


def most_pixels(mode: str) -> int:
    """How many pixels a picture of Pillow's ``mode`` may have: fewer where one takes more than RGB's bytes.

    >>> most_pixels("RGB"), most_pixels("RGBA")
    (500000000, 375000000)
    """
    return MAX_PIXELS * 3 // (4 if mode in FOUR_BYTES else 3)


def remembered_header(path: str | Path, sha256: str, memo: Memo) -> Header:
    """The header of a file whose content is ``sha256``; a good picture's header is read only once."""
    known = memo.get((sha256,))
    if known is not None:
        width, height = known.split(" ")
        if int(width) * int(height) <= MAX_PIXELS:
            return Header(int(width), int(height), USABLE)
    header = read_header(path)
    if header.status == USABLE:
        memo.put((sha256,), f"{header.width} {header.height}")
    return header


def known_sizes() -> Memo:
    """The memo of sizes that every stage and experiment of the project shares, read now."""
    return Memo(store_root() / "sizes.tsv")


@functools.cache
def readable_formats() -> list[str]:
    """Those of FORMATS that this Pillow was built with."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]
