"""No sentence of the report is false, whatever is known of the pictures and whatever is not."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from tests.stages.test_report import MADE, Page, run


class Given(NamedTuple):
    labels: bool
    queries: bool
    boxes: bool
    relevance: bool
    words: bool
    reads_text: bool


EVERY = [
    given
    for given in itertools.starmap(Given, itertools.product((False, True), repeat=6))
    if (given.queries or not (given.boxes or given.relevance)) and (given.reads_text or not given.words)
]


@pytest.mark.parametrize(
    "given", EVERY, ids=lambda given: "-".join(n for n, on in given._asdict().items() if on)
)
def test_every_sentence_is_true(given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = MADE["draw_pictures"](tmp_path)
    if not given.labels:
        rows = [{**row, "labels": []} for row in rows]
    made = {"boxed": given.boxes, "judged": given.relevance, "prompts": given.words}
    MADE["make_results"](tmp_path, rows=rows, own_queries=2 if given.queries else 0, **made)
    conf = tmp_path / "conf/models/demo-rn.yaml"
    conf.write_text(
        conf.read_text().replace("image_only: false", f"image_only: {not given.reads_text}".lower())
    )
    page = run(monkeypatch)
    text, scored = page.text, given.labels or given.relevance
    said = {
        "No layer can be called better than another yet": not scored,
        "No layer has a score": not scored,
        "The grid has no numbers": not scored,
        "There are no numbers to show": False,
        "Next: label a folder": not scored,
        "the pictures have no labels": not given.labels and not scored,
        "The pictures have no labels": not given.labels,
        "there are no queries": not given.queries and not scored,
        "of none of the 2 queries is it known": given.queries and not scored,
        "Nobody has said which pictures are right": not given.labels
        or (given.queries and not given.relevance),
        "the nearest pictures of 24 pictures": not scored,
        "where 2 boxed details may be in other pictures": given.boxes and not scored,
        "of each layer": not scored,
        "the box searched for": given.boxes,
        "No query was ranked": False,
        "collection’s own queries": given.queries,
        "relevant ✓": scored,
        "of 5 relevant": scored,
        "No words were compared": not given.words,
        "A folder’s are named by": given.reads_text and not given.words,
        "the nearest word of": given.words and not given.labels,
        "marks the own class of each": given.words and given.labels,
        "mostly ": given.labels,
        "Finding by the collection’s own queries": given.relevance,
        "Finding pictures of the same motif": given.labels,
        "Pictures of the same motif": given.labels,
    }
    assert {sentence: sentence in text for sentence in said} == said
    marked = [value for value in page.having("class") if re.fullmatch("tile (hit|miss|junk)", value)]
    assert bool(marked) == (scored or (given.words and given.labels))
    for low, high, shown in re.findall(r"Colours run from (\S+) to (\S+?)[:,] .*?\. (\S+ \S+)", text):
        assert f"{low} {high}" == shown  # the legend beside the sentence says the same


def test_it_names_the_endings_that_were_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MADE["make_results"](tmp_path)
    assert "not read" not in run(monkeypatch).text
    about = tmp_path / "data/raw/demo/root.json"
    about.parent.mkdir(parents=True)
    about.write_text('{"others": {".heic": 40, "": 1}}')
    said = "Beside the pictures lie 41 files with endings that are not read: .heic 40, none at all 1."
    assert said in run(monkeypatch).text


def test_every_page_knows_the_size_of_the_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MADE["make_results"](tmp_path, rows=MADE["draw_pictures"](tmp_path, 400))
    run(monkeypatch)
    for name in ("index.html", "clusters.html"):
        page = Page(Path("report", name).read_text(encoding="utf-8"))
        drawn = [attrs for tag, attrs in page.tags if tag == "image"]
        assert (len(drawn) < 398) == (name == "index.html")  # the other page adds to the last sheet
        for attrs in drawn:
            with Image.open(Path("report", str(attrs["href"]))) as sheet:
                assert (str(sheet.width), str(sheet.height)) == (attrs["width"], attrs["height"])


def test_every_cluster_is_whole_on_the_other_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MADE["make_results"](tmp_path)
    index = run(monkeypatch)
    other = Page(Path("report/clusters.html").read_text(encoding="utf-8"))
    ids = other.having("id")
    wanted = [link.partition("#")[2] for link in index.having("href") if link.startswith("clusters.html#")]
    assert wanted
    assert set(wanted) <= set(ids)
    tiles = [value for value in other.having("class") if value.startswith("tile")]
    assert len(tiles) == 22 * len(MADE["LAYERS"])
