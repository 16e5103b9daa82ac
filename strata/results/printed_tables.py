"""Tables for people: plain text, Markdown and LaTeX (booktabs) from the same cells; numbers go to CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "≈": r"$\approx$",
    "–": "--",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


@dataclass(frozen=True)
class Cell:
    """``best``: bold where there is bold type."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Printed:
    """``columns``: headings; ``texts``: how many columns from the left hold words (numbers stand to the
    right); ``notes``: what stands beneath."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    texts: int = 1
    notes: Sequence[str] = ()


def as_text(table: Printed) -> str:
    """Columns aligned for a terminal; a best cell has a ``*``.

    >>> print(as_text(Printed(["layer", "mAP"], [[Cell("late"), Cell("0.51", best=True)]])))
    layer    mAP
    late   0.51*
    """
    rows = [[*table.columns], *([cell.text + "*" * cell.best for cell in row] for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.ljust(width) if place < table.texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(chain(lines, table.notes))


def as_markdown(table: Printed) -> str:
    """A pipe table, the notes below.

    >>> print(as_markdown(Printed(["layer", "mAP"], [[Cell("late"), Cell("0.51", best=True)]])))
    | layer | mAP |
    |---|---:|
    | late | **0.51** |
    """
    rule = "".join("---|" if place < table.texts else "---:|" for place in range(len(table.columns)))
    rows = ([f"**{cell.text}**" if cell.best else cell.text for cell in row] for row in table.rows)
    lines = (f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in (table.columns, *rows))
    first, *others = lines
    return "\n".join([first, f"|{rule}", *others, *(f"\n{note}" for note in table.notes)])


def as_latex(table: Printed) -> str:
    r"""A tabular for ``\usepackage{booktabs}``, the notes as comments.

    >>> print(as_latex(Printed(["layer", "mAP"], [[Cell("res_1"), Cell("0.51", best=True)]])))
    \begin{tabular}{lr}
    \toprule
    layer & mAP \\
    \midrule
    res\_1 & \textbf{0.51} \\
    \bottomrule
    \end{tabular}
    """
    kinds = "l" * table.texts + "r" * (len(table.columns) - table.texts)
    rows = (
        [f"\\textbf{{{latex(cell.text)}}}" if cell.best else latex(cell.text) for cell in row]
        for row in table.rows
    )
    return "\n".join(
        [
            *(f"% {note}" for note in table.notes),
            f"\\begin{{tabular}}{{{kinds}}}",
            "\\toprule",
            f"{' & '.join(map(latex, table.columns))} \\\\",
            "\\midrule",
            *(f"{' & '.join(row)} \\\\" for row in rows),
            "\\bottomrule",
            "\\end{tabular}",
        ]
    )


def latex(text: str) -> str:
    """``text`` as LaTeX prints it; a minus before a number becomes one."""
    escaped = "".join(LATEX.get(sign, sign) for sign in text)
    return re.sub(r"(?<![\w.])([+-])(?=\d)", lambda found: f"${found[1]}$", escaped)
