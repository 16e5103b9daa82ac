"""Thumbnails: every picture the page shows is decoded once and stands once on a JPEG sheet.

A page with hundreds of thumbnails needs few files this way. Cells are multiples of 16 pixels with a gutter of
16, so that JPEG's blocks never mix two pictures.
"""

from __future__ import annotations

import bisect
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageDraw

from strata.base.files import write_bytes
from strata.base.track import Track, no_track
from strata.collection.facets import Integers, label_pairs
from strata.collection.tables import USABLE

CELL_PX = 192  # a thumbnail's longer side
PITCH_PX = CELL_PX + 16
COLUMNS = 10
CELLS_PER_SHEET = 200
SHORTEST_PX = 8
PAPER = (255, 255, 255)
GREY = (214, 214, 210)
DARK_GREY = (160, 160, 155)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Thumbnail:
    """Where a picture stands: its place on a sheet and inside its square cell, in pixels of the sheet."""

    symbol: str
    sheet: int
    sheet_x: int
    sheet_y: int
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Tile:
    """A picture on the page. ``mark``: hit, miss, junk, query or ""; ``box``: x, y, width, height inside;
    ``name``: of its file; ``link``: to the file itself, "" where it is not beside the page."""

    thumbnail: Thumbnail
    image_id: str
    mark: str
    caption: str
    alt: str
    box: Box | None
    name: str
    link: str


@dataclass(frozen=True)
class Sheet:
    """One JPEG of thumbnails."""

    name: str
    width: int
    height: int


class Gallery:
    """Hands out tiles and remembers which pictures the page needs; ``write`` then decodes them.

    Of a million pictures the page shows some hundred: only those become objects.
    """

    def __init__(self, images: pa.Table, page: Path = Path("report")) -> None:
        """``page``: the folder of the page, from which pictures are linked."""
        self._page = page
        self._images = images.select(
            ["image_id", "path", "width", "height", "labels", "status"]
        ).combine_chunks()
        self._order = pc.sort_indices(self._images["image_id"]).to_numpy()
        self._pictures: dict[str, dict[str, Any]] = {}
        self._thumbnails: dict[str, Thumbnail] = {}

    def labels(self, image_id: str) -> list[str]:
        """The class_ids of a picture."""
        labels: list[str] = self._picture(image_id)["labels"]
        return labels

    def label_pairs(self, image_ids: pa.Array, class_ids: Sequence[str]) -> tuple[Integers, Integers]:
        """Which of many pictures have which classes (``facets.label_pairs``)."""
        return label_pairs(self._images, image_ids, class_ids)

    def _picture(self, image_id: str) -> dict[str, Any]:
        """The row of a picture, found by bisection in the order of the ids."""
        known = self._pictures.get(image_id)
        if known is None:
            ids = self._images["image_id"]
            at = bisect.bisect_left(self._order, image_id, key=lambda row: ids[int(row)].as_py())
            row = self._images.slice(int(self._order[at]), 1).to_pylist() if at < len(self._order) else []
            if not row or row[0]["image_id"] != image_id:
                raise KeyError(image_id)
            known = self._pictures[image_id] = row[0]
        return known

    def tile(
        self, image_id: str, *, caption: str = "", mark: str = "", alt: str = "", box: Box | None = None
    ) -> Tile:
        """A tile of a picture of the images table. ``box``: (x0, y0, x1, y1) in the picture's pixels."""
        thumbnail = self._thumbnails.get(image_id) or self._place(image_id)
        inside = None if box is None else self._box_in_cell(image_id, thumbnail, box)
        path = self._picture(image_id)["path"]
        name, link = path.rpartition("/")[2], original(path, self._page)
        return Tile(thumbnail, image_id, mark, caption, alt or image_id, inside, name, link)

    def some(self, count: int) -> list[Tile]:
        """``count`` pictures that can be used, spread evenly over the ids: no score decides."""
        usable = pc.equal(self._images["status"].take(self._order), USABLE)
        places = self._order[usable.to_numpy(zero_copy_only=False)]
        wanted = places[np.unique(np.arange(count) * len(places) // count)] if len(places) else places
        return [self.tile(self._images["image_id"][int(place)].as_py()) for place in wanted]

    def _place(self, image_id: str) -> Thumbnail:
        position, picture = len(self._thumbnails), self._picture(image_id)
        sheet, cell = divmod(position, CELLS_PER_SHEET)
        row, column = divmod(cell, COLUMNS)
        width, height = fitted(picture["width"], picture["height"])
        left, top = (CELL_PX - width) // 2, CELL_PX - height  # on the bottom line, next to their captions
        placed = Thumbnail(f"p{position}", sheet, column * PITCH_PX, row * PITCH_PX, left, top, width, height)
        return self._thumbnails.setdefault(image_id, placed)

    def _box_in_cell(self, image_id: str, thumbnail: Thumbnail, box: Box) -> Box | None:
        width, height = (self._picture(image_id)[side] for side in ("width", "height"))
        if not width or not height:
            return None
        x_scale, y_scale = thumbnail.width / width, thumbnail.height / height
        x0, y0, x1, y1 = box
        return (
            round(thumbnail.left + x0 * x_scale, 1),
            round(thumbnail.top + y0 * y_scale, 1),
            round(max((x1 - x0) * x_scale, 1), 1),
            round(max((y1 - y0) * y_scale, 1), 1),
        )

    def thumbnails(self) -> list[Thumbnail]:
        """All pictures asked for so far, in the order they were asked for."""
        return list(self._thumbnails.values())

    def sheets(self) -> list[Sheet]:
        """The sheets that hold them."""
        count = len(self._thumbnails)
        cells = (min(count - start, CELLS_PER_SHEET) for start in range(0, count, CELLS_PER_SHEET))
        sizes = ((min(some, COLUMNS) * PITCH_PX, -(-some // COLUMNS) * PITCH_PX) for some in cells)
        return [Sheet(f"pictures-{number}.jpg", *size) for number, size in enumerate(sizes, 1)]

    def write(self, folder: Path, track: Track = no_track) -> None:
        """Decode every picture once and write the sheets into ``folder``."""
        sheets = self.sheets()
        papers = [Image.new("RGB", (sheet.width, sheet.height), PAPER) for sheet in sheets]
        items = self._thumbnails.items()
        for image_id, thumbnail in track(items, total=len(items), desc="report: thumbnails"):
            picture = load(Path(self._picture(image_id)["path"]), thumbnail.width, thumbnail.height)
            papers[thumbnail.sheet].paste(picture, (thumbnail.sheet_x, thumbnail.sheet_y))
        for sheet, paper in zip(sheets, papers, strict=True):
            stream = io.BytesIO()
            paper.save(stream, "JPEG", quality=85, optimize=True)
            write_bytes(folder / sheet.name, stream.getvalue())


def original(path: str, page: Path) -> str:
    """The link from a page in the folder ``page`` to a picture, "" where it lies outside of the page's
    project: its place on this machine is of no use elsewhere.

    >>> original("data/raw/a 1.jpg", Path("report"))
    '../data/raw/a%201.jpg'
    >>> original("/elsewhere/a.jpg", Path("report"))
    ''
    """
    there, here = os.path.abspath(path), os.path.abspath(page)
    inside = there.startswith(os.path.join(os.path.dirname(here), ""))
    return quote(Path(os.path.relpath(there, here)).as_posix()) if inside else ""


def fitted(width: int | None, height: int | None) -> tuple[int, int]:
    """Size of a picture's thumbnail: the longer side is CELL_PX; a square where the size is unknown."""
    if not width or not height:
        return CELL_PX, CELL_PX
    scale = CELL_PX / max(width, height)
    return max(SHORTEST_PX, round(width * scale)), max(SHORTEST_PX, round(height * scale))


def load(path: Path, width: int, height: int) -> Image.Image:
    """(height, width) RGB thumbnail of a file, of the pixels that the network sees; a grey one with a cross
    where it cannot be read."""
    from strata.maps.views import (  # torch, which a page of known sheets does without
        PictureError,
        decode_picture,
    )

    try:
        picture = Image.fromarray(decode_picture(path.read_bytes(), fast_target_px=max(width, height)))
        return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    except (OSError, PictureError, MemoryError):
        return _placeholder(width, height)


def _placeholder(width: int, height: int) -> Image.Image:
    picture = Image.new("RGB", (width, height), GREY)
    pen = ImageDraw.Draw(picture)
    pen.line((0, 0, width - 1, height - 1), fill=DARK_GREY, width=2)
    pen.line((0, height - 1, width - 1, 0), fill=DARK_GREY, width=2)
    return picture
