"""Sky, sun, moon, clouds and weather: most of what makes a mood."""

from __future__ import annotations

import math
from random import Random

from PIL import Image

from strata.demo.palettes import Palette
from strata.demo.surface import FOUR_BANDS, Pen, Point, bands, darker, ellipse, mix, ring


def fill_sky(surface: Image.Image, palette: Palette, horizon: float) -> None:
    """Paint the gradient from the top edge to the horizon (a share of the height, from below) and beyond."""
    wide, high = surface.size
    bottom = max(1, round(high * (1 - horizon)))
    shares = (min(1.0, (y + 0.5) / 64 * high / bottom) for y in range(64))
    column = [bands(mix(palette.sky_high, palette.sky_low, share), 0) for share in shares]
    strip = Image.frombytes(FOUR_BANDS, (1, 64), b"".join(map(bytes, column)))
    full = strip.resize((1, high), Image.Resampling.BILINEAR).resize((wide, high), Image.Resampling.NEAREST)
    surface.paste(full)


def paint_sky(
    pen: Pen, mood: str, palette: Palette, rng: Random, wide: float, high: float, horizon: float
) -> None:
    """Sun or moon and the clouds of the mood. `wide`, `high`: the picture in units; horizon: y in units."""
    _SKIES[mood](pen, palette, rng, wide, high, horizon)


def paint_weather(
    pen: Pen, mood: str, palette: Palette, rng: Random, wide: float, high: float, horizon: float
) -> None:
    """What lies in front of everything: rain, mist, petals in the air."""
    if mood == "stormy":
        _rain(pen, rng, wide, high)
    elif mood == "gloomy":
        _mist(pen, palette, rng, wide, horizon)
    elif mood == "joyful":
        _petals(pen, rng, wide, high)


def _calm(pen: Pen, palette: Palette, rng: Random, wide: float, high: float, horizon: float) -> None:
    x, y = rng.uniform(0.12, 0.88) * wide, horizon + rng.uniform(0.12, 0.5) * (high - horizon)
    for halo in (3, 2, 1):
        tone = mix(palette.glow, palette.sky_low, 0.25 * (halo - 1))
        pen.disc(x, y, 0.028 + 0.016 * halo, colour=tone, line=0.8 if halo == 1 else 0)
    for _ in range(rng.randint(3, 6)):
        cx, cy = rng.uniform(0, wide), rng.uniform(horizon + 0.1, high)
        length, thick = rng.uniform(0.12, 0.34), rng.uniform(0.006, 0.016)
        tone = mix(palette.cloud, palette.sky_high, rng.uniform(0, 0.35))
        pen.shape(ellipse(cx, cy, length, thick), tone, 0.5)
        pen.shape(ellipse(cx + 0.3 * length, cy - 1.3 * thick, 0.6 * length, 0.7 * thick), tone, 0)


def _stormy(pen: Pen, palette: Palette, rng: Random, wide: float, high: float, horizon: float) -> None:
    depth = high - horizon
    if rng.random() < 0.75:
        _lightning(pen, palette, rng, rng.uniform(0.1, 0.9) * wide, high - 0.12 * depth, horizon)
    for row in range(3):
        base = high - (0.05 + 0.16 * (2 - row)) * depth
        tone = mix(palette.cloud, palette.sky_low, 0.24 * (2 - row))
        puffs: list[list[Point]] = []
        x = rng.uniform(-0.1, 0.0)
        while x < wide + 0.05:
            r = rng.uniform(0.05, 0.12)
            puffs.append(ellipse(x, base + rng.uniform(-0.03, 0.05) + 0.4 * r, 1.25 * r, r, 14))
            x += 1.3 * r
        pen.merge(puffs, tone)
        for puff in puffs[::2]:
            (right, cy), left = puff[0], puff[7][0]
            cx, r = (left + right) / 2, (right - left) / 2
            swirl = [
                (
                    cx + r * (0.75 - 0.09 * i) * math.cos(0.6 * i + 3.4),
                    cy + r * (0.6 - 0.07 * i) * math.sin(0.6 * i + 3.4),
                )
                for i in range(7)
            ]
            pen.stroke(swirl, darker(tone, 0.62), 0.003)


def _lightning(pen: Pen, palette: Palette, rng: Random, x: float, top: float, horizon: float) -> None:
    left: list[Point] = []
    right: list[Point] = []
    steps = 6
    for i in range(steps + 1):
        y = top + (horizon - top) * i / steps
        x += rng.uniform(-0.05, 0.05)
        half = 0.009 * (1 - i / steps) + 0.001
        left.append((x - half, y))
        right.append((x + half, y))
    pen.shape(left + right[::-1], palette.glow, 0.8)
    fork = left[2]
    side = rng.choice((-1, 1))
    pen.stroke([
        fork, (fork[0] + side * 0.05, fork[1] - 0.05), (fork[0] + side * 0.06, fork[1] - 0.12),
    ], palette.glow, 0.004, 0)  # fmt: skip


def _joyful(pen: Pen, palette: Palette, rng: Random, wide: float, high: float, horizon: float) -> None:
    x, y = rng.uniform(0.1, 0.9) * wide, high - rng.uniform(0.1, 0.4) * (high - horizon)
    radius = rng.uniform(0.05, 0.075)
    rays = rng.randint(11, 16)
    for i in range(rays):
        turn = 2 * math.pi * (i + 0.2) / rays
        reach = radius * (2.5 if i % 2 else 1.9)
        tip = (x + reach * math.cos(turn), y + reach * math.sin(turn))
        foot = ring(x, y, 1.25 * radius, 1.25 * radius, (turn - 0.1, turn + 0.1))
        pen.shape([tip, *foot], palette.glow, 0.7)
    pen.disc(x, y, radius, colour=palette.glow)
    if rng.random() < 0.35:
        _rainbow(pen, rng, wide, horizon, high)
    for _ in range(rng.randint(2, 4)):
        cx, cy, r = rng.uniform(0, wide), rng.uniform(horizon + 0.18, high - 0.04), rng.uniform(0.026, 0.05)
        lobes = ((cx + k * 0.95 * r, cy + (0.5 * r if abs(k) < 1 else 0), k) for k in (-1.6, -0.6, 0.5, 1.5))
        puffs = [ellipse(x, y, r * (1.1 - 0.2 * abs(k)), None, 14) for x, y, k in lobes]
        pen.merge(puffs, palette.cloud, 0.8)


def _rainbow(pen: Pen, rng: Random, wide: float, horizon: float, high: float) -> None:
    cx, reach = rng.uniform(0.2, 0.8) * wide, rng.uniform(0.6, 0.9) * (high - horizon)
    colours = ((226, 92, 84), (244, 176, 74), (250, 232, 110), (120, 190, 120), (96, 140, 210))
    for i, colour in enumerate(colours):
        radius = reach - 0.014 * i
        bow = ring(cx, horizon, radius, radius, (t / 20 * math.pi for t in range(21)))
        pen.stroke(bow, colour, 0.015, 0)


def _gloomy(pen: Pen, palette: Palette, rng: Random, wide: float, high: float, horizon: float) -> None:
    x, y = rng.uniform(0.12, 0.88) * wide, high - rng.uniform(0.12, 0.4) * (high - horizon)
    radius, side = rng.uniform(0.034, 0.05), rng.choice((-1, 1))
    outer = ring(x, y, radius, radius, (math.pi / 2 + i * math.pi / 12 for i in range(13)))
    inner = ring(x, y, 0.45 * radius, radius, (1.5 * math.pi - i * math.pi / 12 for i in range(13)))
    pen.disc(x, y, 2.3 * radius, colour=mix(palette.sky_high, palette.glow, 0.1), line=0)
    pen.shape([(x + side * (px - x), py) for px, py in outer + inner], palette.glow)
    for _ in range(rng.randint(3, 5)):
        cy = rng.uniform(horizon + 0.02, high)
        cx, length = rng.uniform(0, wide), rng.uniform(0.3, 0.7)
        pen.shape(
            ellipse(cx, cy, length, rng.uniform(0.008, 0.022)),
            mix(palette.cloud, palette.sky_high, rng.uniform(0.1, 0.6)),
            0,
        )


def _rain(pen: Pen, rng: Random, wide: float, high: float) -> None:
    lean = rng.choice((-1, 1)) * rng.uniform(0.3, 0.6)
    for _ in range(rng.randint(70, 110)):
        x, y, length = rng.uniform(-0.1, wide + 0.1), rng.uniform(0, high), rng.uniform(0.03, 0.075)
        pale = rng.random() < 0.5
        pen.stroke([
            (x, y), (x + lean * length, y - length),
        ], (196, 204, 208) if pale else (70, 78, 88), 0.0016, 40 if pale else 200)  # fmt: skip


def _mist(pen: Pen, palette: Palette, rng: Random, wide: float, horizon: float) -> None:
    # thin separate bands: a wide one would hide the motif, and the surface knows no transparency
    for _ in range(rng.randint(9, 15)):
        cx, cy = rng.uniform(0, wide), horizon + rng.uniform(-0.2, 0.06)
        pen.shape(
            ellipse(cx, cy, rng.uniform(0.12, 0.4), rng.uniform(0.002, 0.005), 14),
            mix(palette.sky_low, palette.cloud, rng.random()),
            0,
        )


def _petals(pen: Pen, rng: Random, wide: float, high: float) -> None:
    for _ in range(rng.randint(10, 22)):
        x, y, turn = rng.uniform(0, wide), rng.uniform(0, high), rng.uniform(0, 3)
        petal = ring(x, y, 0.011, 0.011, (turn, turn + 1.1, turn + 3.1, turn + 4.2))
        pen.shape(petal, rng.choice(((244, 120, 130), (255, 226, 110), (250, 250, 244), (240, 150, 70))), 0.5)


_SKIES = {"calm": _calm, "stormy": _stormy, "joyful": _joyful, "gloomy": _gloomy}
