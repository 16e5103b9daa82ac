"""The explorer in a real browser, nothing else reachable: what people do, by clicks and by keys."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import browser
from tests.explore.conftest import Served

__all__ = ["browser"]

pytestmark = pytest.mark.slow
WAIT_MS = 60_000


@dataclass
class Opened:
    """A page, its address, the folder of marks, and everything that went wrong on it."""

    page: Any
    address: str
    marks: Path
    errors: list[str] = field(default_factory=list)

    def go(self, state: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}#{state}")

    def hash(self) -> str:
        return str(self.page.evaluate("location.hash"))


@pytest.fixture
def opened(served: Served, browser: Any) -> Iterator[Opened]:
    address, marks = f"http://127.0.0.1:{served.port}/", served.marks
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    one = Opened(page, address, marks)
    page.on("console", lambda said: one.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: one.errors.append(str(error)))

    def only_own(route: Any) -> None:
        if route.request.url.startswith((address, "blob:", "data:")):
            route.continue_()
        else:
            one.errors.append(f"asked for {route.request.url}")
            route.abort()

    context.route("**/*", only_own)
    yield one
    context.close()
    assert one.errors == []


def until(page: Any, condition: str) -> None:
    """Wait for a condition; Playwright's own way is an eval, which the page's policy forbids."""
    end = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


def answers(page: Any) -> Any:
    page.wait_for_selector("#answers .tile")
    return page.locator("#answers .tile")


def draw(page: Any) -> None:
    frame = page.locator("#canvas img").bounding_box()
    page.mouse.move(frame["x"] + frame["width"] * 0.3, frame["y"] + frame["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.7, frame["y"] + frame["height"] * 0.7, steps=4)
    page.mouse.up()


def test_the_wall_groups_filters_and_goes_back(opened: Opened) -> None:
    page = opened.page
    opened.go("")
    page.wait_for_selector(".wall .tile img")
    page.select_option("#options select >> nth=0", "motif")
    page.wait_for_selector(".wall h2")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("f")
    page.keyboard.type("0003")
    until(page, "document.querySelectorAll('.wall .tile').length === 1")
    page.click(".wall .tile button")
    assert answers(page).count() > 5
    page.go_back()
    page.wait_for_selector(".wall")
    assert "group=motif" in opened.hash()


def test_a_box_drawn_finds_boxes_and_is_in_the_address(opened: Opened) -> None:
    page = opened.page
    opened.go("view=picture&n=2&layer=late")
    answers(page)
    draw(page)
    page.wait_for_selector("#answers .box")
    assert "boxes=" in opened.hash()
    page.reload()
    page.wait_for_selector("#answers .box")


def test_a_box_made_and_moved_by_keys_finds_boxes(opened: Opened) -> None:
    page = opened.page
    opened.go("view=picture&n=2&layer=late")
    answers(page)
    page.keyboard.press("n")
    page.wait_for_selector("#answers .box")
    before = opened.hash()
    page.keyboard.press("ArrowRight")
    until(page, f"location.hash !== {json.dumps(before)}")
    page.wait_for_selector("#answers .box")


def test_every_layer_has_a_row_and_a_neighbour_becomes_the_query(opened: Opened) -> None:
    page = opened.page
    opened.go("view=wall&n=2")
    page.wait_for_selector(".wall")
    page.keyboard.press("l")
    until(page, "document.querySelectorAll('.stratum:has(.tile)').length === 3")
    page.click(".stratum .tile button >> nth=0")
    until(page, "!location.hash.includes('n=2&') && !location.hash.endsWith('n=2')")


def test_a_sentence_finds_and_words_sort_into_columns(opened: Opened) -> None:
    page = opened.page
    opened.go("")
    page.wait_for_selector(".wall")
    page.keyboard.press("/")
    page.keyboard.type("a ship")
    page.keyboard.press("Enter")
    answers(page)
    page.keyboard.press("o")
    page.fill("#words", "ship\nhouse")
    page.click("text=Sort the wall")
    page.wait_for_selector(".column .tile")
    assert page.locator(".column").count() == 2
    page.click("text=Keep the words")
    until(page, "document.querySelector('#said').textContent.includes('words.txt')")
    assert (opened.marks / "words.txt").read_text() == "ship\nhouse\n"


def test_the_map_opens_a_picture_by_its_keys(opened: Opened) -> None:
    page = opened.page
    opened.go("view=map&layer=late")
    page.wait_for_selector("#map")
    page.wait_for_timeout(1500)
    page.focus("#map")
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert answers(page).count() > 5


def test_a_picture_of_ones_own_is_the_query(opened: Opened, finished: Path) -> None:
    page = opened.page
    opened.go("")
    page.wait_for_selector(".wall")
    own = sorted((finished / "data/raw/demo/pictures").glob("0003.*"))[0]
    page.set_input_files("#file", str(own))
    answers(page)
    assert page.locator("#answers [data-n]").first.get_attribute("data-n") == "2"
    draw(page)
    page.wait_for_selector("#answers .box")


def test_marks_by_click_and_key_are_saved_at_once(opened: Opened) -> None:
    page = opened.page
    opened.go("view=picture&n=4&layer=late&boxes=20,20,120,120")
    answers(page)
    page.click("#answers figure >> nth=0 >> [aria-label=right]")
    page.wait_for_selector("#answers .tile.right")
    page.focus("#answers [data-n] >> nth=1")
    page.keyboard.press("u")
    page.wait_for_selector("#answers .tile.unsure")
    with (opened.marks / "relevance.csv").open() as stream:
        assert sorted(row["grade"] for row in csv.DictReader(stream)) == ["good", "junk"]
    with (opened.marks / "queries.csv").open() as stream:
        assert [row["x1"] for row in csv.DictReader(stream)] == ["120.0"]


def test_the_basket_goes_out_as_csv_sheet_and_copies(opened: Opened) -> None:
    page = opened.page
    opened.go("")
    page.wait_for_selector(".wall .tile")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("b")
    page.keyboard.press("v")
    page.wait_for_selector("text=Copies in a folder")
    for name in ("CSV", "Contact sheet"):
        with page.expect_download() as download:
            page.click(f".actions >> text={name}")
        assert download.value.suggested_filename.startswith("basket.")
    page.click("text=Copies in a folder")
    until(page, "document.querySelector('#said').textContent.includes('copied')")
    assert len(list((opened.marks / "basket").iterdir())) == 1


def test_the_keys_are_listed(opened: Opened) -> None:
    opened.go("")
    opened.page.wait_for_selector(".wall")
    opened.page.keyboard.press("?")
    opened.page.wait_for_selector("dialog[open] kbd")
