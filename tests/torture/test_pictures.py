"""A short run of the campaign of damaged pictures, and that it notices what it is for."""

from __future__ import annotations

import io
import random
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from torture import pictures


def test_a_short_campaign_finds_nothing() -> None:
    tries, failures = pictures.run(7, time.monotonic() + 2)
    assert tries > 5
    assert failures == []


def test_every_format_is_damaged_and_the_same_seed_damages_alike() -> None:
    originals = pictures.made(random.Random(3))
    assert {name.split()[0] for name in originals} >= {"JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"}
    data = originals["PNG RGB"]
    assert pictures.damaged(data, random.Random(5)) == pictures.damaged(data, random.Random(5))


@pytest.mark.parametrize("fault", ["escaped", "other pixels"])
def test_an_escaped_error_and_other_pixels_are_noticed(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(_: bytes) -> np.ndarray:
        if fault == "escaped":
            raise RuntimeError("codec")
        return np.ones((8, 8, 3), np.uint8)

    monkeypatch.setattr(pictures, "decode_picture", decode)
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    assert fault in pictures.fault_of(stream.getvalue(), tmp_path / "x")
