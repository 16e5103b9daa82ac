"""The metric tables: one row a layer, one column a number, the best of each column marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from strata.measures.scores import Score
from strata.report.terms import heading, meanings
from strata.results.names import BOUNDS, Name

# not comparable between layers; neither good nor bad; what guessing reaches
UNRANKED = ("silhouette", "train_accuracy", "majority")
# in metrics/*.json and in the full list, not in the tables: too many columns to read side by side
SELDOM = (
    "map_macro",
    "map_step",
    "map_trapezoid",
    "p_at_5",
    "hit_at_5",
    "mp_revisited_at_10",
    "detection_ap_micro",
    "chance",  # stands below the numbers it belongs to
)


@dataclass(frozen=True)
class Cell:
    """``below``: interval and chance; ``share``: the number for the bar under it, 0 to 1; None: no bar."""

    text: str
    below: tuple[str, ...] = ()
    best: bool = False
    share: float | None = None


@dataclass(frozen=True)
class Table:
    """``key`` says what a row is; ``columns`` are (heading, metric); ``note`` what is equal in all rows;
    ``terms``: what the headings mean."""

    caption: str
    key: str
    columns: list[tuple[str, str]]
    rows: list[tuple[str, list[Cell]]]
    note: str
    terms: list[tuple[str, str]]


def metric_table(
    caption: str, scores: Iterable[Score], layers: Sequence[str], *, key: str = "layer", rank: bool = True
) -> Table:
    """A column a metric and space, in the order they were scored, without SELDOM; a row a layer.

    Interval and chance go below their number; counts equal in all rows go into the note. ``rank``: mark the
    best of a column (the rows answer the same question).
    """
    columns: dict[str, dict[str, Score]] = {}
    for score in _with_groups(scores):
        if score.value is not None and score.metric not in SELDOM:
            columns.setdefault(Name(score.metric, space=score.space).flat(), {})[score.layer] = score
    same = [name for name, own in columns.items() if _is_one_count([score.value for score in own.values()])]
    shown = [name for name in columns if name not in same]
    return Table(
        caption,
        key,
        [(heading(name), name) for name in shown],
        [(layer, [_cell(columns[name], layer, rank) for name in shown]) for layer in layers],
        ", ".join(f"{heading(name)} {printed(next(iter(columns[name].values())).value)}" for name in same),
        meanings(shown),
    )


def _with_groups(scores: Iterable[Score]) -> Iterator[Score]:
    """The number of groups that an interval is taken over is a count beside its number."""
    for score in scores:
        yield score
        if score.n is not None:
            yield Score(BOUNDS["n"], score.n, layer=score.layer)


def printed(value: float | str | None) -> str:
    """A value as the tables print it."""
    if value is None:
        return "–"
    if isinstance(value, float) and (abs(value) <= 1 or not value.is_integer()):
        return f"{value:.3f}"
    return value if isinstance(value, str) else str(int(value))


def _cell(column: dict[str, Score], layer: str, rank: bool) -> Cell:
    score = column.get(layer)
    if score is None:
        return Cell(printed(None))
    below: tuple[str, ...] = ()
    if score.low is not None and score.high is not None:
        below = (f"{printed(score.low)} – {printed(score.high)}",)
    if score.chance is not None:
        below = (*below, f"chance {printed(score.chance)}")
    value = score.number
    if isinstance(value, int):
        return Cell(printed(value), below)
    numbers = [other.number for other in column.values()]
    best = rank and score.metric not in UNRANKED and len(set(numbers)) > 1 and value == max(numbers)
    return Cell(printed(value), below, best, round(value, 3) if 0 <= value <= 1 else None)


def _is_one_count(values: Sequence[float | None]) -> bool:
    return all(isinstance(value, int) for value in values) and len(set(values)) == 1
