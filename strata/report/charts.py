"""Geometry of the charts, in the units of an SVG viewBox. The template only places what is computed here.

By hand, because a plotting library's SVG changes with its version, and the page's bytes must not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from strata.measures.scores import Score

WIDTH, HEIGHT = 340.0, 236.0
LEFT, RIGHT, TOP = 40.0, 12.0, 18.0
TALLEST_LABEL = 92.0
LABEL_CHARACTERS = 18
CHARACTER_WIDTH = 5.6  # of the 10-unit label font, on average
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Mark:
    """One layer in a chart: a point with its interval."""

    label: str
    x: float
    y: float
    low_y: float | None
    high_y: float | None
    value: float
    best: bool
    title: str


@dataclass(frozen=True)
class Panel:
    """One small chart: a measure over the layers in forward order."""

    title: str
    unit: str
    bottom: float
    ticks: list[tuple[float, str]]
    marks: list[Mark]
    line: str
    chance: str
    guessing: str
    slanted: bool
    alt: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT


@dataclass(frozen=True)
class Scale:
    """A linear axis from ``low`` to ``high`` with ticks ``step`` apart."""

    low: float
    high: float
    step: float

    def ticks(self) -> list[float]:
        """Tick values from ``low`` to ``high``."""
        count = round((self.high - self.low) / self.step) + 1
        return [round(self.low + i * self.step, 6) for i in range(count)]


def scale_for(scores: Sequence[Score]) -> Scale:
    """An axis from 0 (or a negative value) to just above everything drawn, with at most seven ticks."""
    values = [v for r in scores for v in (r.value, r.low, r.high, r.chance) if v is not None]
    top, bottom = max([*values, 0.02]), min([*values, 0.0])
    step = next((s for s in STEPS if (top - bottom) / s <= 5), STEPS[-1])
    return Scale(math.floor(bottom / step + 1e-9) * step, math.ceil(top / step - 1e-9) * step, step)


def layer_panel(
    title: str, unit: str, scores: Sequence[Score], scale: Scale, guessing: str = "chance"
) -> Panel:
    """A panel of one measure; layers from left to right as the network meets them.

    ``guessing`` names the dashed line.
    """
    labels = axis_labels([score.layer for score in scores])
    slot = (WIDTH - LEFT - RIGHT) / max(len(scores), 1)
    longest = max((len(label) for label in labels), default=0) * CHARACTER_WIDTH
    slanted = longest > slot - 4
    footer = min(longest * 0.72 + 14, TALLEST_LABEL) if slanted else 22.0
    bottom = HEIGHT - footer

    def y_of(value: float) -> float:
        share = (value - scale.low) / (scale.high - scale.low)
        return round(bottom - share * (bottom - TOP), 2)

    top_value = max((score.number for score in scores), default=math.nan)
    best_at = next((i for i, score in enumerate(scores) if score.value == top_value), -1)
    marks = [
        Mark(
            label,
            round(LEFT + (i + 0.5) * slot, 2),
            y_of(score.number),
            None if score.low is None else y_of(score.low),
            None if score.high is None else y_of(score.high),
            score.number,
            i == best_at,
            mark_title(score, unit, guessing),
        )
        for i, (score, label) in enumerate(zip(scores, labels, strict=True))
    ]
    chances = [(m.x, y_of(r.chance)) for m, r in zip(marks, scores, strict=True) if r.chance is not None]
    return Panel(
        title,
        unit,
        bottom,
        [(y_of(tick), decimal(tick)) for tick in scale.ticks()],
        marks,
        _path([(mark.x, mark.y) for mark in marks]),
        _chance_path(chances, slot),
        _guessing(scores, guessing),
        slanted,
        f"{title}: {unit} by layer. " + "; ".join(mark.title for mark in marks) + ".",
    )


def mark_title(score: Score, unit: str, guessing: str = "chance") -> str:
    """``late: mAP 0.412, 95 % interval 0.35 to 0.47, chance 0.06``."""
    text = f"{score.layer}: {unit} {score.number:.3f}"
    if score.low is not None and score.high is not None:
        text += f", 95 % interval {score.low:.3f} to {score.high:.3f}"
    return text if score.chance is None else f"{text}, {guessing} {score.chance:.3f}"


def axis_labels(names: Sequence[str]) -> list[str]:
    """Layer names for an axis: module paths lose the part that they all begin with, and their end if long."""
    paths = [name for name in names if "." in name]
    shared = len(paths) > 1 and len({path.partition(".")[0] for path in paths}) == 1
    short = [name.partition(".")[2] if shared and "." in name else name for name in names]
    return [name if len(name) <= LABEL_CHARACTERS else name[: LABEL_CHARACTERS - 1] + "…" for name in short]


def decimal(value: float) -> str:
    """A tick label without needless zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _path(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _chance_path(points: list[tuple[float, float]], slot: float) -> str:
    """Over the whole slot of the first and last layer, so that one layer has a line too."""
    if not points:
        return ""
    ends = [(points[0][0] - slot / 2, points[0][1]), *points, (points[-1][0] + slot / 2, points[-1][1])]
    return _path([(round(x, 2), y) for x, y in ends])


def _guessing(scores: Sequence[Score], word: str) -> str:
    """``chance 0.06``, or its range where layers differ; "" without any."""
    values = sorted({f"{score.chance:.2f}" for score in scores if score.chance is not None})
    if not values:
        return ""
    low, high = values[0], values[-1]
    return f"{word} {low}" if low == high else f"{word} {low} – {high}"
