"""Artphoto: 806 pictures, the emotion is the file name up to the last underscore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from strata.base.errors import StrataError


def test_the_published_counts(source: Callable[[str], Any], made: dict[str, Any]) -> None:
    artphoto = source("artphoto")
    artphoto.serve(made["artphoto"]())
    assert artphoto.download() == 806
    tables = artphoto.tables()
    labels = Counter(label for own in tables.images["labels"].to_pylist() for label in own)
    assert labels == {
        "amusement": 101,
        "anger": 77,
        "awe": 102,
        "contentment": 70,
        "disgust": 70,
        "excitement": 105,
        "fear": 115,
        "sad": 166,
    }
    assert tables.classes["class_id"].to_pylist() == sorted(labels)
    assert all(tables.classes["description"].to_pylist())


def test_an_emotion_nobody_knows_is_one_line(source: Callable[[str], Any], archives: dict[str, Any]) -> None:
    artphoto = source("artphoto")
    files = {"x/awe_1.jpg": archives["jpeg"](), "x/very_bored_2.jpg": archives["jpeg"]()}
    artphoto.serve({"testImages_artphoto.zip": archives["zip_of"](files)})
    artphoto.download()
    with pytest.raises(StrataError, match="its emotion 'very_bored' is not among the classes"):
        artphoto.tables()


def test_two_pictures_of_one_name_are_one_line(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    artphoto = source("artphoto")
    files = {"x/awe_1.jpg": archives["jpeg"](), "y/awe_1.jpg": archives["jpeg"]()}
    artphoto.serve({"testImages_artphoto.zip": archives["zip_of"](files)})
    with pytest.raises(StrataError, match="has the same name"):
        artphoto.download()
