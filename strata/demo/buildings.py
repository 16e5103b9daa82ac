"""Motifs that are built: windmill, house, castle, bridge.

Every motif is drawn in a frame of its own: x about -0.5..0.5, y 0 (its foot) to about 1, light from the left.
"""

from __future__ import annotations

import math
from random import Random

from strata.demo.palettes import Palette
from strata.demo.surface import Colour, Pen, Point, arc, darker, ellipse, rectangle

_STONE: tuple[Colour, ...] = (
    (190, 176, 152), (160, 156, 150), (206, 178, 138), (150, 120, 100), (224, 214, 196),
)  # fmt: skip
_WALL: tuple[Colour, ...] = (
    (238, 228, 206), (222, 190, 140), (196, 128, 96), (180, 190, 190), (232, 206, 120),
)  # fmt: skip
_ROOF: tuple[Colour, ...] = ((186, 72, 48), (120, 82, 60), (86, 96, 110), (200, 150, 70), (110, 60, 60))
_WOOD: tuple[Colour, ...] = ((120, 84, 54), (92, 66, 48), (146, 112, 76))


def windmill(pen: Pen, palette: Palette, rng: Random) -> None:
    """A tower or post mill with four lattice sails."""
    wall, roof = palette.lit(rng.choice(_WALL + _STONE)), palette.lit(rng.choice(_ROOF))
    wood = palette.lit(rng.choice(_WOOD))
    hub: Point
    if rng.random() < 0.7:
        foot, top, high = rng.uniform(0.15, 0.21), rng.uniform(0.09, 0.12), rng.uniform(0.54, 0.66)
        pen.shape([(-foot, 0), (-top, high), (top, high), (foot, 0)], wall)
        pen.shape([(0.25 * foot, 0), (0.25 * top, high), (top, high), (foot, 0)], darker(wall, 0.74), 0)
        cap = rng.uniform(0.1, 0.16)
        pen.curve([
            (-top - 0.02, high), (-top, high + 0.6 * cap), (0, high + cap), (top, high + 0.6 * cap),
            (top + 0.02, high),
        ], roof, closed=False)  # fmt: skip
        if rng.random() < 0.5:
            pen.shape(
                [(-foot - 0.02, 0.24), (foot + 0.02, 0.24), (foot + 0.02, 0.27), (-foot - 0.02, 0.27)], wood
            )
        hub = (0.0, high + 0.3 * cap)
    else:
        for side in (-1, 1):
            pen.stroke([(side * 0.18, 0), (0, 0.3)], wood, 0.035)
        pen.stroke([(0, 0), (0, 0.4)], wood, 0.05)
        pen.shape(rectangle(-0.15, 0.28, 0.15, 0.66), wall)
        pen.shape(rectangle(0.05, 0.28, 0.15, 0.66), darker(wall, 0.74), 0)
        pen.shape([(-0.19, 0.64), (0, 0.82), (0.19, 0.64)], roof)
        hub = (0.0, 0.62)
    pen.shape(
        [(-0.035, 0.0), (-0.035, 0.1), (0, 0.125), (0.035, 0.1), (0.035, 0.0)]
        if hub[1] > 0.63
        else ellipse(0, 0.42, 0.03, 0.04, 14),
        darker(wood, 0.6),
    )
    turn, reach, breadth = rng.uniform(0, math.pi / 2), rng.uniform(0.38, 0.46), rng.uniform(0.07, 0.1)
    cloth = palette.lit(rng.choice(((240, 232, 214), (226, 214, 190), (206, 120, 90), (180, 196, 206))))
    for k in range(4):
        sail = pen.at(*hub, angle=turn + k * math.pi / 2)
        sail.shape([(0.1, 0.012), (reach, 0.012), (reach, breadth), (0.1, breadth)], cloth)
        for i in range(4):
            x = 0.1 + (reach - 0.1) * (i + 1) / 5
            sail.stroke([(x, 0.012), (x, breadth)], darker(wood, 0.7))
        sail.stroke([(0, 0), (reach + 0.015, 0)], darker(wood, 0.8), 0.018)
    pen.disc(*hub, 0.025, colour=darker(wood, 0.6))


def house(pen: Pen, palette: Palette, rng: Random) -> None:
    """A gabled house seen from a corner, with door, windows and a smoking chimney."""
    wall, roof = palette.lit(rng.choice(_WALL)), palette.lit(rng.choice(_ROOF))
    wood = palette.lit(rng.choice(_WOOD))
    gable, eave, ridge = rng.uniform(-0.12, 0.02), rng.uniform(0.34, 0.46), rng.uniform(0.72, 0.88)
    left, right, lift = -0.44, 0.46, 0.03
    mid = (left + gable) / 2
    chimney = rng.uniform(gable + 0.12, right - 0.16)
    if rng.random() < 0.75:
        smoke = [(chimney + 0.02 * i + 0.02 * math.sin(2.2 * i), ridge + 0.12 + 0.035 * i) for i in range(6)]
        pen.merge(
            [ellipse(x, y, 0.02 + 0.007 * i, 0.018 + 0.005 * i, 14) for i, (x, y) in enumerate(smoke)],
            palette.cloud,
            0.5,
        )
    pen.shape(rectangle(chimney - 0.04, ridge - 0.1, chimney + 0.04, ridge + 0.1), darker(roof, 0.8))
    pen.shape([(gable, 0), (gable, eave), (right, eave), (right, lift)], darker(wall, 0.8))
    pen.shape([(left, lift), (left, eave), (mid, ridge), (gable, eave), (gable, 0)], wall)
    pen.shape(
        [(gable + 0.03, eave - 0.03), (mid, ridge), (right - 0.1, ridge), (right + 0.04, eave - 0.02)], roof
    )
    pen.stroke([
        (left - 0.04, eave - 0.05), (mid, ridge + 0.01), (gable + 0.03, eave - 0.04),
    ], darker(roof, 0.7), 0.025)  # fmt: skip
    for i in range(1, 4):
        t = i / 4
        pen.stroke([
            (mid + (gable + 0.03 - mid) * t, ridge + (eave - ridge) * t),
            (right - 0.1 + 0.13 * t, ridge + (eave - ridge) * t),
        ], darker(roof, 0.72))  # fmt: skip
    door = mid + rng.uniform(-0.04, 0.04)
    pen.shape([
        (door - 0.055, lift * 0.4), (door - 0.055, 0.2), *arc(door, 0.2, 0.055, 0.03, 180, 0, 5),
        (door + 0.055, lift * 0.4),
    ], darker(wood, 0.75))  # fmt: skip
    glass = palette.lit((250, 214, 110)) if rng.random() < 0.5 else palette.lit((90, 116, 140))
    for x, y in ((mid, eave + 0.06), (gable + 0.16, 0.2), (gable + 0.36, 0.21)):
        if x > right - 0.06:
            continue
        pen.shape(rectangle(x - 0.045, y - 0.05, x + 0.045, y + 0.06), glass)
        pen.stroke([(x, y - 0.05), (x, y + 0.06)], darker(wood, 0.6))
        pen.stroke([(x - 0.045, y), (x + 0.045, y)], darker(wood, 0.6))
    if rng.random() < 0.4:
        for a, b in (
            ((left, 0.26), (gable, 0.24)),
            ((left, eave), (gable, eave)),
            ((left + 0.02, 0.04), (left + 0.12, 0.26)),
            ((left + 0.1, eave), (left + 0.02, 0.26)),
            ((gable - 0.1, eave), (gable - 0.02, 0.25)),
        ):
            pen.stroke([a, b], darker(wood, 0.8), 0.016)


def castle(pen: Pen, palette: Palette, rng: Random) -> None:
    """A curtain wall with a gate between towers, battlements or cones on top."""
    stone, roof = palette.lit(rng.choice(_STONE)), palette.lit(rng.choice(_ROOF))
    cones = rng.random() < 0.6
    keep = rng.uniform(-0.12, 0.12)
    _tower(pen, keep, 0.13, rng.uniform(0.68, 0.8), darker(stone, 0.9), roof, cones and rng.random() < 0.6)
    wall = rng.uniform(0.3, 0.38)
    pen.shape(_battlements(-0.36, 0.36, wall, 9), stone)
    for _ in range(9):
        x, y = rng.uniform(-0.32, 0.32), rng.uniform(0.05, wall - 0.04)
        pen.stroke([(x - 0.025, y), (x + 0.025, y)], darker(stone, 0.7))
    gate = rng.uniform(-0.1, 0.1)
    pen.shape([
        (gate - 0.075, 0), (gate - 0.075, 0.14), *arc(gate, 0.14, 0.075, 0.085, 180, 0, 8), (gate + 0.075, 0),
    ], darker(stone, 0.3))  # fmt: skip
    for i in (-1, 0, 1):
        pen.stroke([(gate + 0.035 * i, 0), (gate + 0.035 * i, 0.19)], darker(stone, 0.6))
    for side in (-1, 1):
        _tower(
            pen, side * rng.uniform(0.34, 0.4), rng.uniform(0.08, 0.11), rng.uniform(0.44, 0.64), stone, roof,
            cones
        )  # fmt: skip
    if rng.random() < 0.4:
        _tower(
            pen, -math.copysign(0.2, keep), 0.065, rng.uniform(0.48, 0.56), darker(stone, 1.06), roof, cones
        )


def bridge(pen: Pen, palette: Palette, rng: Random) -> None:
    """A stone bridge with one to four arches; wider than high (y up to about 0.5)."""
    stone = palette.lit(rng.choice(_STONE))
    arches = rng.choice((1, 2, 3, 3, 4))
    camber, deck = rng.uniform(0.02, 0.16), rng.uniform(0.24, 0.32)
    half = 0.56

    def road(x: float) -> float:
        return deck + camber * (1 - (x / half) ** 2)

    top = [(-half + 2 * half * i / 16, road(-half + 2 * half * i / 16)) for i in range(17)]
    pier = 0.05
    span = (2 * half - 0.12 - pier * (arches - 1)) / arches
    under: list[Point] = [(half, 0.0)]
    x = half - 0.06
    for _ in range(arches):
        middle = x - span / 2
        rise = min(road(middle) - 0.07, 0.5 * span + 0.08)
        under += [(x, 0.0), *arc(middle, 0.0, span / 2, rise, 0, 180, 14)]
        x -= span + pier
        under.append((x + pier, 0.0))
    under += [(-half, 0.0)]
    depth = [(px + 0.012, py - 0.018) for px, py in top + under]
    pen.shape(depth, darker(stone, 0.55), 0.6)
    pen.shape(top + under, stone)
    x = half - 0.06
    for _ in range(arches):
        middle = x - span / 2
        rise = min(road(middle) - 0.07, 0.5 * span + 0.08)
        pen.stroke(arc(middle, 0.0, span / 2 + 0.022, rise + 0.024, 0, 180, 12), darker(stone, 0.66), 0.008)
        x -= span + pier
    rail = rng.uniform(0.045, 0.075)
    pen.shape([*top, *[(px, py + rail) for px, py in reversed(top)]], darker(stone, 1.1))
    for i in range(0, 17, 2):
        px, py = top[i]
        pen.stroke([(px, py), (px, py + rail)], darker(stone, 0.6))
    if rng.random() < 0.3:
        _tower(
            pen, rng.choice((-0.5, 0.5)), 0.075, rng.uniform(0.5, 0.62), stone,
            palette.lit(rng.choice(_ROOF)), True
        )  # fmt: skip


def _battlements(left: float, right: float, top: float, teeth: int) -> list[Point]:
    step = (right - left) / (2 * teeth - 1)
    outline: list[Point] = [(left, 0.0)]
    for i in range(2 * teeth - 1):
        y = top + (0.045 if i % 2 == 0 else 0.0)
        outline += [(left + step * i, y), (left + step * (i + 1), y)]
    return [*outline, (right, 0.0)]


def _tower(pen: Pen, x: float, half: float, high: float, stone: Colour, roof: Colour, cone: bool) -> None:
    body = pen.at(x, 0.0)
    body.shape(rectangle(-half, 0, half, high), stone)
    body.shape(rectangle(0.3 * half, 0, half, high), darker(stone, 0.74), 0)
    wide = 1.22 * half
    if cone:
        body.shape([(-wide, high), (0, high + 2.6 * half), (wide, high)], roof)
        body.shape([(0.2 * wide, high), (0, high + 2.6 * half), (wide, high)], darker(roof, 0.72), 0)
    else:
        crown = [
            (px, high - 0.02 if py == 0.0 else high + py) for px, py in _battlements(-wide, wide, 0.04, 3)
        ]
        body.shape(crown, stone)
    for y in (0.45 * high, 0.76 * high):
        body.shape(
            rectangle(-0.14 * half, y, 0.14 * half, y + 0.05), darker(stone, 0.3), 0.4
        )  # fmt: skip
