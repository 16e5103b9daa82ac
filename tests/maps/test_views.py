"""Bytes -> pixels -> views, against Pillow, open_clip's own transform and strata.maps.geometry."""

from __future__ import annotations

import io
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.transform import image_transform
from PIL import Image

from strata.maps.geometry import view_transform
from strata.maps.views import PictureError, ViewSpec, decode_picture, make_view

SIZES = [(300, 200), (201, 333), (224, 224), (97, 640), (640, 427)]
DATA = os.environ.get("STRATA_TEST_DATA")


def photograph(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Something with shading, edges and grain: (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    shade = 120 + 60 * np.sin(x / 37 + y / 61)[..., None] + np.array([20, 0, -30])
    shade[(x - width / 2) ** 2 + (y - height / 3) ** 2 < (min(width, height) / 4) ** 2] += 70
    return np.clip(shade + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def jpeg(width: int, height: int, **options: Any) -> bytes:
    return encoded(Image.fromarray(photograph(width, height)), "JPEG", quality=90, **options)


def reference(data: bytes, size_px: int, **options: Any) -> torch.Tensor:
    """open_clip's own transform, back in 0..255."""
    transform = image_transform(size_px, is_train=False, mean=(0.0,) * 3, std=(1.0,) * 3, **options)
    with Image.open(io.BytesIO(data)) as image:
        result: torch.Tensor = (transform(image) * 255).round()
    return result


def assert_same_pixels(seen: torch.Tensor, expected: torch.Tensor) -> None:
    """Within 1 of 255 for all but one value in ten thousand, and 0.012 on average."""
    assert seen.shape == expected.shape
    difference = (seen.float() - expected).abs()
    assert difference.max() <= 2
    assert (difference > 1).float().mean() <= 1e-4
    assert difference.mean() <= 0.012


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_the_centre_crop_is_open_clips(size: tuple[int, int], interpolation: Any) -> None:
    data = jpeg(*size)
    spec = ViewSpec(224, "center_crop", interpolation=interpolation)
    view = make_view(decode_picture(data), spec)
    assert view.valid == (0, 0, 224, 224)
    assert_same_pixels(view.pixels, reference(data, 224, interpolation=interpolation))


def test_the_long_side_is_truncated_not_rounded() -> None:
    """97 x 640 at 224: 1477.9 pixels become 1477; 1478 would shift every row of the crop."""
    data = jpeg(97, 640)
    assert_same_pixels(
        make_view(decode_picture(data), ViewSpec(224, "center_crop")).pixels, reference(data, 224)
    )


@pytest.mark.parametrize("size", [(20, 400), (400, 20), (3, 5000)], ids=str)
def test_a_long_strip_is_open_clips_without_being_resized_as_a_whole(size: tuple[int, int]) -> None:
    data = encoded(Image.fromarray(photograph(*size)), "PNG")
    seen = make_view(decode_picture(data), ViewSpec(32, "center_crop")).pixels
    assert (seen.float() - reference(data, 32)).abs().max() <= 1


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_squash_is_open_clips(size: tuple[int, int]) -> None:
    data = jpeg(*size)
    view = make_view(decode_picture(data), ViewSpec(160, "squash"))
    assert_same_pixels(view.pixels, reference(data, 160, resize_mode="squash"))


@given(st.integers(1, 400), st.integers(1, 400), st.integers(16, 96))
@settings(max_examples=60, deadline=None)
def test_a_letterbox_lies_where_geometry_says(width: int, height: int, size_px: int) -> None:
    picture = np.full((height, width, 3), 255, np.uint8)
    view = make_view(picture, ViewSpec(size_px, "letterbox", fill=(1, 2, 3)))
    scale_x, scale_y, offset_x, offset_y = view_transform(width, height, size_px, "letterbox")
    x0, y0, x1, y1 = view.valid
    assert view.valid == pytest.approx(
        (offset_x, offset_y, offset_x + width * scale_x, offset_y + height * scale_y)
    )
    inside = torch.zeros(size_px, size_px, dtype=torch.bool)
    inside[int(y0) : int(y1), int(x0) : int(x1)] = True
    assert (view.pixels[:, inside] == 255).all()
    assert (view.pixels[:, ~inside] == torch.tensor([[1], [2], [3]], dtype=torch.uint8)).all()


def halves() -> np.ndarray:
    """100 x 60; red left of column 30, blue right of it."""
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[:, :30, 0] = 255
    picture[:, 30:, 2] = 255
    return picture


def test_a_crop_fills_the_view_and_is_never_centre_cropped() -> None:
    view = make_view(halves(), ViewSpec(32, "center_crop"), (10, 20, 30, 25))
    assert view.valid == (0, 0, 32, 32)
    assert (view.pixels == torch.tensor([255, 0, 0], dtype=torch.uint8).view(3, 1, 1)).all()
    wide = make_view(halves(), ViewSpec(32, "center_crop"), (0, 0, 100, 10)).pixels
    assert (wide[0, :, 0] == 255).all()
    assert (wide[2, :, -1] == 255).all()


def test_a_crop_of_a_letterbox_view_is_letterboxed() -> None:
    view = make_view(halves(), ViewSpec(32, "letterbox"), (0, 0, 20, 10))
    assert view.valid == (0, 8, 32, 24)


def test_a_crop_at_the_same_scale_has_the_pictures_scale() -> None:
    """Long side of the crop = 50 * 40 / 100 = 20, short side half of it, in the middle."""
    view = make_view(halves(), ViewSpec(50, "center_crop", fill=(9, 9, 9)), (0, 0, 40, 20), same_scale=True)
    assert view.valid == (15, 20, 35, 30)
    assert (view.pixels[:, :20] == 9).all()
    assert (view.pixels[0, 20:30, 15:28] == 255).all()


def test_the_whole_picture_as_a_crop_at_the_same_scale_is_its_letterbox() -> None:
    picture, spec = photograph(90, 50), ViewSpec(64, "letterbox")
    crop = make_view(picture, spec, (0, 0, 90, 50), same_scale=True)
    whole = make_view(picture, spec)
    assert crop.valid == whole.valid
    assert torch.equal(crop.pixels, whole.pixels)


@given(
    st.tuples(st.floats(-1, 99), st.floats(-1, 59)),
    st.tuples(st.floats(0.01, 102), st.floats(0.01, 62)),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_box_gives_a_view_with_something_in_it(
    corner: tuple[float, float], size: tuple[float, float], same_scale: bool
) -> None:
    box = (corner[0], corner[1], min(101.0, corner[0] + size[0]), min(61.0, corner[1] + size[1]))
    view = make_view(halves(), ViewSpec(32, "letterbox"), box, same_scale=same_scale)
    x0, y0, x1, y1 = view.valid
    assert 0 <= x0 < x1 <= 32
    assert 0 <= y0 < y1 <= 32
    assert view.pixels.shape == (3, 32, 32)


def test_a_jpeg_decodes_as_pillow_decodes_it() -> None:
    data = jpeg(120, 80)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(decode_picture(data), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_other_formats_decode_by_pillow(kind: str) -> None:
    picture = photograph(50, 40)
    options = {"lossless": True} if kind == "WEBP" else {}
    assert np.array_equal(decode_picture(encoded(Image.fromarray(picture), kind, **options)), picture)


def test_greyscale_and_cmyk_become_rgb() -> None:
    grey = Image.fromarray(photograph(40, 30)).convert("L")
    seen = decode_picture(encoded(grey, "JPEG", quality=95))
    assert seen.shape == (30, 40, 3)
    assert (seen[..., 0] == seen[..., 2]).all()
    data = encoded(Image.fromarray(photograph(40, 30)).convert("CMYK"), "JPEG", quality=95)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(decode_picture(data), np.asarray(image.convert("RGB")))


def test_transparency_is_dropped_not_blended() -> None:
    picture = np.dstack([photograph(20, 10), np.zeros((10, 20), np.uint8)])
    assert np.array_equal(decode_picture(encoded(Image.fromarray(picture), "PNG")), picture[..., :3])


@pytest.mark.filterwarnings("error")
def test_a_palette_with_alpha_becomes_its_colours() -> None:
    colours = Image.fromarray(photograph(40, 30)).quantize(16)
    data = encoded(colours, "PNG", transparency=bytes(range(16)))
    assert np.array_equal(decode_picture(data), np.asarray(colours.convert("RGB")))


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    seen = decode_picture(encoded(Image.fromarray(values), "PNG"))
    assert seen[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_gif_is_its_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode_picture(data)[..., 0] == 255).all()


def test_exif_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    assert np.array_equal(decode_picture(jpeg(120, 80, exif=exif.tobytes())), decode_picture(jpeg(120, 80)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_picture_is_refused(kind: str, share: float) -> None:
    data = encoded(Image.fromarray(photograph(200, 150)), kind)
    with pytest.raises(PictureError):
        decode_picture(data[: int(share * len(data))])


def test_a_damaged_jpeg_is_refused_though_its_end_is_there() -> None:
    data = jpeg(200, 150)
    with pytest.raises(PictureError, match="damaged JPEG"):
        decode_picture(data[: len(data) // 2] + data[-2:])


def test_harmless_surplus_bytes_in_a_jpeg_are_forgiven() -> None:
    data = jpeg(64, 48)
    assert np.array_equal(decode_picture(data[:-2] + b"\x00\x11\x22" + data[-2:]), decode_picture(data))


def test_metadata_and_bytes_before_the_tables_are_no_damage_to_a_jpeg() -> None:
    data = jpeg(64, 48)
    profile = b"ICC_PROFILE\x00" + bytes([9, 2]) + b"no profile"  # part 9 of 2
    bad = b"\xff\xe2" + (len(profile) + 2).to_bytes(2, "big") + profile
    tables = data.index(b"\xff\xdb")
    for odd in (data[:2] + bad + data[2:], data[:tables] + bytes(4) + data[tables:]):
        assert np.array_equal(decode_picture(odd), decode_picture(data))


def test_a_large_picture_becomes_rgb_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.fromarray(photograph(50, 40))
    files = [
        encoded(picture.convert("RGBA"), "PNG"),
        encoded(picture.quantize(16), "PNG", transparency=bytes(range(16))),
        encoded(picture.convert("CMYK"), "TIFF"),
        encoded(Image.fromarray(np.arange(2000, dtype=np.uint16).reshape(40, 50) * 32), "PNG"),
    ]
    whole = [decode_picture(file) for file in files]
    monkeypatch.setattr("strata.maps.views.STRIP_PX", 350)
    for file, pixels in zip(files, whole, strict=True):
        assert np.array_equal(decode_picture(file), pixels)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("codec"), KeyError("x"), struct.error("y")])
def test_whatever_a_decoder_raises_is_the_pictures_rejection(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(PictureError, match="cannot be decoded"):
        decode_picture(encoded(Image.new("RGB", (8, 8)), "PNG"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"no picture at all", "not a picture"), (b"\xff\xd8\xff", "not a picture")],
)
def test_what_is_no_picture_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        decode_picture(data)


def test_more_pixels_than_the_cap_are_refused_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strata.collection.headers.MAX_PIXELS", 100)
    for kind in ("JPEG", "PNG"):
        with pytest.raises(PictureError, match="20 x 10 pixels"):
            decode_picture(encoded(Image.new("RGB", (20, 10)), kind))


def test_a_fast_decode_keeps_twice_the_target_and_changes_little() -> None:
    data, spec = jpeg(800, 600), ViewSpec(112, "center_crop", "fast")
    assert spec.fast_target_px == 112
    reduced = decode_picture(data, fast_target_px=spec.fast_target_px)
    assert reduced.shape[:2] == (225, 300)
    difference = (
        make_view(reduced, spec).pixels.float() - make_view(decode_picture(data), spec).pixels.float()
    )
    assert 0 < difference.abs().mean() < 1


def test_a_small_jpeg_is_decoded_fully_even_if_fast() -> None:
    assert decode_picture(jpeg(300, 200), fast_target_px=224).shape == (200, 300, 3)


def test_threads_get_what_one_thread_gets() -> None:
    data, spec = [jpeg(200 + i, 150) for i in range(8)], ViewSpec(64, "center_crop")

    def view(one: bytes) -> torch.Tensor:
        return make_view(decode_picture(one), spec).pixels

    with ThreadPoolExecutor(4) as pool:
        for together, alone in zip(pool.map(view, data), map(view, data), strict=True):
            assert torch.equal(together, alone)


@pytest.mark.skipif(DATA is None, reason="STRATA_TEST_DATA is not set: no real photographs")
def test_real_photographs_have_open_clips_pixels() -> None:
    files = sorted(Path(str(DATA)).glob("imagenet-sample/*.JPEG"))[::3]
    assert len(files) > 100
    for file in files:
        data = file.read_bytes()
        assert_same_pixels(
            make_view(decode_picture(data), ViewSpec(224, "center_crop")).pixels, reference(data, 224)
        )
