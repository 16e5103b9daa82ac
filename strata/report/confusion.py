"""What is taken for what: a coloured matrix where there are few classes, else the commonest mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_IN_MATRIX = 24
MISTAKES = 20
# the report's one colour ramp, light to dark blue: readable in grey and for every kind of colour vision
STOPS = ((247, 250, 253), (205, 223, 239), (126, 178, 214), (46, 116, 174), (9, 52, 104))
DARK_FROM = 0.725  # of the ramp: white text from here on, black before, has a contrast of 4.5 everywhere


@dataclass(frozen=True)
class Shade:
    """A cell of a heat map or matrix: what it says, its colour, and whether its text is white."""

    text: str
    colour: str
    dark: bool
    strong: bool


@dataclass(frozen=True)
class Confusion:
    """Counts of (true, predicted); a matrix where there are few classes, else only the commonest mistakes."""

    names: list[str]
    rows: list[tuple[str, list[Shade]]]
    mistakes: list[tuple[str, str, int]]


def shade(text: str, share: float, strong: bool) -> Shade:
    """A cell coloured by ``share``, 0 to 1."""
    return Shade(text, ramp(share), share >= DARK_FROM, strong)


def ramp(share: float) -> str:
    """0 to 1 -> ``#rrggbb``; what lies outside is clipped."""
    place = min(max(share, 0.0), 1.0) * (len(STOPS) - 1)
    start = min(int(place), len(STOPS) - 2)
    part = place - start
    mixed = (round(a + (b - a) * part) for a, b in zip(STOPS[start], STOPS[start + 1], strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def confusion_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[Mapping[str, Any]]) -> Confusion | None:
    """Rows (true, predicted, count); shares of a row give the colour. None without counts."""
    names = {column["class_id"]: column["name"] for column in columns}
    counts = {(row["true"], row["predicted"]): int(row["count"]) for row in rows}
    if not counts:
        return None
    wrong = sorted((-n, names[t], names[p]) for (t, p), n in counts.items() if t != p)[:MISTAKES]
    mistakes = [(true, predicted, -n) for n, true, predicted in wrong]
    if len(names) > MOST_IN_MATRIX:
        return Confusion(list(names.values()), [], mistakes)
    lines = []
    for true, name in names.items():
        line = [counts.get((true, predicted), 0) for predicted in names]
        total = max(sum(line), 1)
        shades = [
            shade(str(n) if n else "", n / total, true == predicted)
            for n, predicted in zip(line, names, strict=True)
        ]
        lines.append((name, shades))
    return Confusion(list(names.values()), lines, mistakes)
