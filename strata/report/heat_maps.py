"""The grid as heat maps: a question a tab, a map a treatment, layers down, poolings across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from strata.grid.cells import GLOBAL, Cell, run_params
from strata.measures.choice import ALPHA
from strata.report.confusion import DARK_FROM, ramp
from strata.report.wording import grid_said, grid_title
from strata.results.grid import Grid, GridAnswer, GridNumber

MATCH = "retrieve.match"
TREATMENTS = {
    "raw": "as pooled",
    "centred": "centred on the database’s mean",
    "pca": "reduced by PCA",
    "whitened": "whitened by the database",
    "alpha_qe": "centred, then α query expansion",
    "dba": "centred, then the database augmented",
    "dba_qe": "centred, then database and queries expanded",
    "k_reciprocal": "centred, then re-ranked by k-reciprocal neighbours",
    "diffusion": "centred, then diffusion",
}


@dataclass(frozen=True)
class HeatCell:
    """One square. ``below``: its interval; ``marks``: CSS classes; ``span``: columns it stands for."""

    text: str
    below: str
    title: str
    colour: str
    marks: str
    span: int = 1


@dataclass(frozen=True)
class HeatMap:
    """One treatment. ``rows``: (layer, one square a column, None where there is none)."""

    title: str
    columns: list[str]
    rows: list[tuple[str, list[HeatCell | None]]]


@dataclass(frozen=True)
class Question:
    """One tab: what is asked, the answer in words, the ends of the colours and the chance level."""

    label: str
    title: str
    said: str
    low: str
    high: str
    chance: str
    maps: list[HeatMap]


def grid_questions(
    grid: Grid, layers: Sequence[str], facets: Sequence[str], params: Mapping[str, str]
) -> list[Question]:
    """Every question of the grid; ``params``: the parameters of this run, flat."""
    return [_question(grid, answer, layers, facets, params) for answer in grid.answers]


@dataclass(frozen=True)
class _Drawing:
    """What the squares of a question share. ``ends``: of the colours; ``matched``: are there several matches,
    so that a run has to be told which?"""

    answer: GridAnswer
    ends: tuple[float, float]
    params: Mapping[str, str]
    matched: bool


def runs(grid: Grid, params: Mapping[str, str]) -> list[tuple[str, str]]:
    """(cells, the command whose run has their numbers): a run has all layers."""
    matched = any(number.cell.match != GLOBAL for number in grid.numbers)
    cells = dict.fromkeys(number.cell._replace(layer="every layer") for number in grid.numbers)
    return [(cell.name, run_line(cell, params, matched)) for cell in cells if cell != _of_vectors(cell)]


def _of_vectors(cell: Cell) -> Cell:
    """The cell of a layer that is not pooled, which any run of its treatment has."""
    return cell._replace(pooling=None, match=GLOBAL)


def run_line(cell: Cell, params: Mapping[str, str], matched: bool = True) -> str:
    """``dvc exp run -S pooling=gem``; what this run has already is not set again, nor the match where there
    is only one."""
    given = {"true": "yes", "false": "no"}
    wanted = {name: value for name, value in run_params(cell).items() if matched or name != MATCH}
    changed = {n: v for n, v in wanted.items() if params.get(n) != given.get(v, v)}
    line = " ".join(["dvc exp run", *(f"-S {name}={value}" for name, value in changed.items())])
    return line if changed else "this run"


def _question(
    grid: Grid,
    answer: GridAnswer,
    layers: Sequence[str],
    facets: Sequence[str],
    params: Mapping[str, str],
) -> Question:
    numbers = [n for n in grid.numbers if (n.task, n.measure) == (answer.task, answer.measure)]
    values = [number.value for number in numbers]
    low, high = min([*values, answer.numbers["chance"] or 0.0]), max(values)
    matched = any(number.cell.match != GLOBAL for number in numbers)
    drawing = _Drawing(answer, (low, high), params, matched)
    maps = [
        _map(treatment, own, layers, drawing)
        for treatment in TREATMENTS
        if (own := [number for number in numbers if number.cell.treatment == treatment])
    ]
    label, title = grid_title(answer, facets)
    chance = answer.numbers["chance"]
    said = "" if chance is None else f"{chance:.3f}"
    return Question(label, title, grid_said(answer), f"{low:.3f}", f"{high:.3f}", said, maps)


def _map(
    treatment: str,
    numbers: Sequence[GridNumber],
    layers: Sequence[str],
    drawing: _Drawing,
) -> HeatMap:
    pooled = list(dict.fromkeys(n.cell.pooling for n in numbers if n.cell.pooling))
    matched = list(dict.fromkeys(n.cell.match for n in numbers if n.cell.match != GLOBAL))
    found = {(n.cell.layer, n.cell.pooling, n.cell.match): n for n in numbers}
    rows = []
    for layer in layers:
        alone = found.get((layer, None, GLOBAL))
        cells: list[HeatCell | None]
        if alone is not None:
            cells = [_cell(alone, drawing, span=max(len(pooled), 1))]
        else:
            cells = [_maybe(found.get((layer, name, GLOBAL)), drawing) for name in pooled]
        cells += [_maybe(found.get((layer, None, match)), drawing) for match in matched]
        if any(cells):
            rows.append((layer, cells))
    columns = list(map(str, pooled)) or ["no pooling"]
    return HeatMap(TREATMENTS[treatment], [*columns, *(f"by {match}" for match in matched)], rows)


def _maybe(number: GridNumber | None, drawing: _Drawing) -> HeatCell | None:
    return None if number is None else _cell(number, drawing)


def _cell(number: GridNumber, drawing: _Drawing, span: int = 1) -> HeatCell:
    low, high = drawing.ends
    share = (number.value - low) / (high - low) if high > low else 0.0
    best = number.cell == drawing.answer.best
    beside = not best and number.p_apart is not None and number.p_apart > ALPHA
    known = number.low is not None and number.chance is not None
    by_chance = number.value <= (number.chance or 0.0) or (
        known and (number.low or 0) <= (number.chance or 0)
    )
    marks = {"dark": share >= DARK_FROM, "strong": best, "beside": beside, "by-chance": by_chance}
    interval = "" if number.low is None else f"{number.low:.2f}–{number.high:.2f}"
    return HeatCell(
        f"{number.value:.3f}",
        interval,
        _title(number, run_line(number.cell, drawing.params, drawing.matched)),
        ramp(share),
        " ".join(name for name, on in marks.items() if on),
        span,
    )


def _title(number: GridNumber, line: str) -> str:
    """Everything about a cell, for whoever rests the pointer on it."""
    words = [f"{number.cell.name}: {number.value:.3f}"]
    if number.low is not None and number.high is not None:
        words.append(f"95 % interval {number.low:.3f} to {number.high:.3f}")
    if number.chance is not None:
        words.append(f"chance {number.chance:.3f}")
    if number.p_apart is not None:
        words.append(f"p that it is as good as the best {number.p_apart:.3f}")
    return f"{', '.join(words)}. {line}"
