"""Grey of more than 8 bits as 0 to 255, by the depth that the file declares.

Pillow hands 9, 12 and 16 bits over in the same container of 16 (mode ``I;16``, or ``I``), some scaled to all
of it and some not. The container says nothing about what white is; the file's header does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Levels = Callable[[npt.NDArray[Any]], npt.NDArray[np.uint8]]
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
SIGNED, WHITE_IS_ZERO = 2, 0
CODESTREAM = b"\xff\x4f\xff\x51"  # JPEG 2000: start of codestream, then the SIZ segment
SSIZ = 42  # where SIZ says the depth of the first component, from the start of the codestream


class DepthError(ValueError):
    """Pixels without an agreed range; the message says what to do."""


def grey_levels(image: Image.Image, data: bytes) -> Levels | None:
    """What turns the values of a loaded picture into 0 to 255, or None where Pillow's ``convert`` does.

    data : the file. Raises DepthError for floating-point and for signed pixels: their black and white are not
    declared.
    """
    if image.mode == "F":
        raise DepthError("floating-point pixels have no agreed range; save it as 8 or 16 bits")
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return None
    inverted = False
    white = 2**16 - 1
    shift = 0
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        if tags.get(SAMPLE_FORMAT, (1,))[0] == SIGNED:
            raise DepthError("signed grey pixels have no agreed range; save it as 8 or 16 bits, unsigned")
        white = 2 ** int(tags.get(BITS_PER_SAMPLE, (16,))[0]) - 1
        inverted = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO
    elif image.format == "JPEG2000":
        bits = _declared_bits(data)
        shift, white = 16 - bits, 2**bits - 1
    return _by_table(white, shift, inverted) if white < 2**16 else _by_division(white)


def _by_table(white: int, shift: int, inverted: bool) -> Levels:
    """One look-up a pixel: values of 16 bits, of which the lowest ``shift`` are none of the file's."""
    values = np.minimum(np.arange(2**16, dtype=np.int64) >> shift, white)
    table = ((values * 255 + white // 2) // white).astype(np.uint8)
    if inverted:
        table = 255 - table
    return lambda grey: table[np.clip(grey, 0, 2**16 - 1) if grey.dtype.itemsize > 2 else grey]


def _by_division(white: int) -> Levels:
    """32 unsigned bits, which Pillow keeps in signed ones."""

    def levels(grey: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        values = grey.astype(np.int32, copy=False).view(np.uint32).astype(np.uint64)
        return ((values * np.uint64(255) + np.uint64(white // 2)) // np.uint64(white)).astype(np.uint8)

    return levels


def _declared_bits(data: bytes) -> int:
    """Bits a sample of a JPEG 2000 file's first component (its sign bit left out), 9 to 16."""
    start = data.find(CODESTREAM)
    if start < 0 or len(data) <= start + SSIZ:
        raise DepthError("no depth is declared (no SIZ segment)")
    return min(16, max(1, (data[start + SSIZ] & 0x7F) + 1))


def bare_codestream(image: Image.Image, data: bytes) -> bytes | None:
    """What is inside the boxes of a JPEG 2000 file whose grey Pillow takes for 8 bits though it has more: it
    would turn white into black. None for any other picture."""
    if image.format != "JPEG2000" or image.mode != "L" or data.startswith(CODESTREAM):
        return None
    return data[data.find(CODESTREAM) :] if _declared_bits(data) > 8 else None
