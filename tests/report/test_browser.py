"""The report in a real browser, from disk: widths, themes, keys, nothing from outside, and axe where it is.

``STRATA_AXE`` names axe-core's ``axe.min.js`` (``npm pack axe-core`` fetches it); without it that test is
left out, as are all of them where there is no browser. On CI a browser has to be there.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from stages import report
from tests.browsers import browser

__all__ = ["browser"]

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))
AXE = os.environ.get("STRATA_AXE")

WIDTHS, THEMES = (390, 1280), ("light", "dark")
PAGES = ("index.html", "clusters.html")


@pytest.fixture(scope="module", params=["labelled", "unlabelled"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a made-up run."""
    home = tmp_path_factory.mktemp(request.param)
    rows = MADE["draw_pictures"](home)
    if request.param == "unlabelled":
        rows = [{**row, "labels": []} for row in rows]
    MADE["make_results"](home, rows=rows, judged=request.param == "labelled")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(home)
        monkeypatch.setattr(sys, "argv", ["report", "report"])
        report.main()
    return home / "report"


def opened(browser: Any, path: Path, width: int = 1280, theme: str = "light") -> tuple[Any, list[str]]:
    """The page, and what its console said and what it asked for that is not beside it, as it comes."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    wrong: list[str] = []
    inside = path.parent.as_uri()
    page.on("console", lambda said: wrong.append(said.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda asked: wrong.append(asked.url))
    page.on("request", lambda asked: None if asked.url.startswith(inside) else wrong.append(asked.url))
    page.goto(path.as_uri())
    return page, wrong


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_it_fits_the_width_and_asks_for_nothing_outside(
    browser: Any, folder: Path, name: str, width: int
) -> None:
    page, wrong = opened(browser, folder / name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wrong == []
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_picture_is_on_the_first_screen(browser: Any, folder: Path, width: int) -> None:
    page, _ = opened(browser, folder / "index.html", width)
    first = page.locator(".tile svg").first.bounding_box()
    assert first["y"] + first["height"] < 900
    page.close()


def test_tabs_work_by_keyboard(browser: Any, folder: Path) -> None:
    page, _ = opened(browser, folder / "index.html")
    page.locator("input[name=nearest]").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("input[name=nearest]").nth(1).is_checked()
    shown = [panel.is_visible() for panel in page.locator("#nearest .panel").all()]
    assert shown == [number == 1 for number in range(len(shown))]
    page.close()


def test_wide_tables_scroll_by_keyboard(browser: Any, folder: Path) -> None:
    page, _ = opened(browser, folder / "index.html", 390)
    areas = page.locator(".scroll:visible").all()
    wide = [area for area in areas if area.evaluate("it => it.scrollWidth > it.clientWidth + 40")]
    assert wide
    wide[0].focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")
    page.close()


def test_a_cluster_opens_whole(browser: Any, folder: Path) -> None:
    page, wrong = opened(browser, folder / "index.html")
    page.locator("#clusters .cluster:visible .who a").first.click()
    page.wait_for_url("**/clusters.html#*")
    assert page.locator(":target").is_visible()
    assert wrong == []
    page.close()


def test_paper_shows_every_sheet_from_the_top_of_a_page(browser: Any, folder: Path) -> None:
    page, _ = opened(browser, folder / "index.html")
    page.emulate_media(media="print")
    panels = page.locator("#nearest .panel").all()
    assert all(panel.is_visible() for panel in panels)
    assert {panel.evaluate("it => getComputedStyle(it).breakBefore") for panel in panels} == {"page"}
    page.close()


@pytest.mark.skipif(not AXE, reason="STRATA_AXE names no axe.min.js")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browser: Any, folder: Path, name: str, width: int, theme: str) -> None:
    page, _ = opened(browser, folder / name, width, theme)
    page.add_script_tag(path=AXE)
    page.add_style_tag(content=".tabs > .panel { display: block !important; }")
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []
    page.close()
