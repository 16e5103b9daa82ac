"""FER-2013: from the user's CSV or folders, never from the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from strata.base.errors import StrataError

INCOMING = Path("data/incoming")
FACE = np.arange(48 * 48) % 256
ROWS = [(0, "Training"), (3, "Training"), (6, "PublicTest"), (3, "PrivateTest")]


def write_csv(lines: list[str]) -> None:
    INCOMING.mkdir(parents=True)
    (INCOMING / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")


def pixels(count: int = 48 * 48) -> str:
    return " ".join(map(str, FACE[:count]))


def test_faces_of_a_csv(source: Callable[[str], Any]) -> None:
    fer = source("fer2013")
    write_csv([f"{emotion},{pixels()},{usage}" for emotion, usage in ROWS])
    assert fer.download() == 4
    tables = fer.tables()
    assert tables.images["image_id"].to_pylist() == [
        "test/happy/00003.png",
        "train/angry/00000.png",
        "train/happy/00001.png",
        "validation/neutral/00002.png",
    ]
    assert tables.images["labels"].to_pylist() == [["happy"], ["angry"], ["happy"], ["neutral"]]
    assert tables.images["split"].to_pylist() == ["test", "train", "train", "validation"]
    face = Image.open(tables.images["path"].to_pylist()[0])
    assert np.array_equal(np.asarray(face).ravel(), FACE)


def test_faces_of_folders(source: Callable[[str], Any], archives: dict[str, Any]) -> None:
    fer = source("fer2013")
    for name in ("train/Happy/a.jpg", "test/sad/b.jpg"):
        path = INCOMING / "fer2013" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archives["jpeg"]())
    assert fer.download() == 2
    assert fer.tables().images["image_id"].to_pylist() == ["test/sad/b.jpg", "train/happy/a.jpg"]


def test_without_files_the_error_says_which(source: Callable[[str], Any]) -> None:
    with pytest.raises(StrataError, match=r"put fer2013\.csv .* into data/incoming/"):
        source("fer2013").download()


@pytest.mark.parametrize(
    "line",
    [f"9,{pixels()},Training", f"1,{pixels(5)},Training", f"1,{pixels()},Other", f"x,{pixels()},Training"],
)
def test_a_wrong_row_is_named_by_its_line(source: Callable[[str], Any], line: str) -> None:
    write_csv([f"0,{pixels()},Training", line])
    fer = source("fer2013")
    with pytest.raises(StrataError, match=r"fer2013\.csv, line 3: "):
        fer.download()
    assert not fer.raw.exists()
