"""A header says size and status; nothing a file holds can stop the run."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from strata.base.memo import Memo
from strata.collection.headers import MAX_PIXELS, Header, read_header, remembered_header


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", b"")


def encoded(mode: str, kind: str, size: tuple[int, int] = (30, 20), **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        encoded("RGB", "JPEG"),
        encoded("CMYK", "JPEG"),
        encoded("L", "JPEG"),
        encoded("P", "PNG"),
        encoded("I;16", "PNG"),
        encoded("RGBA", "WEBP"),
        encoded("RGB", "TIFF"),
        encoded("P", "GIF"),
        encoded("RGB", "BMP"),
        encoded("RGB", "MPO"),
    ],
)
def test_usual_and_odd_formats_are_ok(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(content)  # the name's end says nothing
    assert read_header(tmp_path / "x.jpg") == Header(30, 20, "ok")


def test_an_exif_turn_is_ignored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "x.jpg").write_bytes(encoded("RGB", "JPEG", exif=exif.tobytes()))
    assert read_header(tmp_path / "x.jpg") == Header(30, 20, "ok")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", "empty file"),
        (b"hello, this is text", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not a picture"),
        (encoded("RGB", "JPEG")[:10], "cannot be read: Truncated File Read"),
    ],
)
def test_what_is_no_picture_says_so(tmp_path: Path, content: bytes, status: str) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    assert read_header(tmp_path / "x.jpg") == Header(None, None, status)


def test_large_pictures_pass_without_a_warning_and_absurd_ones_do_not(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png_header(20_000, 20_000))
    (tmp_path / "absurd.png").write_bytes(png_header(60_000, 60_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_header(tmp_path / "large.png") == Header(20_000, 20_000, "ok")
        absurd = read_header(tmp_path / "absurd.png")
    assert absurd == Header(60_000, 60_000, "too many pixels: 60000 x 60000, at most 500 million")
    assert MAX_PIXELS == 500_000_000


@pytest.mark.parametrize("width", [2**31 - 1, 2**31, 2**32 - 127, 2**32 - 1])
def test_a_width_beyond_the_tables_integers_is_a_reason_and_no_number(tmp_path: Path, width: int) -> None:
    tags = [(256, width), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    (tmp_path / "wide.tif").write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", 9) + entries + bytes(4))
    header = read_header(tmp_path / "wide.tif")
    assert header.status == f"too many pixels: {width} x 1, at most 500 million"
    assert header.width == (width if width < 2**31 else None)


def test_large_pictures_pass_in_every_thread_at_once(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.png").write_bytes(png_header(20_000, 20_000))
    with ThreadPoolExecutor(8) as pool:
        header = list(pool.map(read_header, sorted(tmp_path.iterdir()) * 20))
    assert {found.status for found in header} == {"ok"}


def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    assert read_header(tmp_path / "none.jpg").status == "cannot be read: No such file or directory"
    (tmp_path / "folder.jpg").mkdir()
    assert read_header(tmp_path / "folder.jpg").status == "cannot be read: Is a directory"


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_never_raises(tmp_path: Path, seed: int) -> None:
    from random import Random

    rng = Random(seed)
    kinds = ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP")
    content = bytearray(encoded("RGB", kinds[seed % len(kinds)]))
    for _ in range(12):
        content[rng.randrange(4, min(len(content), 200))] = rng.randrange(256)
    (tmp_path / "x").write_bytes(content[: rng.randrange(8, len(content))])
    header = read_header(tmp_path / "x")
    assert "\n" not in header.status
    assert (header.status == "ok") <= (header.width is not None)


def test_a_good_header_is_read_once_and_a_bad_one_again(tmp_path: Path) -> None:
    file = tmp_path / "x.jpg"
    file.write_bytes(encoded("RGB", "JPEG"))
    assert remembered_header(file, "a" * 64, Memo(tmp_path / "memo")) == Header(30, 20, "ok")
    file.write_bytes(b"not read")
    assert remembered_header(file, "a" * 64, Memo(tmp_path / "memo")) == Header(30, 20, "ok")
    assert remembered_header(file, "b" * 64, Memo(tmp_path / "memo")).status == "not a picture"
    file.write_bytes(encoded("RGB", "JPEG"))
    assert remembered_header(file, "b" * 64, Memo(tmp_path / "memo")).status == "ok"
