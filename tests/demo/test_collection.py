"""Claims about the collection on disk."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from strata.base.errors import StrataError
from strata.demo.collection import plan_collection, write_collection
from strata.demo.vocabulary import DETAILS, MEDIA, MOODS, MOTIFS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo")
    write_collection(home, seed=3, pictures=20)
    return home


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_equal_seeds_give_equal_bytes(folder: Path, tmp_path: Path) -> None:
    write_collection(tmp_path, seed=3, pictures=20)
    assert hashes(folder) == hashes(tmp_path)


def test_annotations_describe_every_file(folder: Path) -> None:
    table = json.loads((folder / "annotations.json").read_text())
    listed = {row["file"] for row in table["pictures"] + table["odd"]}
    assert listed == {f"pictures/{path.name}" for path in (folder / "pictures").iterdir()}
    for row in table["pictures"]:
        with Image.open(folder / row["file"]) as image:
            assert image.size == (row["width"], row["height"])


def test_unusable_files_do_not_open_and_the_others_do(folder: Path) -> None:
    for row in json.loads((folder / "annotations.json").read_text())["odd"]:
        if row["usable"]:
            with Image.open(folder / row["file"]) as image:
                grey = (
                    image if image.mode == "I;16" else image.convert("L")
                )  # Pillow clips 16 bits, not scales
                assert np.asarray(grey, np.float32).std() > 8
        else:
            with pytest.raises((OSError, UnidentifiedImageError)), Image.open(folder / row["file"]) as image:
                image.load()


def test_odd_files_are_as_odd_as_they_say(folder: Path) -> None:
    def opened(name: str) -> Image.Image:
        return Image.open(folder / "pictures" / name)

    assert opened("odd-cmyk.jpg").mode == "CMYK"
    palette = opened("odd-palette-alpha.png")
    assert palette.mode == "P"
    assert "transparency" in palette.info
    assert opened("odd-grey16.png").mode == "I;16"
    assert opened("odd-exif-turned.jpg").getexif()[0x0112] == 6


def test_without_damaged_there_are_only_pictures(tmp_path: Path) -> None:
    write_collection(tmp_path, seed=3, pictures=4, damaged=False)
    assert len(list((tmp_path / "pictures").iterdir())) == 4


def test_motifs_media_and_moods_are_balanced_and_independent() -> None:
    plan = plan_collection(1569, 320)
    combinations = Counter(s.words for s in plan)
    assert set(combinations.values()) == {2}
    assert len(combinations) == len(MOTIFS) * len(MEDIA) * len(MOODS)


def test_a_small_collection_is_balanced_too() -> None:
    plan = plan_collection(0, 40)
    for place, words in enumerate((MOTIFS, MEDIA, MOODS)):
        assert Counter(s.words[place] for s in plan) == dict.fromkeys(words, 40 // len(words))


def test_each_detail_appears_in_twelve_to_eighteen_pictures() -> None:
    plan = plan_collection(1569, 320)
    counts = Counter(kind for s in plan for kind in s.kinds)
    assert set(counts) == set(DETAILS)
    assert all(12 <= count <= 18 for count in counts.values())
    assert all(len(set(s.kinds)) == len(s.kinds) <= 3 for s in plan)


def test_seeds_are_never_negative_nor_shared_by_collections() -> None:
    first, second = ({s.seed for s in plan_collection(seed, 320)} for seed in (0, 1))
    assert min(first) >= 0
    assert len(first) == 320
    assert not first & second


@pytest.mark.parametrize(("seed", "pictures"), [(-1, 10), (0, 0)])
def test_a_negative_seed_or_no_pictures_is_refused(seed: int, pictures: int, tmp_path: Path) -> None:
    with pytest.raises(StrataError):
        write_collection(tmp_path, seed=seed, pictures=pictures)


def test_progress_is_tracked_picture_by_picture(tmp_path: Path) -> None:
    seen: list[tuple[int, str]] = []

    def track(items, *, total, desc):  # type: ignore[no-untyped-def]
        seen.append((total, desc))
        return iter(items)

    write_collection(tmp_path, seed=3, pictures=3, damaged=False, track=track)
    assert seen == [(3, "draw")]
