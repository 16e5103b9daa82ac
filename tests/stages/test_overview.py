"""The command: finished runs from git's references, as a page, as CSV, as tables for a paper."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from stages import overview
from strata.base.errors import StrataError

Git = Callable[..., str]
ODD = "<b>&x"


def commit(git: Git, value: float, pooling: str) -> None:
    """A run: its parameters and metrics."""
    Path("metrics").mkdir(exist_ok=True)
    late = {"class_n_queries": 9, "class_map": value, "class_map_low": value - 0.1, "class_map_high": 0.9}
    Path("metrics/retrieval.json").write_text(json.dumps({"late": late}))
    Path("params.yaml").write_text(json.dumps({"dataset": "demo", "pooling": pooling, "layers": ["late"]}))
    git("add", ".")
    git("commit", "-qm", pooling)


@pytest.fixture
def run(git: Git, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """HEAD and an experiment made on it."""
    commit(git, 0.5, "max")
    head = git("rev-parse", "HEAD")
    commit(git, 0.625, ODD)
    git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/fizzy-duck", "HEAD")
    git("reset", "-q", "--hard", head)

    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["overview", *arguments])
        return overview.main()

    return call


class Page(HTMLParser):
    """The texts of a page's table cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.links += [value for key, value in attrs if key in ("src", "href")]
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.strip()


def test_the_page_has_every_run_and_the_command_that_brings_it_back(run: Callable[..., str]) -> None:
    assert run() == "overview: 2 runs, 1 tables, open report/overview.html"
    text = Path("report/overview.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.cells[:4] == ["run", "pooling", "late", "again"]
    assert any(cell.startswith("fizzy-duck") for cell in page.cells)
    assert ODD in page.cells
    assert "<b>&x" not in text
    assert "dvc exp apply fizzy-duck" in "".join(page.cells)
    assert "dvc exp apply HEAD" not in text
    assert page.links == []
    assert 'data-value="0.6250" class="best"' in text


def test_csv_and_latex(run: Callable[..., str]) -> None:
    assert [line.split(",")[6] for line in run("--csv").splitlines()] == ["value", "0.5", "0.625"]
    assert r"fizzy-duck & \textless{}b\textgreater{}\&x & \textbf{0.625} \\" in run("--latex")
    assert not Path("report").exists()


def test_without_a_run_it_is_one_line(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    git("commit", "-qm", "empty", "--allow-empty")
    monkeypatch.setattr(sys, "argv", ["overview"])
    with pytest.raises(StrataError, match="no finished run here"):
        overview.main()
