"""The small recurring details: one design a kind, so that every instance can be found from any other.

Each is drawn inside x, y in -0.5..0.5 in a frame of its own; size, turn, mirroring and tone vary outside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from strata.demo.palettes import Palette
from strata.demo.surface import Colour, Pen, arc, darker, ellipse, smooth

_WOOD: tuple[Colour, ...] = ((150, 104, 60), (176, 134, 84), (110, 76, 50))
_IRON: tuple[Colour, ...] = ((70, 74, 82), (104, 104, 108), (56, 48, 46))
_BRASS: tuple[Colour, ...] = ((222, 176, 74), (196, 146, 56), (176, 120, 66))


def _ladder(pen: Pen, palette: Palette, rng: Random) -> None:
    wood = palette.lit(rng.choice(_WOOD))
    for i in range(5):
        y = -0.38 + 0.19 * i
        half = 0.15 - 0.012 * i
        _bar(pen, wood, -half, y, half, y, 0.045)
    for side in (-1, 1):
        _bar(pen, wood, side * 0.2, -0.5, side * 0.13, 0.5, 0.07)


def _lantern(pen: Pen, palette: Palette, rng: Random) -> None:
    iron = palette.lit(rng.choice(_IRON))
    pen.stroke(arc(0, 0.33, 0.12, 0.15, 0, 180), iron, 0.04)
    pen.shape([(-0.27, 0.16), (-0.1, 0.36), (0.1, 0.36), (0.27, 0.16)], iron)
    pen.shape([(-0.2, -0.36), (-0.24, 0.16), (0.24, 0.16), (0.2, -0.36)], (255, 226, 120))
    pen.curve(
        [(-0.06, -0.2), (-0.07, -0.08), (0, 0.1), (0.07, -0.08), (0.06, -0.2)], (244, 136, 40), 0.6, steps=3
    )
    for x in (-0.2, 0.2):
        _bar(pen, iron, x, -0.36, 1.1 * x, 0.16, 0.045)
    pen.shape([(-0.28, -0.48), (-0.24, -0.35), (0.24, -0.35), (0.28, -0.48)], iron)


def _barrel(pen: Pen, palette: Palette, rng: Random) -> None:
    wood, iron = palette.lit(rng.choice(_WOOD)), palette.lit(rng.choice(_IRON))
    pen.curve([
        (-0.25, -0.46), (-0.37, 0.0), (-0.25, 0.46), (0, 0.5), (0.25, 0.46), (0.37, 0.0), (0.25, -0.46),
        (0, -0.5),
    ], wood, steps=3)  # fmt: skip
    for x in (-0.16, 0.0, 0.16):
        pen.stroke([(0.8 * x, -0.47), (1.25 * x, 0.0), (0.8 * x, 0.44)], darker(wood, 0.6))
    for y, half in ((-0.3, 0.31), (-0.1, 0.36), (0.16, 0.35)):
        pen.stroke([(-half, y), (0, y - 0.04), (half, y)], iron, 0.07)
    pen.shape(ellipse(0, 0.43, 0.25, 0.07), darker(wood, 0.7))


def _wheel(pen: Pen, palette: Palette, rng: Random) -> None:
    wood = palette.lit(rng.choice(_WOOD))
    ring = arc(0, 0, 0.45, 0.45, 0, 360, 24)
    pen.stroke(ring, darker(wood, 0.4), 0.1)
    for i in range(8):
        turn = math.pi * i / 4 + 0.2
        _bar(pen, wood, 0, 0, 0.43 * math.cos(turn), 0.43 * math.sin(turn), 0.05)
    pen.stroke(arc(0, 0, 0.44, 0.44, 0, 360, 24), wood, 0.055, 0)
    pen.disc(0, 0, 0.11, colour=darker(wood, 0.7))


def _flag(pen: Pen, palette: Palette, rng: Random) -> None:
    cloth = palette.lit(rng.choice(((206, 48, 44), (40, 80, 160), (40, 120, 80))))
    _bar(pen, palette.lit((120, 90, 60)), -0.3, -0.5, -0.3, 0.5, 0.05)
    upper = [(-0.28, 0.46), (-0.05, 0.5), (0.15, 0.42), (0.46, 0.48)]
    lower = [(0.3, 0.24), (0.46, 0.02), (0.15, -0.02), (-0.05, 0.06), (-0.28, 0.0)]
    pen.shape(upper + lower, cloth)
    pen.shape([
        (-0.28, 0.15), (-0.05, 0.2), (0.15, 0.12), (0.33, 0.17), (0.36, 0.29), (0.15, 0.27), (-0.05, 0.35),
        (-0.28, 0.31),
    ], (244, 236, 214), 0.4)  # fmt: skip


def _anchor(pen: Pen, palette: Palette, rng: Random) -> None:
    iron = palette.lit(rng.choice(_IRON))
    pen.stroke(arc(0, 0.4, 0.08, 0.08, 0, 360, 12), iron, 0.05)
    _bar(pen, iron, 0, -0.46, 0, 0.32, 0.085)
    _bar(pen, iron, -0.2, 0.2, 0.2, 0.2, 0.075)
    pen.stroke(arc(0, -0.06, 0.36, 0.38, 195, 345, 14), darker(iron, 0.45), 0.1)
    pen.stroke(arc(0, -0.06, 0.36, 0.38, 195, 345, 14), iron, 0.075, 0)
    for side in (-1, 1):
        pen.shape([(side * 0.47, -0.2), (side * 0.36, 0.02), (side * 0.22, -0.18)], iron)


def _dog(pen: Pen, palette: Palette, rng: Random) -> None:
    coat = palette.lit(rng.choice(((232, 220, 196), (120, 78, 50), (64, 58, 56))))
    tail = smooth([(0.28, 0.06), (0.4, 0.14), (0.46, 0.34), (0.38, 0.36), (0.33, 0.2), (0.24, 0.12)], 3)
    legs = [
        [(x - 0.05, 0.0), (x + 0.05, 0.0), (x + 0.04, -0.48), (x - 0.06, -0.48)]
        for x in (-0.2, -0.08, 0.14, 0.25)
    ]
    body = smooth(
        [(-0.28, 0.08), (0.0, 0.12), (0.28, 0.12), (0.32, -0.06), (0.1, -0.14), (-0.16, -0.18), (-0.3, -0.1)],
        3,
    )
    head = smooth(
        [(-0.16, 0.14), (-0.2, 0.36), (-0.32, 0.36), (-0.48, 0.22), (-0.46, 0.13), (-0.28, 0.04)], 3
    )
    pen.merge([tail, *legs, body, head], coat)
    pen.curve([(-0.24, 0.36), (-0.14, 0.34), (-0.1, 0.14), (-0.18, 0.12)], darker(coat, 0.55), steps=3)
    pen.shape(ellipse(0.06, 0.03, 0.13, 0.07, 14), darker(coat, 0.55), 0.4)
    pen.disc(-0.46, 0.2, 0.03, colour=(20, 18, 20), line=0)
    pen.disc(-0.33, 0.26, 0.022, colour=(20, 18, 20), line=0)


def _key(pen: Pen, palette: Palette, rng: Random) -> None:
    brass = palette.lit(rng.choice(_BRASS))
    for x, y in ((-0.1, 0.32), (0.1, 0.32), (0.0, 0.4)):
        pen.stroke(arc(x, y, 0.08, 0.08, 0, 360, 12), darker(brass, 0.4), 0.07)
        pen.stroke(arc(x, y, 0.08, 0.08, 0, 360, 12), brass, 0.04, 0)
    _bar(pen, brass, 0, -0.5, 0, 0.26, 0.075)
    pen.shape([
        (0.03, -0.46), (0.24, -0.46), (0.24, -0.36), (0.14, -0.36), (0.14, -0.3), (0.24, -0.3), (0.24, -0.2),
        (0.03, -0.2),
    ], brass)  # fmt: skip


def _bell(pen: Pen, palette: Palette, rng: Random) -> None:
    brass = palette.lit(rng.choice(_BRASS))
    pen.stroke(arc(0, 0.4, 0.08, 0.08, 0, 360, 12), brass, 0.045)
    pen.disc(0, -0.42, 0.08, colour=darker(brass, 0.5))
    side = [(0.1, 0.34), (0.19, 0.24), (0.22, 0.0), (0.28, -0.22), (0.42, -0.36)]
    pen.shape(
        [*smooth(side, 3, closed=False), *smooth([(-x, y) for x, y in side[::-1]], 3, closed=False)], brass
    )
    pen.shape([
        (0.08, 0.32), (0.19, 0.24), (0.22, 0.0), (0.28, -0.22), (0.42, -0.36), (0.18, -0.36), (0.1, 0.0),
    ], darker(brass, 0.72), 0)  # fmt: skip
    pen.stroke([(-0.27, -0.2), (0.27, -0.2)], darker(brass, 0.55), 0.035)


def _signpost(pen: Pen, palette: Palette, rng: Random) -> None:
    wood = palette.lit(rng.choice(_WOOD))
    _bar(pen, darker(wood, 0.8), 0, -0.5, 0, 0.5, 0.08)
    pen.shape([(-0.32, 0.22), (-0.32, 0.42), (0.3, 0.42), (0.45, 0.32), (0.3, 0.22)], wood)
    pen.shape([(0.26, -0.04), (0.26, 0.14), (-0.28, 0.14), (-0.44, 0.05), (-0.28, -0.04)], darker(wood, 1.15))
    pen.stroke([(-0.22, 0.32), (0.26, 0.32)], darker(wood, 0.5), 0.03)
    pen.stroke([(-0.24, 0.05), (0.18, 0.05)], darker(wood, 0.5), 0.03)


def _bar(pen: Pen, colour: Colour, x0: float, y0: float, x1: float, y1: float, width: float) -> None:
    """A straight bar with a contour."""
    length = math.hypot(x1 - x0, y1 - y0)
    nx, ny = -(y1 - y0) / length * width / 2, (x1 - x0) / length * width / 2
    pen.shape([(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)], colour)


DRAW: dict[str, Callable[[Pen, Palette, Random], None]] = {
    "ladder": _ladder, "lantern": _lantern, "barrel": _barrel, "wheel": _wheel, "flag": _flag,
    "anchor": _anchor, "dog": _dog, "key": _key, "bell": _bell, "signpost": _signpost,
}  # fmt: skip
