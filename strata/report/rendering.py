"""Templates and style sheet: what every page is rendered with."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from strata.report.known import counted

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Environment:
    """The templates, with everything they are given escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["counted"] = counted
    return made


def style(tabs: int) -> str:
    """The style sheet; tabs need a rule each, as the page works without a script."""
    rules = (
        f".tabs > input:nth-of-type({i}):checked ~ .panel:nth-of-type({i}) {{ display: block; }}"
        for i in range(1, tabs + 1)
    )
    return (TEMPLATES / "style.css").read_text(encoding="utf-8").replace("/*TABS*/", "\n".join(rules))
