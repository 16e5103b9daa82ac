"""The drawn pictures: the same on every call, as heavy as photographs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.pictures import draw_pictures, find_pictures


def test_a_picture_is_the_same_on_every_call(tmp_path: Path) -> None:
    first = draw_pictures(tmp_path / "a", 2, (256, 192))
    second = draw_pictures(tmp_path / "b", 1, (256, 192))
    assert first[0].read_bytes() == second[0].read_bytes() != first[1].read_bytes()


def test_a_picture_that_is_there_stays(tmp_path: Path) -> None:
    (path,) = draw_pictures(tmp_path, 1, (64, 48))
    path.write_bytes(b"kept")
    assert [entry.name for entry in draw_pictures(tmp_path, 2, (64, 48))] == ["000000.jpg", "000001.jpg"]
    assert path.read_bytes() == b"kept"


def test_a_file_is_as_large_as_a_photograph(tmp_path: Path) -> None:
    (path,) = draw_pictures(tmp_path, 1)
    with Image.open(path) as picture:
        assert (picture.size, picture.mode, picture.format) == ((1024, 768), "RGB", "JPEG")
    assert 150_000 < path.stat().st_size < 350_000


def test_photographs_of_a_folder_are_used_instead(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.jpeg", "c.png"):
        (tmp_path / name).touch()
    assert [path.name for path in find_pictures(tmp_path, tmp_path, 2)] == ["a.jpeg", "b.JPG"]
    with pytest.raises(ValueError, match="2 JPEG pictures, 3 are needed"):
        find_pictures(tmp_path, tmp_path, 3)
