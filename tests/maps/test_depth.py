"""Declared depths against a reference that looks at one value after the other."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from strata.maps.views import PictureError, decode_picture

WIDTH, HEIGHT = 32, 8


def values(bits: int) -> list[int]:
    """From black to white, both included."""
    count = WIDTH * HEIGHT
    return [round(Fraction(place * (2**bits - 1), count - 1)) for place in range(count)]


def slowly(grey: list[int], bits: int) -> list[int]:
    return [int(Fraction(value * 255, 2**bits - 1) + Fraction(1, 2)) for value in grey]


def tiff(
    packed: bytes, bits: int, *, order: str = "<", photometric: int = 1, sample_format: int = 1
) -> bytes:
    """One strip of grey, without compression."""
    tags = [(256, WIDTH), (257, HEIGHT), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1)]
    tags += [(278, HEIGHT), (279, len(packed)), (339, sample_format)]
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(packed))
    return head + packed + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def twelve_bits(grey: list[int]) -> bytes:
    pairs = zip(grey[::2], grey[1::2], strict=True)
    return b"".join(((a << 12) | b).to_bytes(3, "big") for a, b in pairs)


def shown(data: bytes) -> list[int]:
    pixels = decode_picture(data)
    assert (pixels == pixels[:, :, :1]).all()
    return pixels[:, :, 0].ravel().tolist()


def test_twelve_bits_of_a_tiff_reach_from_black_to_white() -> None:
    grey = values(12)
    assert shown(tiff(twelve_bits(grey), 12)) == slowly(grey, 12)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_of_a_tiff_in_either_byte_order(order: str) -> None:
    grey = values(16)
    packed = struct.pack(f"{order}{len(grey)}H", *grey)
    assert shown(tiff(packed, 16, order=order)) == slowly(grey, 16)


def test_sixteen_bits_where_zero_is_white_are_turned_over() -> None:
    grey = values(16)
    packed = struct.pack(f"<{len(grey)}H", *grey)
    assert shown(tiff(packed, 16, photometric=0)) == [255 - level for level in slowly(grey, 16)]


def test_thirty_two_unsigned_bits_of_a_tiff() -> None:
    grey = values(32)
    assert shown(tiff(struct.pack(f"<{len(grey)}I", *grey), 32)) == slowly(grey, 32)


@pytest.mark.parametrize(("bits", "code"), [(16, "h"), (32, "i")])
def test_signed_grey_is_refused(bits: int, code: str) -> None:
    packed = struct.pack(f"<{WIDTH * HEIGHT}{code}", *range(WIDTH * HEIGHT))
    with pytest.raises(PictureError, match="signed"):
        decode_picture(tiff(packed, bits, sample_format=2))


@pytest.mark.parametrize("bits", [9, 10, 11, 12, 13, 14, 15, 16])
@pytest.mark.parametrize("boxed", [True, False], ids=["jp2", "codestream"])
def test_the_declared_bits_of_jpeg_2000(bits: int, boxed: bool) -> None:
    """Pillow writes 16 bits; saying fewer in SIZ moves the codec's middle, which the values make up for."""
    grey = np.array(values(bits)).reshape(HEIGHT, WIDTH)
    stream = io.BytesIO()
    moved = (grey + 2**15 - 2 ** (bits - 1)).astype(np.uint16)
    Image.fromarray(moved).save(stream, "JPEG2000", no_jp2=not boxed)
    data = bytearray(stream.getvalue())
    data[data.index(b"\xff\x4f\xff\x51") + 42] = bits - 1
    if boxed:
        data[data.index(b"ihdr") + 14] = bits - 1
    assert shown(bytes(data)) == slowly(grey.ravel().tolist(), bits)


@pytest.mark.parametrize("most", [300, 511, 1023, 4095, 65535])
def test_the_greatest_value_that_a_pgm_declares_is_white(most: int) -> None:
    grey = [round(Fraction(place * most, 255)) for place in range(256)]
    data = f"P5 {WIDTH} {HEIGHT} {most}\n".encode() + struct.pack(">256H", *grey)
    expected = [int(Fraction(value * 255, most) + Fraction(1, 2)) for value in grey]
    assert np.abs(np.array(shown(data)) - expected).max() <= 1  # rounded twice
