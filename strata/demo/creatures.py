"""Motifs that live: tree, fish, bird, horse. Frames as in `strata.demo.buildings`."""

from __future__ import annotations

import math
from random import Random

from strata.demo.palettes import Palette
from strata.demo.surface import Colour, Pen, Point, arc, darker, ellipse, mix, smooth

_BARK: tuple[Colour, ...] = ((104, 78, 56), (84, 68, 58), (130, 108, 86))
_LEAF: tuple[Colour, ...] = ((74, 124, 58), (110, 140, 60), (46, 98, 70), (196, 140, 50), (186, 84, 46))
_SCALE: tuple[Colour, ...] = ((214, 120, 70), (120, 150, 170), (190, 180, 130), (90, 130, 120), (208, 84, 84))
_FEATHER: tuple[Colour, ...] = (
    (70, 90, 140),
    (150, 90, 60),
    (60, 58, 62),
    (226, 214, 190),
    (196, 70, 54),
    (210, 170, 60),
)
_COAT: tuple[Colour, ...] = (
    (132, 84, 54),
    (80, 58, 48),
    (226, 216, 200),
    (176, 128, 80),
    (58, 54, 58),
    (150, 146, 144),
)


def tree(pen: Pen, palette: Palette, rng: Random) -> None:
    """Broadleaf, conifer, poplar or bare."""
    bark, leaf = palette.lit(rng.choice(_BARK)), palette.lit(rng.choice(_LEAF))
    kind = rng.choice(("round", "round", "conifer", "poplar", "bare", "bare"))
    if kind == "bare":
        _bough(pen, bark, rng, 0.0, 0.0, math.pi / 2 + rng.uniform(-0.1, 0.1), 0.3, 0.085, 6)
        return
    lean = rng.uniform(-0.06, 0.06)
    girth = rng.uniform(0.04, 0.065)
    pen.shape(
        smooth(
            [
                (-2 * girth, 0),
                (-girth, 0.08),
                (-0.8 * girth + lean, 0.5),
                (0.8 * girth + lean, 0.5),
                (girth, 0.08),
                (2 * girth, 0),
            ],
            closed=False,
        ),
        bark,
    )
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
        pen.shape(
            [
                (x + girth / 2 * nx, y + girth / 2 * ny),
                (ex + tip / 2 * nx, ey + tip / 2 * ny),
                (ex - tip / 2 * nx, ey - tip / 2 * ny),
                (x - girth / 2 * nx, y - girth / 2 * ny),
            ],
            bark,
            0.8,
        )
    else:
        pen.stroke([(x, y), (mx, my), (ex, ey)], bark, girth * 0.8)
    if depth > 1:
        forks = (-1, 1) if depth < 5 or rng.random() < 0.5 else (-1, 0, 1)
        for side in forks:
            _bough(
                pen,
                bark,
                rng,
                ex,
                ey,
                bend + side * rng.uniform(0.32, 0.62),
                length * rng.uniform(0.66, 0.8),
                tip,
                depth - 1,
            )


def fish(pen: Pen, palette: Palette, rng: Random) -> None:
    """A whole fish seen from the side, head to the left; y about 0.1 to 0.7."""
    skin = palette.lit(rng.choice(_SCALE))
    belly, fin = mix(skin, palette.lit((250, 240, 220)), 0.55), darker(skin, 0.72)
    fat, my = rng.uniform(0.15, 0.23), 0.38
    pen.shape(
        smooth(
            [(0.26, my), (0.4, my + 0.17), (0.5, my + 0.24), (0.44, my), (0.5, my - 0.23), (0.4, my - 0.16)]
        ),
        fin,
    )
    pen.shape(
        smooth(
            [
                (-0.16, my + 0.7 * fat),
                (-0.06, my + fat + rng.uniform(0.08, 0.14)),
                (0.1, my + fat + 0.05),
                (0.2, my + 0.5 * fat),
            ]
        ),
        fin,
    )
    pen.shape(
        smooth(
            [(0.0, my - 0.8 * fat), (0.06, my - fat - 0.1), (0.14, my - fat - 0.06), (0.16, my - 0.55 * fat)]
        ),
        fin,
    )
    body = smooth(
        [
            (-0.5, my - 0.02),
            (-0.4, my + 0.55 * fat),
            (-0.2, my + fat),
            (0.05, my + 0.9 * fat),
            (0.24, my + 0.34 * fat),
            (0.34, my + 0.03),
            (0.34, my - 0.03),
            (0.24, my - 0.34 * fat),
            (0.05, my - 0.88 * fat),
            (-0.2, my - fat),
            (-0.4, my - 0.6 * fat),
        ]
    )
    pen.shape(body, skin)
    pen.shape(
        smooth(
            [
                (-0.46, my - 0.05),
                (-0.2, my - 0.45 * fat),
                (0.1, my - 0.4 * fat),
                (0.3, my - 0.03),
                (0.05, my - 0.82 * fat),
                (-0.2, my - 0.92 * fat),
                (-0.4, my - 0.52 * fat),
            ]
        ),
        belly,
        0,
    )
    for i in range(7):
        x = -0.16 + 0.062 * i
        high = fat * (0.8 - 0.09 * i)
        for j in (-2, -1, 0, 1, 2):
            pen.stroke(
                arc(x + 0.02 * (j % 2), my + high * j / 2.6, 0.025, high / 4.2, -80, 80, 4), darker(skin, 0.7)
            )
    pen.stroke(arc(-0.32, my, 0.1, 0.8 * fat, -68, 68, 8), darker(skin, 0.55), 0.012)
    pen.shape(
        smooth(
            [
                (-0.16, my - 0.1 * fat),
                (-0.04, my - 0.3 * fat),
                (-0.02, my - 0.62 * fat),
                (-0.12, my - 0.5 * fat),
            ]
        ),
        fin,
    )
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
    pen.shape(
        [
            (0.16, cy + 0.04),
            (0.3 + tail, cy - 0.06 + rng.uniform(-0.08, 0.14)),
            (0.26 + tail, cy - 0.16),
            (0.14, cy - 0.1),
        ],
        wing,
    )
    if not flying:
        for x in (-0.04, 0.06):
            pen.stroke([(x, cy - 0.8 * fat), (x + 0.015, 0.1), (x - 0.01, 0.0)], bill, 0.018)
            pen.stroke([(x - 0.07, 0.0), (x + 0.05, 0.0)], bill, 0.016)
    hx, hy, hr = -0.24, cy + 0.7 * fat + rng.uniform(0.02, 0.12), rng.uniform(0.105, 0.13)
    pen.shape(
        [
            (hx - 0.8 * hr, hy + 0.045),
            (hx - hr - rng.uniform(0.1, 0.18), hy - 0.01),
            (hx - 0.8 * hr, hy - 0.05),
        ],
        bill,
    )
    body = smooth(
        [
            (-0.3, cy - 0.02),
            (-0.2, cy + 0.7 * fat),
            (0.04, cy + 0.8 * fat),
            (0.26, cy + 0.02),
            (0.16, cy - 0.6 * fat),
            (-0.06, cy - fat),
            (-0.24, cy - 0.7 * fat),
        ]
    )
    neck = [(hx - 0.9 * hr, hy - 0.02), (-0.3, cy), (0.0, cy + 0.7 * fat), (hx + 0.9 * hr, hy + 0.02)]
    pen.merge([body, neck, ellipse(hx, hy, hr, None)], plume)
    pen.shape(
        smooth(
            [
                (hx - 0.5 * hr, hy - 0.7 * hr),
                (-0.27, cy - 0.02),
                (-0.2, cy - 0.68 * fat),
                (-0.04, cy - 0.92 * fat),
                (0.06, cy - 0.6 * fat),
                (-0.12, cy),
            ]
        ),
        breast,
        0,
    )
    pen.disc(hx - 0.03, hy + 0.025, 0.03, colour=(246, 242, 230), line=0.6)
    pen.disc(hx - 0.035, hy + 0.025, 0.017, colour=(20, 18, 22), line=0)
    if flying:
        _wing(pen, wing, 0.02, cy + 0.02, rng.uniform(1.5, 2.1), 0.55)
        return
    pen.shape(
        smooth(
            [(-0.14, cy + 0.1), (0.06, cy + 0.14), (0.38, cy - 0.08), (0.16, cy - 0.1), (-0.06, cy - 0.1)]
        ),
        wing,
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
            pen,
            darker(coat, 0.72) if far else coat,
            x,
            back - deep - 0.04,
            swing * stride,
            rng.uniform(0.0, 0.5) * stride,
            x > 0,
        )
    grazing = rng.random() < 0.22
    poll = (-0.47, 0.4) if grazing else (-0.38 + rng.uniform(-0.05, 0.06), rng.uniform(0.86, 0.95))
    muzzle = (
        (poll[0] - 0.04, poll[1] - 0.26)
        if grazing
        else (poll[0] - rng.uniform(0.13, 0.17), poll[1] - rng.uniform(0.14, 0.2))
    )
    barrel = smooth(
        [
            (-0.28, back - 0.06),
            (-0.16, back + 0.015),
            (0.04, back - 0.02),
            (0.22, back + 0.01),
            (0.34, back - 0.08),
            (0.32, back - 1.8 * deep),
            (0.08, back - 2 * deep - 0.01),
            (-0.18, back - 2 * deep),
            (-0.29, back - 1.5 * deep),
        ]
    )
    if grazing:
        neck = smooth(
            [
                (-0.1, back - 0.01),
                (-0.3, back - 0.04),
                (poll[0] + 0.03, poll[1] + 0.06),
                (poll[0] - 0.05, poll[1] - 0.08),
                (-0.38, 0.4),
                (-0.28, back - 2 * deep + 0.04),
                (-0.16, back - 1.5 * deep),
            ],
            3,
        )
        crest = [
            (poll[0], poll[1] + 0.06),
            (-0.32, back - 0.04),
            (-0.1, back + 0.03),
            (-0.16, back - 0.09),
            (-0.3, back - 0.12),
            (poll[0] + 0.09, poll[1] - 0.05),
        ]
    else:
        neck = smooth(
            [
                (-0.06, back),
                (-0.17, back + 0.1),
                (poll[0] + 0.07, poll[1]),
                (poll[0] - 0.03, poll[1] - 0.09),
                (-0.27, back + 0.03),
                (-0.31, back - 0.1),
                (-0.2, back - 1.4 * deep),
            ],
            3,
        )
        crest = [
            (poll[0] + 0.03, poll[1] + 0.03),
            (poll[0] + 0.1, poll[1] - 0.04),
            (-0.12, back + 0.1),
            (-0.05, back + 0.01),
            (-0.16, back - 0.03),
            (-0.23, back + 0.05),
            (poll[0] + 0.05, poll[1] - 0.1),
        ]
    nx, ny = muzzle[1] - poll[1], poll[0] - muzzle[0]
    head = smooth(
        [
            (poll[0] + 0.03, poll[1] + 0.03),
            (poll[0] - 0.25 * nx, poll[1] - 0.25 * ny),
            (muzzle[0] - 0.2 * nx, muzzle[1] - 0.2 * ny),
            (muzzle[0] + 0.12 * nx, muzzle[1] + 0.12 * ny),
            (
                poll[0] + 0.3 * nx + 0.3 * (muzzle[0] - poll[0]),
                poll[1] + 0.3 * ny + 0.3 * (muzzle[1] - poll[1]),
            ),
        ]
    )
    ear = [
        (poll[0] - 0.015, poll[1] + 0.01),
        (poll[0] + 0.015, poll[1] + 0.09),
        (poll[0] + 0.045, poll[1] + 0.0),
    ]
    pen.merge([barrel, neck, head, ear], coat)
    pen.shape(
        smooth(
            [
                (-0.2, back - 1.6 * deep),
                (0.08, back - 1.5 * deep),
                (0.3, back - 1.5 * deep),
                (0.1, back - 1.98 * deep),
                (-0.16, back - 1.95 * deep),
            ]
        ),
        darker(coat, 0.8),
        0,
    )
    pen.shape(smooth(crest, 3), mane)
    ex, ey = poll[0] + 0.32 * (muzzle[0] - poll[0]), poll[1] + 0.32 * (muzzle[1] - poll[1])
    pen.disc(ex, ey, 0.014, colour=(22, 18, 20), line=0)
    if rng.random() < 0.3:
        pen.shape(
            smooth(
                [(-0.06, back + 0.02), (0.14, back + 0.015), (0.15, back - 0.14), (-0.05, back - 0.14)], 3
            ),
            palette.lit((186, 60, 50)),
        )


def _leg(pen: Pen, coat: Colour, x: float, top: float, swing: float, fold: float, hind: bool) -> None:
    bend = 0.045 if hind else -0.015
    knee = (x + 0.55 * swing + bend, 0.27 + 0.1 * fold)
    hoof = (x + swing + (0.6 * fold if hind else 0.25 * fold), 0.02 + 0.3 * fold)
    thigh = 0.1 if hind else 0.075
    outline = [
        (x - thigh, top + 0.1),
        (x + thigh, top + 0.1),
        (x + 0.07, top - 0.03),
        (knee[0] + 0.03, knee[1] + 0.03),
        (knee[0] + 0.024, knee[1] - 0.04),
        (hoof[0] + 0.024, hoof[1] + 0.03),
        (hoof[0] - 0.02, hoof[1] + 0.03),
        (knee[0] - 0.02, knee[1] - 0.04),
        (knee[0] - 0.033, knee[1] + 0.03),
        (x - 0.065, top - 0.03),
    ]
    pen.shape(outline, coat)
    pen.shape(
        [
            (hoof[0] - 0.04, hoof[1] - 0.02),
            (hoof[0] - 0.026, hoof[1] + 0.035),
            (hoof[0] + 0.026, hoof[1] + 0.035),
            (hoof[0] + 0.034, hoof[1] - 0.02),
        ],
        (40, 34, 32),
        0.6,
    )
