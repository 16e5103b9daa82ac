"""Thumbnail sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from strata.collection.tables import from_rows
from strata.report.thumbnails import CELL_PX, CELLS_PER_SHEET, GREY, PITCH_PX, Gallery, fitted, load
from tests.collection.test_headers import png_header


def gallery(folder: Path, pictures: int, size: tuple[int, int] = (40, 20)) -> Gallery:
    rows = []
    for i in range(pictures):
        path = folder / f"{i}.png"
        Image.new("RGB", size, (200, i % 250, 30)).save(path)
        width, height = size
        rows.append(
            {
                "image_id": f"{i}",
                "path": str(path),
                "width": width,
                "height": height,
                "labels": [],
                "status": "ok",
            }
        )
    return Gallery(from_rows("images", rows))


def test_a_picture_asked_for_twice_stands_on_the_sheet_once(tmp_path: Path) -> None:
    found = gallery(tmp_path, 2)
    tiles = [found.tile("1"), found.tile("0"), found.tile("1", mark="hit")]
    assert [tile.thumbnail.symbol for tile in tiles] == ["p0", "p1", "p0"]
    assert len(found.thumbnails()) == 2


def test_each_picture_stands_where_its_thumbnail_says(tmp_path: Path) -> None:
    found = gallery(tmp_path, 12)
    tiles = [found.tile(str(i)) for i in range(12)]
    found.write(tmp_path / "img")
    with Image.open(tmp_path / "img" / "pictures-1.jpg") as sheet:
        assert sheet.size == (10 * PITCH_PX, 2 * PITCH_PX)
        pixels = np.asarray(sheet)
    for i, tile in enumerate(tiles):
        place = tile.thumbnail
        middle = pixels[place.sheet_y + place.height // 2, place.sheet_x + place.width // 2]
        assert np.abs(middle.astype(int) - (200, i, 30)).max() <= 4


def test_a_full_sheet_is_followed_by_another(tmp_path: Path) -> None:
    rows = [
        {"image_id": f"{i}", "path": "gone", "width": 9, "height": 9, "labels": [], "status": "ok"}
        for i in range(CELLS_PER_SHEET + 3)
    ]
    found = Gallery(from_rows("images", rows))
    last = [found.tile(row["image_id"]) for row in rows][-1].thumbnail
    assert (last.sheet, last.sheet_x, last.sheet_y) == (1, 2 * PITCH_PX, 0)
    assert [(sheet.name, sheet.width) for sheet in found.sheets()] == [
        ("pictures-1.jpg", 10 * PITCH_PX),
        ("pictures-2.jpg", 3 * PITCH_PX),
    ]


def test_a_box_is_scaled_with_its_picture(tmp_path: Path) -> None:
    tile = gallery(tmp_path, 1, (400, 200)).tile("0", box=(100, 50, 300, 150))
    assert (tile.thumbnail.width, tile.thumbnail.height, tile.thumbnail.top) == (192, 96, 96)
    assert tile.box == (48, 96 + 24, 96, 48)


@pytest.mark.parametrize(
    ("size", "shown"), [((400, 200), (192, 96)), ((10, 4000), (8, 192)), ((None, None), (192, 192))]
)
def test_the_longer_side_fills_the_cell(size: tuple[int | None, int | None], shown: tuple[int, int]) -> None:
    assert fitted(*size) == shown


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8 no picture", png_header(60_000, 60_000)])
def test_what_cannot_be_read_is_grey(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "odd [1], ü.jpg"
    if content is not None:
        path.write_bytes(content)
    assert load(path, CELL_PX, 100).getpixel((CELL_PX // 2, 10)) == GREY


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("CMYK", (0, 0, 0, 0)), ("L", 255), ("P", 255), ("RGBA", (255, 255, 255, 0)), ("I;16", 65535), ("1", 1)],
)
def test_every_kind_of_pixel_becomes_white_where_it_is_white(
    tmp_path: Path, mode: str, colour: object
) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture = Image.new(mode, (30, 20), colour)  # type: ignore[arg-type]
    if mode == "P":
        picture.putpalette([255, 255, 255] * 256)
    picture.save(path)
    assert load(path, 60, 40).getpixel((30, 20)) == (255, 255, 255)


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        found = gallery(tmp_path, 3)
        for i in range(3):
            found.tile(str(i))
        found.write(tmp_path / folder)
    assert (tmp_path / "a/pictures-1.jpg").read_bytes() == (tmp_path / "b/pictures-1.jpg").read_bytes()


def test_pictures_are_found_in_any_order_of_the_table_and_strangers_are_not() -> None:
    names = ["b", "ü", "a/2", "a", "Z", ""]
    rows = [
        {"image_id": name, "path": "gone", "width": 9, "height": 9, "labels": [f"of {name}"], "status": "ok"}
        for name in names
    ]
    found = Gallery(from_rows("images", rows))
    assert [found.labels(name) for name in names] == [[f"of {name}"] for name in names]
    for stranger in ("a/", "aa", "~", "zz\U0001f98a"):
        with pytest.raises(KeyError):
            found.labels(stranger)
