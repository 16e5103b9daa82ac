"""``python -m stages.report`` on made-up results: the page, its pictures, and what is not versioned."""

from __future__ import annotations

import html.parser
import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from stages import provenance, report, summarize
from strata.base.locks import record_first_seen
from strata.base.tsv import checked_line
from strata.settings.params import ModelConf, Weights

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))
LOCAL = ModelConf(
    title="own",
    architecture=None,
    weights=Weights(path="models/own", tag=None, sha256=None, source=None),
    aliases={},
    image_only=False,
)
VOID = {"meta", "input", "col", "br"}


class Page(html.parser.HTMLParser):
    """Collects tags with their attributes and the text; fails where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def having(self, attribute: str) -> list[str]:
        return [value or "" for _, attrs in self.tags if (value := attrs.get(attribute)) is not None]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report of the usual made-up run; tests only read it."""
    folder = tmp_path_factory.mktemp("usual")
    MADE["make_results"](folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        run(monkeypatch)
    return folder


@pytest.fixture(scope="module")
def page(home: Path) -> Page:
    return Page((home / "report/index.html").read_text(encoding="utf-8"))


def run(monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(sys, "argv", ["summarize", "metrics", "data/plots"])
    summarize.main()
    monkeypatch.setattr(sys, "argv", ["report", "report"])
    report.main()
    return Page(Path("report/index.html").read_text(encoding="utf-8"))


def test_the_page_needs_nothing_but_what_lies_beside_it(home: Path, page: Page) -> None:
    sources = [*page.having("src"), *page.having("href")]
    files = {unquote(source.partition("#")[0]) for source in sources if not source.startswith("#")}
    originals = {name for name in files if name.startswith("../pictures/")}
    assert files - originals == {"run.js", "img/pictures-1.jpg", "clusters.html"}
    gone = {name for name in files if not (home / "report" / name).is_file()}
    assert gone <= {"../pictures/picture 9.jpg"}  # missing from the start
    assert f"../pictures/{MADE['ODD']}" in originals
    assert "url(" not in (home / "report/index.html").read_text(encoding="utf-8")


def test_every_link_and_picture_inside_the_page_has_its_target(page: Page) -> None:
    ids = page.having("id")
    assert len(ids) == len(set(ids))
    assert {source[1:] for source in page.having("href") if source.startswith("#")} <= set(ids)
    assert set(page.having("for")) <= set(ids)


def test_the_answer_comes_first(page: Page) -> None:
    text = page.text
    answer = re.search(r"“detail”: highest is \S+ .* , mAP [0-9.]+ .*?chance 0\.090", text)
    assert answer
    assert "Not told apart from it, of " in text or "Told apart from all " in text
    assert "This run (max): blocks.11 0.480 [0.420, 0.550]" in text
    assert answer.start() < text.index("A query on the left") < text.index("One chart a question")


def test_a_picture_that_repeats_another_is_shown_beside_it(page: Page) -> None:
    assert "repeat a query's picture 0 1" in page.text
    assert "nearly the same (cosine of the embeddings >= 0.98)" in page.text
    assert "0.991, other label" in page.text


def test_names_are_shown_as_they_are_and_never_become_markup(page: Page) -> None:
    assert "fish & <chips>" in page.text
    assert not [attrs for tag, attrs in page.tags if tag in ("b", "chips") and attrs]
    assert any(MADE["ODD"] in label for label in page.having("aria-label"))


def test_every_picture_and_chart_has_an_alternative_text(page: Page) -> None:
    drawn = [attrs for tag, attrs in page.tags if tag == "svg" and attrs.get("role") == "img"]
    assert len(drawn) > 100
    assert all(attrs.get("aria-label") for attrs in drawn)


def test_one_sheet_a_layer_with_the_best_one_open(page: Page) -> None:
    tabs = [attrs for tag, attrs in page.tags if tag == "input" and attrs.get("name") == "nearest"]
    assert ["checked" in attrs for attrs in tabs] == [False, False, True, False]


def test_rejected_pictures_parameters_and_policies_are_listed(page: Page) -> None:
    text = page.text
    for words in (
        "damaged JPEG: premature end",
        "extract.view center_crop",
        "retrieval: detail match region",
        "2 left out",
    ):
        assert words in text


def test_missing_parts_are_explained(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [{**row, "labels": []} for row in MADE["draw_pictures"](project)]
    MADE["make_results"](project, rows=images, own_queries=0, prompts=False)
    text = run(monkeypatch).text
    for words in (
        "better than another yet: the pictures have no labels, and there are no queries.",
        "the nearest pictures of 24 pictures",
        "The pictures have no labels",
        "not run: 'embedding' is not among the layers",
    ):
        assert words in text


def test_labels_without_queries_and_queries_without_labels_both_work(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MADE["make_results"](project, own_queries=0)
    assert "own queries" not in run(monkeypatch).text
    images = [{**row, "labels": []} for row in MADE["draw_pictures"](project)]
    MADE["make_results"](project, rows=images, prompts=False)
    assert "Pictures of the same" not in run(monkeypatch).text


def test_the_outs_are_the_same_on_every_run_and_run_js_fits_the_page(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MADE["make_results"](project)
    outs = ("report/index.html", "report/img/pictures-1.jpg")
    run(monkeypatch)
    first = [Path(path).read_bytes() for path in outs]
    Path("logs").mkdir()
    Path("logs/extract.json").write_text('{"seconds": 12.5, "summary": "320 rows"}')
    page = run(monkeypatch)
    assert [Path(path).read_bytes() for path in outs] == first
    written = read_run()
    assert written["results"] == page.having("data-results")[0]
    assert written["stages"] == [{"name": "extract", "seconds": 12.5, "summary": "320 rows"}]


def test_pictures_of_an_earlier_run_are_not_left_behind(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MADE["make_results"](project)
    Path("report/img").mkdir(parents=True)
    Path("report/img/pictures-9.jpg").write_bytes(b"old")
    run(monkeypatch)
    assert [path.name for path in Path("report/img").iterdir()] == ["pictures-1.jpg"]


def test_provenance_survives_broken_logs_and_closes_no_script(project: Path) -> None:
    Path("logs").mkdir()
    Path("logs/pool.json").write_text("{")
    Path("logs/reduce.json").write_text('{"seconds": 1, "summary": "</script><b>"}')
    Path("logs/other.json").write_text('{"seconds": 1, "summary": ""}')
    provenance.write_run(Path("run.js"), "abc", LOCAL)
    assert "</script" not in Path("run.js").read_text()
    assert [stage["name"] for stage in read_run("run.js")["stages"]] == ["reduce"]


def test_facts_name_revision_versions_and_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_DEVICE", "cuda:1")
    facts = dict(provenance.facts(LOCAL))
    assert facts["device"] == "cuda:1"
    assert facts["git revision"] == "not under git"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", facts["Python"])
    assert "numpy" in facts


def test_the_hash_of_the_weights_comes_from_the_stores_memory(project: Path) -> None:
    store = project / "store"
    store.mkdir()
    assert provenance.weights_hash(LOCAL, store) == ""
    lines = (f"{project}/models/own/a.safetensors", f"{project}/models/other/a.safetensors")
    known = (checked_line((path, "1", "2", "3", "4", f"{i}abc")) for i, path in enumerate(lines))
    (store / "weights-hashes.txt").write_bytes(b"".join(known) + b"torn line")
    assert provenance.weights_hash(LOCAL, store) == "0abc"
    hub = LOCAL.model_copy(
        update={
            "architecture": "RN50",
            "weights": LOCAL.weights.model_copy(update={"path": None, "tag": "openai"}),
        }
    )
    record_first_seen(store / "weights.tsv", "RN50:openai", "def")
    assert provenance.weights_hash(hub, store) == "def"


def read_run(path: str = "report/run.js") -> dict[str, Any]:
    text = Path(path).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text.removeprefix("window.strataRun = ").rstrip().rstrip(";"))
    return found
