"""What the documents name is there: files, the names to look for in them, and every room in README's map."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READING = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
STOPS = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^\n|\Z)", READING, re.M | re.S)
ROOMS = (
    *("base", "settings", "demo", "collection", "fetching", "datasets", "models", "maps", "extraction"),
    *("descriptors", "measures", "grouping", "dense", "retrieval", "naming", "grid", "results", "library"),
    *("report", "explore"),
)


def test_there_is_a_way_of_ten_minutes() -> None:
    assert 10 <= len(STOPS) <= 20


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.split("`")[1])
def test_a_stop_is_a_file_that_holds_what_is_to_be_looked_for(stop: str) -> None:
    path, *names = re.findall(r"`([^`]+)`", stop)
    text = (ROOT / path).read_text(encoding="utf-8")
    assert [name for name in names if name not in text] == []


@pytest.mark.parametrize("document", ["README.md", "docs/reading.md", "docs/extending.md"])
def test_a_file_that_a_document_names_is_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    new = set(re.findall(r"New file `([^`]+)`", text))
    named = set(re.findall(r"`((?:strata|stages|tests|docs|conf)/[\w./-]+\.\w+)`", text)) - new
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_map_of_the_house_names_every_room_in_order() -> None:
    (block,) = re.findall(r"^## The map of the house\n\n(.*?)\n\n", README, re.M | re.S)
    assert re.findall(r"^ {6}(\w+)/ ", block, re.M) == list(ROOMS)


def test_every_folder_of_the_library_is_a_room_with_a_docstring() -> None:
    folders = {path.parent.name: path for path in (ROOT / "strata").glob("*/__init__.py")}
    assert set(folders) == set(ROOMS)
    assert all(path.read_text(encoding="utf-8").startswith('"""') for path in folders.values())


def test_the_readme_links_both_documents() -> None:
    assert {"docs/reading.md", "docs/extending.md"} <= set(re.findall(r"\]\(([^)]+)\)", README))
