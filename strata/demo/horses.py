"""The motif with four legs: horse. Frame as in `strata.demo.buildings`."""

from __future__ import annotations

from random import Random

from strata.demo.palettes import Palette
from strata.demo.surface import Colour, Pen, darker, smooth

_COAT: tuple[Colour, ...] = (
    (132, 84, 54), (80, 58, 48), (226, 216, 200), (176, 128, 80), (58, 54, 58), (150, 146, 144),
)  # fmt: skip


def horse(pen: Pen, palette: Palette, rng: Random) -> None:
    """A horse seen from the side, head to the left, standing, walking or grazing."""
    coat = palette.lit(rng.choice(_COAT))
    mane = palette.lit(rng.choice(((50, 40, 36), (230, 220, 196), (96, 66, 44))))
    stride = rng.uniform(0.0, 0.16)
    back, deep = rng.uniform(0.62, 0.68), rng.uniform(0.115, 0.14)
    pen.stroke(
        smooth([(0.3, back - 0.03), (0.42, back - 0.06), (0.44, 0.4), (0.4, 0.26)], closed=False), mane, 0.06
    )
    for x, swing, far in ((-0.16, 0.7, True), (0.24, -0.8, True), (-0.2, -0.6, False), (0.28, 0.6, False)):
        _leg(
            pen, darker(coat, 0.72) if far else coat, x, back - deep - 0.04, swing * stride,
            rng.uniform(0.0, 0.5) * stride, x > 0
        )  # fmt: skip
    grazing = rng.random() < 0.22
    poll = (-0.47, 0.4) if grazing else (-0.38 + rng.uniform(-0.05, 0.06), rng.uniform(0.86, 0.95))
    muzzle = (
        (poll[0] - 0.04, poll[1] - 0.26)
        if grazing
        else (poll[0] - rng.uniform(0.13, 0.17), poll[1] - rng.uniform(0.14, 0.2))
    )
    barrel = smooth([
        (-0.28, back - 0.06), (-0.16, back + 0.015), (0.04, back - 0.02), (0.22, back + 0.01),
        (0.34, back - 0.08), (0.32, back - 1.8 * deep), (0.08, back - 2 * deep - 0.01),
        (-0.18, back - 2 * deep), (-0.29, back - 1.5 * deep),
    ])  # fmt: skip
    if grazing:
        neck = smooth([
            (-0.1, back - 0.01), (-0.3, back - 0.04), (poll[0] + 0.03, poll[1] + 0.06),
            (poll[0] - 0.05, poll[1] - 0.08), (-0.38, 0.4), (-0.28, back - 2 * deep + 0.04),
            (-0.16, back - 1.5 * deep),
        ], 3)  # fmt: skip
        crest = [
            (poll[0], poll[1] + 0.06), (-0.32, back - 0.04), (-0.1, back + 0.03), (-0.16, back - 0.09),
            (-0.3, back - 0.12), (poll[0] + 0.09, poll[1] - 0.05),
        ]  # fmt: skip
    else:
        neck = smooth([
            (-0.06, back), (-0.17, back + 0.1), (poll[0] + 0.07, poll[1]), (poll[0] - 0.03, poll[1] - 0.09),
            (-0.27, back + 0.03), (-0.31, back - 0.1), (-0.2, back - 1.4 * deep),
        ], 3)  # fmt: skip
        crest = [
            (poll[0] + 0.03, poll[1] + 0.03), (poll[0] + 0.1, poll[1] - 0.04), (-0.12, back + 0.1),
            (-0.05, back + 0.01), (-0.16, back - 0.03), (-0.23, back + 0.05), (poll[0] + 0.05, poll[1] - 0.1),
        ]  # fmt: skip
    nx, ny = muzzle[1] - poll[1], poll[0] - muzzle[0]
    head = smooth([
        (poll[0] + 0.03, poll[1] + 0.03), (poll[0] - 0.25 * nx, poll[1] - 0.25 * ny),
        (muzzle[0] - 0.2 * nx, muzzle[1] - 0.2 * ny), (muzzle[0] + 0.12 * nx, muzzle[1] + 0.12 * ny),
        (poll[0] + 0.3 * nx + 0.3 * (muzzle[0] - poll[0]), poll[1] + 0.3 * ny + 0.3 * (muzzle[1] - poll[1])),
    ])  # fmt: skip
    ear = [
        (poll[0] - 0.015, poll[1] + 0.01),
        (poll[0] + 0.015, poll[1] + 0.09),
        (poll[0] + 0.045, poll[1] + 0.0),
    ]
    pen.merge([barrel, neck, head, ear], coat)
    pen.curve([
        (-0.2, back - 1.6 * deep), (0.08, back - 1.5 * deep), (0.3, back - 1.5 * deep),
        (0.1, back - 1.98 * deep), (-0.16, back - 1.95 * deep),
    ], darker(coat, 0.8), 0)  # fmt: skip
    pen.curve(crest, mane, steps=3)
    ex, ey = poll[0] + 0.32 * (muzzle[0] - poll[0]), poll[1] + 0.32 * (muzzle[1] - poll[1])
    pen.disc(ex, ey, 0.014, colour=(22, 18, 20), line=0)
    if rng.random() < 0.3:
        pen.curve([
            (-0.06, back + 0.02), (0.14, back + 0.015), (0.15, back - 0.14), (-0.05, back - 0.14),
        ], palette.lit((186, 60, 50)), steps=3)  # fmt: skip


def _leg(pen: Pen, coat: Colour, x: float, top: float, swing: float, fold: float, hind: bool) -> None:
    bend = 0.045 if hind else -0.015
    knee = (x + 0.55 * swing + bend, 0.27 + 0.1 * fold)
    hoof = (x + swing + (0.6 * fold if hind else 0.25 * fold), 0.02 + 0.3 * fold)
    thigh = 0.1 if hind else 0.075
    outline = [
        (x - thigh, top + 0.1), (x + thigh, top + 0.1), (x + 0.07, top - 0.03),
        (knee[0] + 0.03, knee[1] + 0.03), (knee[0] + 0.024, knee[1] - 0.04),
        (hoof[0] + 0.024, hoof[1] + 0.03), (hoof[0] - 0.02, hoof[1] + 0.03), (knee[0] - 0.02, knee[1] - 0.04),
        (knee[0] - 0.033, knee[1] + 0.03), (x - 0.065, top - 0.03),
    ]  # fmt: skip
    pen.shape(outline, coat)
    pen.shape([
        (hoof[0] - 0.04, hoof[1] - 0.02), (hoof[0] - 0.026, hoof[1] + 0.035),
        (hoof[0] + 0.026, hoof[1] + 0.035), (hoof[0] + 0.034, hoof[1] - 0.02),
    ], (40, 34, 32), 0.6)  # fmt: skip
