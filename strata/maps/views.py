"""From a picture's bytes to the square of uint8 pixels a network sees.

Decoding: JPEG (8-bit grey or colour) by simplejpeg, everything else, and every JPEG it has a remark on, by
Pillow: the pixels are those of ``Image.convert("RGB")``. Both leave the GIL while they work, as torch's
resize does, so threads scale.

Resizing: torch's antialiased resize of uint8, within 1/255 of Pillow's. Geometry (sizes, truncation,
offsets) is that of ``strata.maps.geometry``. Not done here: mean and standard deviation
(``strata.models.loading.normalise``, on the device).

One deliberate difference from open_clip's transform: palette and 16-bit pictures become RGB *before* they
are resized. open_clip resizes them first, which takes the nearest pixel of a palette picture and clips a
16-bit one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import simplejpeg
import torch
from PIL import Image, UnidentifiedImageError

from strata.base.errors import StrataError, one_line
from strata.collection.headers import most_pixels, readable_formats
from strata.maps.depth import DepthError, bare_codestream, grey_levels
from strata.maps.geometry import Box, resized
from strata.settings.params import View

Picture = npt.NDArray[np.uint8]
FAST_OVERSIZE = 2  # a reduced decode keeps at least this many times the target's side
LONGEST = 8  # times the view's side: a longer resized picture is not made as a whole
DAMAGE = ("premature end of data", "bad Huffman code", "bad arithmetic code", "instead of RST")  # to pixels
STRIP_PX = 2**22  # pixels made RGB at once: a large picture is not held in three forms


class PictureError(StrataError):
    """A picture that cannot be used; the message is the reason."""


@dataclass(frozen=True)
class ViewSpec:
    """How a picture becomes a square of ``size_px``. ``fill`` is the RGB colour of padding."""

    size_px: int
    view: View
    decode: Literal["full", "fast"] = "full"
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    fill: tuple[int, int, int] = (123, 117, 104)

    @property
    def fast_target_px(self) -> int | None:
        """What ``decode_picture`` takes: the view's side if ``decode`` is fast."""
        return self.size_px if self.decode == "fast" else None


@dataclass(frozen=True)
class ViewedPicture:
    """A square view. ``pixels``: (3, S, S) uint8, channels first (its strides are not promised).

    ``valid``: the rectangle that is picture and not padding, (x0, y0, x1, y1) in view pixels.
    """

    pixels: torch.Tensor
    valid: tuple[float, float, float, float]


def decode_picture(data: bytes, *, fast_target_px: int | None = None) -> Picture:
    """Decode a picture file to (height, width, 3) uint8 RGB.

    ``fast_target_px`` lets a JPEG be decoded at a reduced scale (eighths) as long as its short side stays at
    least twice that many pixels: quicker, not pixel-exact, and the result is smaller than the picture (boxes
    are in pixels of the full picture: decode fully to cut one). Raises PictureError for what is empty,
    truncated, damaged, too large or no picture.
    """
    if not data:
        raise PictureError("the file is empty")
    try:
        least_px = FAST_OVERSIZE * fast_target_px if fast_target_px else 0
        picture = _decode_jpeg(data, least_px) if data[:2] == b"\xff\xd8" else None
        return _decode_other(data) if picture is None else picture
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError("not a picture that Pillow can read") from None
    except MemoryError:
        raise PictureError("cannot be decoded: not enough memory") from None
    except Exception as error:  # a decoder raises whatever a damaged file makes it raise
        raise PictureError(f"cannot be decoded: {one_line(error)}") from None


def _decode_jpeg(data: bytes, least_px: int) -> Picture | None:
    """None for what Pillow is to read, or to say what is wrong with it: a colour space that simplejpeg does
    not turn into RGB (CMYK, YCCK), 12-bit JPEG, and remarks on anything but the pixels.

    simplejpeg stops at libjpeg's first remark. Pillow hears none: it would fill what is lost with grey.
    """
    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except (ValueError, KeyError):  # KeyError: a header that ends before its colour space
        return None
    _check_size(width, height, "RGB")
    if colour not in ("Gray", "YCbCr", "RGB"):
        return None
    try:
        if least_px:
            return np.asarray(simplejpeg.decode_jpeg(data, "RGB", min_height=least_px, min_width=least_px))
        return np.asarray(simplejpeg.decode_jpeg(data, "RGB"))
    except ValueError as error:
        if any(remark in str(error) for remark in DAMAGE):
            raise PictureError(f"damaged JPEG: {one_line(error)}") from None
        return None


def _decode_other(data: bytes) -> Picture:
    with Image.open(io.BytesIO(data), formats=readable_formats()) as image:
        _check_size(*image.size, image.mode)
        if (inner := bare_codestream(image, data)) is not None:
            return _decode_other(inner)
        image.load()  # the first frame; a truncated file raises here
        return _to_rgb(image, data)


def _to_rgb(image: Image.Image, data: bytes) -> Picture:
    """RGB as ``Image.convert`` makes it (transparency is dropped); grey of more than 8 bits is scaled by the
    depth that the file declares, not clipped.
    """
    try:
        levels = grey_levels(image, data)
    except DepthError as error:
        raise PictureError(str(error)) from None
    # Pillow warns about a direct conversion; the colours are the same
    through = image.mode == "P" and isinstance(image.info.get("transparency"), bytes)
    rows = max(1, STRIP_PX // image.width)
    picture = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = image if rows >= image.height else image.crop((0, top, image.width, bottom))
        if levels is not None:
            picture[top:bottom] = levels(np.asarray(strip))[:, :, None]
        else:
            picture[top:bottom] = np.asarray((strip.convert("RGBA") if through else strip).convert("RGB"))
    return picture


def _check_size(width: int, height: int, mode: str) -> None:
    """Raise PictureError for a picture without pixels, or with more than Pillow's ``mode`` may have."""
    if width < 1 or height < 1:
        raise PictureError(f"a picture of {width} x {height} pixels")
    if width * height > (most := most_pixels(mode)):
        raise PictureError(f"{width} x {height} pixels, more than {most:,} (the cap for {mode} pictures)")


def make_view(
    picture: Picture, spec: ViewSpec, box: Box | None = None, *, same_scale: bool = False
) -> ViewedPicture:
    """The square view of a picture, or of the part of it inside ``box``.

    picture : (height, width, 3) uint8; box : (x0, y0, x1, y1) in pixels, rounded to whole ones and clipped.
    Without a box: ``spec.view``. With one, the crop is squashed or letterboxed to the whole view (never
    centre cropped: that loses part of the box; a ``center_crop`` view squashes). With ``same_scale`` it
    keeps the picture's scale instead: its long side becomes S * longest crop side / longest picture side and
    it is pasted in the middle of the padding.
    """
    if box is None:
        return _whole(picture, spec, spec.view)
    x0, y0, x1, y1 = _whole_pixels(box, picture.shape[1], picture.shape[0])
    crop = picture[y0:y1, x0:x1]
    if not same_scale:
        return _whole(crop, spec, "squash" if spec.view == "center_crop" else spec.view)
    long = max(1, round(spec.size_px * max(crop.shape[:2]) / max(picture.shape[:2])))
    return _paste(crop, spec, resized(crop.shape[1], crop.shape[0], long, "letterbox"))


def _whole(picture: Picture, spec: ViewSpec, view: View) -> ViewedPicture:
    size = spec.size_px
    width, height = resized(picture.shape[1], picture.shape[0], size, view)
    if view == "letterbox":
        return _paste(picture, spec, (width, height))
    whole = (0.0, 0.0, float(size), float(size))
    if max(width, height) > LONGEST * size:
        return ViewedPicture(_resize_middle(picture, width, height, spec), whole)
    pixels = _resize(picture, width, height, spec.interpolation)
    top, left = (int(round((side - size) / 2.0)) for side in (height, width))  # noqa: RUF046 - as torchvision
    return ViewedPicture(pixels[:, top : top + size, left : left + size], whole)


def _resize_middle(picture: Picture, width: int, height: int, spec: ViewSpec) -> torch.Tensor:
    """The middle S x S of the picture at ``width`` x ``height``, without making the rest of it.

    A strip of 10 x 20,000 pixels would be resized to 100 million before its middle is cut out.
    """
    size = spec.size_px
    left, top = (int(round((side - size) / 2.0)) for side in (width, height))  # noqa: RUF046 - as torchvision
    per_x, per_y = picture.shape[1] / width, picture.shape[0] / height
    box = (left * per_x, top * per_y, (left + size) * per_x, (top + size) * per_y)
    kind = Image.Resampling.BILINEAR if spec.interpolation == "bilinear" else Image.Resampling.BICUBIC
    middle = Image.fromarray(picture).resize((size, size), kind, box=box)
    return torch.from_numpy(np.array(middle)).permute(2, 0, 1)


def _paste(picture: Picture, spec: ViewSpec, size: tuple[int, int]) -> ViewedPicture:
    """The picture at ``size`` (width, height) in the middle of a view filled with ``spec.fill``."""
    width, height = size
    left, top = (spec.size_px - width) // 2, (spec.size_px - height) // 2
    view = torch.tensor(spec.fill, dtype=torch.uint8).view(3, 1, 1).repeat(1, spec.size_px, spec.size_px)
    view[:, top : top + height, left : left + width] = _resize(picture, width, height, spec.interpolation)
    return ViewedPicture(view, (float(left), float(top), float(left + width), float(top + height)))


def _resize(picture: Picture, width: int, height: int, interpolation: str) -> torch.Tensor:
    """(3, height, width) uint8."""
    if not (picture.flags.c_contiguous and picture.flags.writeable):
        picture = picture.copy()
    pixels = torch.from_numpy(picture).permute(2, 0, 1)
    if pixels.shape[1:] == (height, width):
        return pixels
    return torch.nn.functional.interpolate(pixels[None], (height, width), mode=interpolation, antialias=True)[
        0
    ]


def _whole_pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The box in whole pixels inside the picture, at least one pixel wide and high."""
    x0, x1 = _span(box[0], box[2], width)
    y0, y1 = _span(box[1], box[3], height)
    return x0, y0, x1, y1


def _span(low: float, high: float, side: int) -> tuple[int, int]:
    start = min(max(0, round(low)), side - 1)
    return start, min(max(start + 1, round(high)), side)
