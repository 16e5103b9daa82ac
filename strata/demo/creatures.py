"""Motifs that swim and fly: fish, bird. Frames as in `strata.demo.buildings`."""

from __future__ import annotations

import math
from random import Random

from strata.demo.palettes import Palette
from strata.demo.surface import Colour, Pen, Point, arc, darker, ellipse, mix, smooth

_SCALE: tuple[Colour, ...] = ((214, 120, 70), (120, 150, 170), (190, 180, 130), (90, 130, 120), (208, 84, 84))
_FEATHER: tuple[Colour, ...] = (
    (70, 90, 140), (150, 90, 60), (60, 58, 62), (226, 214, 190), (196, 70, 54), (210, 170, 60),
)  # fmt: skip


def fish(pen: Pen, palette: Palette, rng: Random) -> None:
    """A whole fish seen from the side, head to the left; y about 0.1 to 0.7."""
    skin = palette.lit(rng.choice(_SCALE))
    belly, fin = mix(skin, palette.lit((250, 240, 220)), 0.55), darker(skin, 0.72)
    fat, my = rng.uniform(0.15, 0.23), 0.38
    pen.curve(
        [(0.26, my), (0.4, my + 0.17), (0.5, my + 0.24), (0.44, my), (0.5, my - 0.23), (0.4, my - 0.16)], fin
    )
    pen.curve([
        (-0.16, my + 0.7 * fat), (-0.06, my + fat + rng.uniform(0.08, 0.14)), (0.1, my + fat + 0.05),
        (0.2, my + 0.5 * fat),
    ], fin)  # fmt: skip
    pen.curve(
        [(0.0, my - 0.8 * fat), (0.06, my - fat - 0.1), (0.14, my - fat - 0.06), (0.16, my - 0.55 * fat)], fin
    )
    body = smooth([
        (-0.5, my - 0.02), (-0.4, my + 0.55 * fat), (-0.2, my + fat), (0.05, my + 0.9 * fat),
        (0.24, my + 0.34 * fat), (0.34, my + 0.03), (0.34, my - 0.03), (0.24, my - 0.34 * fat),
        (0.05, my - 0.88 * fat), (-0.2, my - fat), (-0.4, my - 0.6 * fat),
    ])  # fmt: skip
    pen.shape(body, skin)
    pen.curve([
        (-0.46, my - 0.05), (-0.2, my - 0.45 * fat), (0.1, my - 0.4 * fat), (0.3, my - 0.03),
        (0.05, my - 0.82 * fat), (-0.2, my - 0.92 * fat), (-0.4, my - 0.52 * fat),
    ], belly, 0)  # fmt: skip
    for i in range(7):
        x = -0.16 + 0.062 * i
        high = fat * (0.8 - 0.09 * i)
        for j in (-2, -1, 0, 1, 2):
            pen.stroke(
                arc(x + 0.02 * (j % 2), my + high * j / 2.6, 0.025, high / 4.2, -80, 80, 4), darker(skin, 0.7)
            )
    pen.stroke(arc(-0.32, my, 0.1, 0.8 * fat, -68, 68, 8), darker(skin, 0.55), 0.012)
    pen.curve([
        (-0.16, my - 0.1 * fat), (-0.04, my - 0.3 * fat), (-0.02, my - 0.62 * fat), (-0.12, my - 0.5 * fat),
    ], fin)  # fmt: skip
    pen.disc(-0.37, my + 0.3 * fat, 0.032, colour=(245, 238, 220))
    pen.disc(-0.375, my + 0.3 * fat, 0.015, colour=(24, 22, 26), line=0)
    pen.stroke([(-0.49, my - 0.04), (-0.42, my - 0.07)], darker(skin, 0.4), 0.012)


def bird(pen: Pen, palette: Palette, rng: Random, flying: bool = False) -> None:
    """A songbird seen from the side, facing left; standing, or with spread wings."""
    plume = palette.lit(rng.choice(_FEATHER))
    breast = mix(plume, palette.lit(rng.choice(((240, 220, 180), (220, 110, 70), (240, 236, 226)))), 0.75)
    wing, bill = darker(plume, 0.72), palette.lit((226, 160, 50))
    fat, low = rng.uniform(0.17, 0.22), 0.24
    cy = low + fat
    if flying:
        _wing(pen, darker(wing, 0.85), -0.02, cy + 0.06, rng.uniform(0.9, 1.3), 0.5)
    tail = rng.uniform(0.2, 0.3)
    pen.shape([
        (0.16, cy + 0.04), (0.3 + tail, cy - 0.06 + rng.uniform(-0.08, 0.14)), (0.26 + tail, cy - 0.16),
        (0.14, cy - 0.1),
    ], wing)  # fmt: skip
    if not flying:
        for x in (-0.04, 0.06):
            pen.stroke([(x, cy - 0.8 * fat), (x + 0.015, 0.1), (x - 0.01, 0.0)], bill, 0.018)
            pen.stroke([(x - 0.07, 0.0), (x + 0.05, 0.0)], bill, 0.016)
    hx, hy, hr = -0.24, cy + 0.7 * fat + rng.uniform(0.02, 0.12), rng.uniform(0.105, 0.13)
    pen.shape([
        (hx - 0.8 * hr, hy + 0.045), (hx - hr - rng.uniform(0.1, 0.18), hy - 0.01),
        (hx - 0.8 * hr, hy - 0.05),
    ], bill)  # fmt: skip
    body = smooth([
        (-0.3, cy - 0.02), (-0.2, cy + 0.7 * fat), (0.04, cy + 0.8 * fat), (0.26, cy + 0.02),
        (0.16, cy - 0.6 * fat), (-0.06, cy - fat), (-0.24, cy - 0.7 * fat),
    ])  # fmt: skip
    neck = [(hx - 0.9 * hr, hy - 0.02), (-0.3, cy), (0.0, cy + 0.7 * fat), (hx + 0.9 * hr, hy + 0.02)]
    pen.merge([body, neck, ellipse(hx, hy, hr, None)], plume)
    pen.curve([
        (hx - 0.5 * hr, hy - 0.7 * hr), (-0.27, cy - 0.02), (-0.2, cy - 0.68 * fat), (-0.04, cy - 0.92 * fat),
        (0.06, cy - 0.6 * fat), (-0.12, cy),
    ], breast, 0)  # fmt: skip
    pen.disc(hx - 0.03, hy + 0.025, 0.03, colour=(246, 242, 230), line=0.6)
    pen.disc(hx - 0.035, hy + 0.025, 0.017, colour=(20, 18, 22), line=0)
    if flying:
        _wing(pen, wing, 0.02, cy + 0.02, rng.uniform(1.5, 2.1), 0.55)
        return
    pen.curve(
        [(-0.14, cy + 0.1), (0.06, cy + 0.14), (0.38, cy - 0.08), (0.16, cy - 0.1), (-0.06, cy - 0.1)], wing
    )
    for i in range(3):
        pen.stroke(
            [(-0.04 + 0.06 * i, cy - 0.05 + 0.02 * i), (0.16 + 0.06 * i, cy - 0.07 + 0.015 * i)],
            darker(wing, 0.6),
        )


def _wing(pen: Pen, colour: Colour, x: float, y: float, turn: float, reach: float) -> None:
    arm = pen.at(x, y, reach, angle=turn - math.pi / 2)
    edge: list[Point] = [(-0.16, -0.05), (-0.26, 0.4), (-0.18, 0.95)]
    for i in range(5):
        edge += [(-0.1 + 0.11 * i, 0.98 - 0.16 * i), (-0.04 + 0.1 * i, 0.78 - 0.16 * i)]
    arm.shape([*edge, (0.2, 0.0)], colour)
    for i in range(4):
        arm.stroke(
            [(-0.06 + 0.1 * i, 0.8 - 0.16 * i), (-0.1 + 0.06 * i, 0.4 - 0.08 * i)], darker(colour, 0.6)
        )
