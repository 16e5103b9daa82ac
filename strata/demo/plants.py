"""The motif that grows: tree. Frame as in `strata.demo.buildings`."""

from __future__ import annotations

import math
from random import Random

from strata.demo.palettes import Palette
from strata.demo.surface import Colour, Pen, arc, darker, ellipse

_BARK: tuple[Colour, ...] = ((104, 78, 56), (84, 68, 58), (130, 108, 86))
_LEAF: tuple[Colour, ...] = ((74, 124, 58), (110, 140, 60), (46, 98, 70), (196, 140, 50), (186, 84, 46))


def tree(pen: Pen, palette: Palette, rng: Random) -> None:
    """Broadleaf, conifer, poplar or bare."""
    bark, leaf = palette.lit(rng.choice(_BARK)), palette.lit(rng.choice(_LEAF))
    kind = rng.choice(("round", "round", "conifer", "poplar", "bare", "bare"))
    if kind == "bare":
        _bough(pen, bark, rng, 0.0, 0.0, math.pi / 2 + rng.uniform(-0.1, 0.1), 0.3, 0.085, 6)
        return
    lean = rng.uniform(-0.06, 0.06)
    girth = rng.uniform(0.04, 0.065)
    pen.curve([
        (-2 * girth, 0), (-girth, 0.08), (-0.8 * girth + lean, 0.5), (0.8 * girth + lean, 0.5), (girth, 0.08),
        (2 * girth, 0),
    ], bark, closed=False)  # fmt: skip
    if kind == "conifer":
        tiers = rng.randint(3, 5)
        for i in range(tiers):
            low = 0.16 + 0.7 * i / tiers
            half = 0.34 * (1 - 0.75 * i / tiers)
            droop = [(lean + half * t, low - 0.03 * math.cos(9 * t)) for t in (1, 0.6, 0.2, -0.2, -0.6, -1)]
            pen.shape([(lean, min(1.0, low + 0.36)), *droop], darker(leaf, 0.75 + 0.1 * i))
        return
    if kind == "poplar":
        crown = [
            ellipse(lean + rng.uniform(-0.03, 0.03), 0.24 + 0.1 * i, 0.15 - 0.012 * abs(i - 2.2), 0.11, 14)
            for i in range(7)
        ]
    else:
        for side in (-1, 1):
            pen.stroke([(lean * 0.8, 0.36), (lean + side * 0.17, 0.58)], bark, 0.04)
        crown = [ellipse(lean, 0.66, 0.26, 0.22)]
        count = rng.randint(7, 10)
        for i in range(count):
            turn = 2 * math.pi * i / count
            crown.append(
                ellipse(
                    lean + 0.27 * math.cos(turn),
                    0.66 + 0.2 * math.sin(turn),
                    rng.uniform(0.11, 0.16),
                    None,
                    14,
                )
            )
    pen.merge(crown, leaf)
    x0, x1 = min(x for s in crown for x, _ in s), max(x for s in crown for x, _ in s)
    for _ in range(rng.randint(16, 26)):
        part = rng.choice(crown)
        cx, cy = sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)
        x, y, r = cx + rng.uniform(-0.08, 0.08), cy + rng.uniform(-0.06, 0.06), rng.uniform(0.018, 0.04)
        shade = 1.14 if x < 0.5 * (x0 + x1) - 0.02 else 0.74
        pen.shape(ellipse(x, y, r, 0.7 * r, 8), darker(leaf, shade), 0)
        pen.stroke(arc(x, y, r, 0.7 * r, 200, 340, 4), darker(leaf, 0.6))


def _bough(
    pen: Pen,
    bark: Colour,
    rng: Random,
    x: float,
    y: float,
    turn: float,
    length: float,
    girth: float,
    depth: int,
) -> None:
    bend = turn + rng.uniform(-0.15, 0.15)
    mx, my = x + 0.5 * length * math.cos(turn), y + 0.5 * length * math.sin(turn)
    ex, ey = mx + 0.5 * length * math.cos(bend), my + 0.5 * length * math.sin(bend)
    nx, ny = -math.sin(bend), math.cos(bend)
    tip = 0.62 * girth
    if depth > 3:
        pen.shape([
            (x + girth / 2 * nx, y + girth / 2 * ny), (ex + tip / 2 * nx, ey + tip / 2 * ny),
            (ex - tip / 2 * nx, ey - tip / 2 * ny), (x - girth / 2 * nx, y - girth / 2 * ny),
        ], bark, 0.8)  # fmt: skip
    else:
        pen.stroke([(x, y), (mx, my), (ex, ey)], bark, girth * 0.8)
    if depth > 1:
        forks = (-1, 1) if depth < 5 or rng.random() < 0.5 else (-1, 0, 1)
        for side in forks:
            _bough(
                pen, bark, rng, ex, ey, bend + side * rng.uniform(0.32, 0.62),
                length * rng.uniform(0.66, 0.8), tip, depth - 1
            )  # fmt: skip
