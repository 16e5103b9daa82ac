"""The page of all finished runs: tables that sort by any column, with the command that brings a run back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from strata.base.files import write_text
from strata.report.rendering import TEMPLATES, environment, style
from strata.results.overview import Overview


def write_overview(path: Path, tables: Sequence[Overview], runs: int) -> None:
    """Write the page; it needs no network and no file beside it."""
    content = {
        "tables": tables,
        "runs": runs,
        "style": Markup(style(1)),
        "script": Markup((TEMPLATES / "sort.js").read_text(encoding="utf-8")),
    }
    write_text(path, environment().get_template("overview.html.j2").render(content))
