"""Brueghel: the published counts from archives of the true layout; names byte for byte."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.collection.tables import USABLE


def test_the_published_counts(source: Callable[[str], Any], made: dict[str, Any]) -> None:
    brueghel = source("brueghel")
    brueghel.serve(made["brueghel"]())
    assert brueghel.download() == 1587
    tables = brueghel.tables()
    assert tables.images.num_rows == 1587
    assert set(tables.images["status"].to_pylist()) == {USABLE}
    assert (tables.queries.num_rows, tables.relevance.num_rows) == (273, 9292)
    counts = Counter(tables.queries["group"].to_pylist())
    assert list(counts.values()) == [13, 50, 11, 28, 57, 28, 27, 13, 24, 22]
    named = set(tables.queries["image_id"].to_pylist()) | set(tables.relevance["image_id"].to_pylist())
    assert len(named) == 146
    assert len([name for name in named if name.endswith(" .jpg")]) == 2
    assert brueghel.said == []


def test_a_second_download_needs_no_network(source: Callable[[str], Any], archives: dict[str, Any]) -> None:
    brueghel = source("brueghel")
    brueghel.serve(small(archives))
    brueghel.download()
    first = brueghel.tables()
    brueghel.server.files.clear()
    brueghel.download()
    assert brueghel.tables().images.equals(first.images)


def small(archives: dict[str, Any], *, without: str = "") -> dict[str, bytes]:
    """Three pictures with odd names, two of them with a detail."""
    names = ["Mars: A (Rome, 1600) .jpg", "Besançon's.jpg", "c.jpg"]
    jpeg = archives["jpeg"]
    boxed = [[name, [1, 2, 20, 30]] for name in names[:2]]
    truth = {"00": [{"query": boxed[0], "gt": [boxed[1]]}, {"query": boxed[1], "gt": [boxed[0]]}]}
    pictures = {f"Brueghel/{name}": jpeg() for name in names if name != without}
    return {"Brueghel.zip": archives["zip_of"](pictures), "brueghelTest.json": json.dumps(truth).encode()}


def test_names_with_blanks_and_accents_are_kept(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    brueghel = source("brueghel")
    brueghel.serve(small(archives))
    brueghel.download()
    tables = brueghel.tables()
    assert tables.images["image_id"].to_pylist() == ["Besançon's.jpg", "Mars: A (Rome, 1600) .jpg", "c.jpg"]
    assert tables.relevance["image_id"].to_pylist() == ["Besançon's.jpg", "Mars: A (Rome, 1600) .jpg"]
    assert tables.queries["query_id"].to_pylist() == ["00/0", "00/1"]


def test_a_picture_that_is_not_there_is_said_and_stays(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    brueghel = source("brueghel")
    brueghel.serve(small(archives, without="Besançon's.jpg"))
    brueghel.download()
    tables = brueghel.tables()
    status = dict(zip(*(tables.images[c].to_pylist() for c in ("image_id", "status")), strict=True))
    assert status["Besançon's.jpg"] == "not in the archive"
    assert tables.relevance.num_rows == 2
    assert 'names 1 pictures that are not in the archive, the first is "Besançon\'s.jpg"' in brueghel.said[0]


def test_other_pictures_altogether_are_an_error(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    brueghel = source("brueghel")
    files = small(archives)
    files["Brueghel.zip"] = archives["zip_of"]({"x.jpg": archives["jpeg"]()})
    brueghel.serve(files)
    brueghel.download()
    with pytest.raises(StrataError, match="these are not the pictures it is for"):
        brueghel.tables()


def test_ground_truth_of_another_shape_is_one_line(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    brueghel = source("brueghel")
    brueghel.serve({**small(archives), "brueghelTest.json": b'{"00": [{"query": ["a.jpg", [1, 2]]}]}'})
    brueghel.download()
    with pytest.raises(StrataError, match=r"brueghelTest\.json: 00\.0\.query\.1"):
        brueghel.tables()


def test_a_damaged_archive_leaves_nothing_and_the_next_run_continues(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    brueghel = source("brueghel")
    files = small(archives)
    brueghel.serve({**files, "Brueghel.zip": files["Brueghel.zip"][:-200]})
    with pytest.raises(StrataError, match="damaged"):
        brueghel.download()
    assert not brueghel.raw.exists()
    brueghel.serve(files)
    brueghel.download()
    assert brueghel.tables().images.num_rows == 3
