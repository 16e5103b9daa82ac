"""Motifs that are made and moved: ship, jug. Frames as in `strata.demo.buildings`."""

from __future__ import annotations

import math
from random import Random

from strata.demo.palettes import Palette
from strata.demo.surface import Colour, Pen, Point, darker, mix, rectangle, smooth

_HULL: tuple[Colour, ...] = ((112, 76, 48), (70, 54, 48), (140, 62, 46), (60, 80, 104), (150, 110, 66))
_SAIL: tuple[Colour, ...] = (
    (240, 230, 208), (226, 206, 168), (204, 92, 66), (232, 224, 220), (196, 166, 110),
)  # fmt: skip
_CLAY: tuple[Colour, ...] = (
    (190, 106, 66), (70, 96, 150), (206, 190, 160), (84, 120, 92), (150, 120, 90), (220, 214, 206),
)  # fmt: skip


def ship(pen: Pen, palette: Palette, rng: Random) -> None:
    """A sailing ship of one to three masts, bow to the left; the waterline is y = 0."""
    hull, wood = palette.lit(rng.choice(_HULL)), palette.lit((96, 70, 50))
    cloth = palette.lit(rng.choice(_SAIL))
    masts = rng.choice((1, 2, 2, 3))
    deck, stern = rng.uniform(0.13, 0.18), rng.uniform(0.02, 0.12)
    lateen = rng.random() < 0.35
    places = {1: (-0.02,), 2: (-0.14, 0.17), 3: (-0.24, 0.02, 0.26)}[masts]
    pen.stroke([(-0.4, deck + 0.02), (-0.58, deck + 0.13)], wood, 0.016)
    for i, x in enumerate(places):
        top = (0.98, 0.9, 0.78)[abs(i - masts // 2) if masts > 1 else 0]
        pen.stroke([(x, deck - 0.02), (x, top)], wood, 0.02)
        for side in (-1, 1):
            pen.stroke([(x, top - 0.03), (x + side * 0.14, deck + 0.01)], darker(wood, 0.6))
        spread = (0.25 if masts == 1 else 0.165 if masts == 2 else 0.125) * rng.uniform(0.92, 1.1)
        if lateen:
            pen.curve([
                (x + 0.4 * spread, top), (x - 0.6 * spread, deck + 0.3), (x - 1.35 * spread, deck + 0.1),
                (x - 0.1, deck + 0.09), (x + 1.1 * spread, deck + 0.12), (x + 0.9 * spread, deck + 0.4),
            ], cloth, steps=3)  # fmt: skip
            pen.stroke([(x + 0.45 * spread, top + 0.01), (x - 1.4 * spread, deck + 0.09)], wood, 0.014)
            continue
        tiers = 1 if masts == 1 and rng.random() < 0.5 else 2
        low, high = deck + 0.1, top - 0.06
        for tier in range(tiers):
            y0 = low + (high - low) * tier / tiers + 0.02
            y1 = low + (high - low) * (tier + 1) / tiers
            half = spread * (1 - 0.25 * tier)
            _sail(pen, cloth, wood, x, y0, y1, half, rng.uniform(0.03, 0.06))
    outline = smooth([
        (-0.47, deck + 0.035), (-0.4, 0.04), (-0.3, -0.05), (0.0, -0.07), (0.3, -0.05), (0.43, 0.05),
        (0.47, deck + stern + 0.03),
    ], closed=False)  # fmt: skip
    pen.shape([*outline, (0.3, deck + stern), (0.28, deck), (-0.25, deck), (-0.32, deck + 0.03)], hull)
    pen.stroke([
        (-0.42, deck - 0.03), (-0.2, deck - 0.06), (0.2, deck - 0.06), (0.44, deck - 0.02),
    ], mix(hull, (230, 190, 110), 0.5), 0.014)  # fmt: skip
    pen.stroke([(-0.37, deck - 0.09), (0.0, deck - 0.115), (0.4, deck - 0.09)], darker(hull, 0.6))
    for i in range(4):
        port = -0.2 + 0.13 * i
        pen.shape(
            rectangle(port - 0.016, deck - 0.085 - 0.016, port + 0.016, deck - 0.085 + 0.016),
            darker(hull, 0.35),
            0,
        )


def _sail(
    pen: Pen, cloth: Colour, wood: Colour, x: float, y0: float, y1: float, half: float, belly: float
) -> None:
    left = [(x - 0.86 * half, y1), (x - half - belly, 0.5 * (y0 + y1)), (x - half, y0)]
    right = [(x + half, y0), (x + half - 0.6 * belly, 0.5 * (y0 + y1)), (x + 0.86 * half, y1)]
    foot = [(x, y0 + 0.35 * belly)]
    pen.curve([*left, *foot, *right], cloth, steps=3)
    pen.shape([
        (x + 0.3 * half, y1), (x + 0.2 * half, y0 + 0.02), right[0], right[1], right[2],
    ], darker(cloth, 0.82), 0)  # fmt: skip
    for t in (-0.4, 0.1):
        pen.stroke(
            [(x + t * half, y1), (x + t * half - 0.6 * belly, 0.5 * (y0 + y1)), (x + t * half, y0 + 0.02)],
            darker(cloth, 0.7),
        )
    pen.stroke([(x - 0.95 * half, y1 + 0.006), (x + 0.95 * half, y1 + 0.006)], wood, 0.014)


def jug(pen: Pen, palette: Palette, rng: Random) -> None:
    """A pot turned on the wheel, with a neck, a lip and one handle to the right."""
    clay = palette.lit(rng.choice(_CLAY))
    foot, belly, neck = rng.uniform(0.13, 0.2), rng.uniform(0.27, 0.36), rng.uniform(0.1, 0.16)
    waist, shoulder, lip = rng.uniform(0.26, 0.42), rng.uniform(0.6, 0.68), neck + rng.uniform(0.02, 0.07)
    handle = smooth([
        (neck, 0.86), (neck + 0.17, 0.9), (belly + 0.12, 0.72), (belly + 0.06, 0.52),
        (0.88 * belly, waist + 0.1),
    ], closed=False)  # fmt: skip
    pen.stroke(handle, darker(clay, 0.38), 0.075)
    pen.stroke(handle, darker(clay, 0.85), 0.05, 0)
    side: list[Point] = [
        (foot, 0.0), (foot + 0.02, 0.04), (0.93 * belly, 0.55 * waist), (belly, waist),
        (0.8 * belly, 0.5 * (waist + shoulder) + 0.03), (neck + 0.02, shoulder + 0.06), (neck, 0.82),
        (lip, 0.95),
    ]  # fmt: skip
    right = smooth(side, closed=False)
    spout = rng.uniform(0.03, 0.12)
    left = [
        (-x - (spout * (y - 0.86) / 0.09 if y > 0.86 else 0.0), y + (0.02 if y > 0.9 else 0.0))
        for x, y in reversed(right)
    ]
    pen.shape(right + left, clay)
    pen.shape([*right, *[(0.45 * x, y) for x, y in reversed(right)]], darker(clay, 0.72), 0)
    shine = [(-0.62 * x, y) for x, y in right if 0.15 < y < 0.6]
    pen.stroke(shine, mix(clay, (255, 250, 240), 0.45), 0.035, 0)
    pen.curve(
        [(-lip - spout, 0.97), (0, 0.925), (lip, 0.95), (0.4 * lip, 0.985), (-0.5 * lip, 0.99)],
        darker(clay, 0.5),
    )
    band = palette.lit(rng.choice(((240, 228, 200), (50, 64, 110), (176, 60, 44), (40, 36, 34))))
    style = rng.randrange(4)
    if style in (0, 1):
        for y in (waist - 0.09, waist + 0.09):
            half = _half_width(right, y)
            pen.stroke([
                (-half, y), (-0.5 * half, y - 0.018), (0, y - 0.024), (0.5 * half, y - 0.018), (half, y),
            ], band, 0.022)  # fmt: skip
    if style in (1, 2):
        for i in range(5):
            x = 0.36 * belly * (i - 2)
            y = waist - 0.015 * math.cos(0.6 * (i - 2))
            pen.shape([(x - 0.035, y), (x, y + 0.06), (x + 0.035, y), (x, y - 0.06)], band, 0.6)


def _half_width(side: list[Point], y: float) -> float:
    return min(side, key=lambda point: abs(point[1] - y))[0]
