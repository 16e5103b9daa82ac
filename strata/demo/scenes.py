"""The ground a motif stands on: hills, a plain, the sea, or a stone ledge before a view."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from strata.demo.palettes import Palette
from strata.demo.surface import Pen, Point, darker, ellipse, mix, rectangle, smooth

# motif -> the grounds it may have; most motifs share most grounds, so that the ground does not give them away
GROUNDS: dict[str, tuple[str, ...]] = {
    "windmill": ("hills", "plain", "plain", "sea"),
    "ship": ("sea",),
    "tree": ("hills", "plain", "sea", "hills"),
    "house": ("hills", "plain", "sea", "plain"),
    "fish": ("sea", "sea", "ledge", "plain"),
    "bird": ("hills", "plain", "sea", "ledge"),
    "jug": ("ledge", "ledge", "plain", "sea", "hills"),
    "castle": ("hills", "hills", "plain", "sea"),
    "bridge": ("sea", "hills", "plain"),
    "horse": ("hills", "plain", "plain", "sea"),
}


@dataclass(frozen=True)
class Scene:
    """One picture's setting, in units of its long side (y up)."""

    ground: str
    mood: str
    palette: Palette
    wide: float
    high: float
    horizon: float
    foot: float  # y where the motif stands


def plan_scene(motif: str, mood: str, palette: Palette, wide: float, high: float, rng: Random) -> Scene:
    """Choose ground, horizon and where the motif stands."""
    ground = rng.choice(GROUNDS[motif])
    horizon = high * rng.uniform(0.26, 0.46)
    foot = horizon * rng.uniform(0.3, 0.75)
    return Scene(ground, mood, palette, wide, high, horizon, foot)


def paint_ground(pen: Pen, scene: Scene, rng: Random) -> None:
    """Everything between the sky and the motif."""
    _far_hills(pen, scene, rng)
    if scene.ground == "sea":
        _sea(pen, scene, rng)
    elif scene.ground == "hills":
        _hills(pen, scene, rng)
    else:
        _plain(pen, scene, rng)
    if scene.ground == "ledge":
        _ledge(pen, scene, rng)


def paint_stand(pen: Pen, scene: Scene, rng: Random, motif: str, x: float, width: float) -> None:
    """What carries the motif: an island in the sea, a shadow on the land."""
    palette = scene.palette
    if scene.ground == "sea":
        if motif == "ship":
            return
        if motif == "bridge":
            for side in (-1, 1):
                end = x + side * (width * 0.7 + 0.2)
                pen.shape([
                    (x + side * width * 0.36, scene.foot - 0.05),
                    (x + side * width * 0.46, scene.foot + 0.04),
                    (end, scene.foot + 0.05), (end, scene.foot - 0.06),
                ], palette.ground)  # fmt: skip
            return
        reach = 0.62 * width + 0.05
        mound = smooth([
            (x - reach, scene.foot - 0.045), (x - 0.6 * reach, scene.foot + 0.005), (x, scene.foot + 0.015),
            (x + 0.65 * reach, scene.foot), (x + reach, scene.foot - 0.05), (x, scene.foot - 0.07),
        ])  # fmt: skip
        pen.shape(mound, palette.ground)
        pen.stroke([
            (x - reach, scene.foot - 0.05), (x, scene.foot - 0.075), (x + reach, scene.foot - 0.055),
        ], mix(palette.water, palette.glow, 0.4), 0.006, 0)  # fmt: skip
    elif motif == "bridge":
        depth = scene.foot - 0.02
        river = [
            (x - 0.3 * width, scene.foot + 0.1), (x + 0.3 * width, scene.foot + 0.1),
            (x + 0.5 * width, scene.foot), (x + 0.36 * width, scene.foot - depth),
            (x - 0.42 * width, scene.foot - depth), (x - 0.44 * width, scene.foot),
        ]  # fmt: skip
        pen.shape(river, palette.water)
        _ripples(pen, scene, rng, x - 0.4 * width, x + 0.4 * width, 0.02, scene.foot, 14)
    else:
        pen.shape(
            ellipse(x + 0.1 * width, scene.foot, 0.55 * width, 0.02), darker(palette.ground_near, 0.72), 0
        )


def paint_front(pen: Pen, scene: Scene, rng: Random) -> None:
    """What stands before the motif's foot: waves, grass, flowers."""
    if scene.ground == "sea":
        _ripples(pen, scene, rng, 0, scene.wide, 0.0, max(scene.foot - 0.02, 0.04), 34)
    elif scene.ground != "ledge":
        _grass(pen, scene, rng)


def _ridge(rng: Random, wide: float, base: float, rise: float, rough: int = 3) -> list[Point]:
    waves = [(rng.uniform(0, 6.3), rng.uniform(2.2, 4.5) * 2**k, rise / 1.9**k) for k in range(rough)]
    steps = 30
    return [
        (wide * i / steps, base + sum(a * math.sin(p + f * wide * i / steps) for p, f, a in waves))
        for i in range(steps + 1)
    ]


def _land(
    pen: Pen, scene: Scene, ridge: list[Point], colour: tuple[float, float, float], line: float = 1.0
) -> None:
    pen.shape([
        (-0.02, -0.02), (-0.02, ridge[0][1]), *ridge, (scene.wide + 0.02, ridge[-1][1]),
        (scene.wide + 0.02, -0.02),
    ], colour, line)  # fmt: skip


def _far_hills(pen: Pen, scene: Scene, rng: Random) -> None:
    palette = scene.palette
    for layer in (0, 1):
        if rng.random() < 0.7:
            rise = rng.uniform(0.012, 0.05) * (1.6 - layer)
            ridge = _ridge(rng, scene.wide, scene.horizon + rise * 0.7 - 0.01 * layer, rise, 4)
            _land(pen, scene, ridge, mix(palette.far, palette.sky_low, 0.45 - 0.3 * layer), 0.7)


def _hills(pen: Pen, scene: Scene, rng: Random) -> None:
    palette = scene.palette
    layers = rng.randint(2, 4)
    for layer in range(layers):
        near = (layer + 1) / layers
        base = scene.horizon * (1 - 0.62 * layer / layers) - 0.01
        colour = mix(
            mix(palette.far, palette.ground, 0.5 + 0.5 * near), palette.ground_near, max(0.0, near - 0.5)
        )
        ridge = _ridge(rng, scene.wide, base, rng.uniform(0.015, 0.03), 2)
        _land(pen, scene, ridge, colour)
        for _ in range(rng.randint(0, 4)):
            x, y = rng.choice(ridge)
            pen.merge(
                [ellipse(x + dx, y + 0.004, 0.014, 0.011, 8) for dx in (-0.012, 0.0, 0.013)],
                darker(colour, 0.7),
                0.6,
            )


def _plain(pen: Pen, scene: Scene, rng: Random) -> None:
    palette = scene.palette
    _land(pen, scene, _ridge(rng, scene.wide, scene.horizon - 0.012, 0.004, 2), palette.ground)
    vanish = rng.uniform(0, 1) * scene.wide
    for i in range(-7, 8):
        if i % 2:
            continue
        x = vanish + 0.16 * i
        top = scene.horizon - 0.02
        strip = [(vanish + 0.022 * i, top), (vanish + 0.022 * (i + 1), top), (x + 0.2, -0.01), (x, -0.01)]
        pen.shape(strip, mix(palette.ground, palette.ground_near, 0.55), 0.4)
    if rng.random() < 0.5:
        y = scene.horizon - rng.uniform(0.015, 0.05)
        x = rng.uniform(0, 0.6) * scene.wide
        wood = darker(palette.ground_near, 0.6)
        for i in range(rng.randint(4, 8)):
            pen.stroke([(x + 0.035 * i, y - 0.008), (x + 0.035 * i, y + 0.025)], wood, 0.004)
        pen.stroke([(x - 0.01, y + 0.014), (x + 0.035 * i + 0.01, y + 0.014)], wood, 0.003)


def _sea(pen: Pen, scene: Scene, rng: Random) -> None:
    palette = scene.palette
    y0 = scene.horizon - 0.008
    for band in range(5):
        top = y0 * (1 - band / 5)
        tone = mix(mix(palette.water, palette.sky_low, 0.35), darker(palette.water, 0.82), band / 4)
        pen.shape([
            (-0.02, top), (scene.wide + 0.02, top), (scene.wide + 0.02, -0.02), (-0.02, -0.02),
        ], tone, 0.7 if band == 0 else 0)  # fmt: skip
    _ripples(pen, scene, rng, 0, scene.wide, 0.0, y0 - 0.01, 40)


def _ripples(
    pen: Pen, scene: Scene, rng: Random, x0: float, x1: float, y0: float, y1: float, count: int
) -> None:
    palette = scene.palette
    wild = scene.mood == "stormy"
    pale = mix(palette.water, palette.cloud if not wild else (236, 240, 236), 0.6)
    deep = darker(palette.water, 0.6)
    for i in range(count):
        x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
        near = 1.2 - y / max(scene.horizon, 0.1)
        length = (0.03 + 0.06 * rng.random()) * near
        if wild and i % 2:
            crest = [
                (x - length, y), (x - 0.3 * length, y + 0.5 * length), (x + 0.15 * length, y + 0.62 * length),
                (x + 0.42 * length, y + 0.42 * length), (x + 0.1 * length, y + 0.38 * length),
                (x + 0.35 * length, y),
            ]  # fmt: skip
            pen.shape(crest, mix(palette.water, pale, 0.3 + 0.5 * rng.random()), 0.8)
        elif scene.mood in ("calm", "gloomy"):
            pen.stroke(
                [(x - 1.6 * length, y), (x + 1.6 * length, y)], pale if i % 2 else deep, 0.003 * near, 130
            )
        else:
            bow = [
                (x - length, y), (x - 0.5 * length, y + 0.16 * length), (x, y),
                (x + 0.5 * length, y + 0.16 * length), (x + length, y),
            ]  # fmt: skip
            pen.stroke(bow, pale if i % 2 else deep, 0.004 * near, 160)


def _grass(pen: Pen, scene: Scene, rng: Random) -> None:
    palette = scene.palette
    lean = {"calm": 0.1, "stormy": 1.3, "joyful": 0.2, "gloomy": -0.35}[scene.mood]
    for _ in range(rng.randint(34, 60)):
        x, y = rng.uniform(0, scene.wide), rng.uniform(-0.01, max(0.03, scene.foot - 0.015))
        size = rng.uniform(0.014, 0.034) * (1.2 - y / max(scene.horizon, 0.1))
        tone = darker(palette.ground_near, 0.68)
        if rng.random() < 0.4:
            tone = mix(palette.ground_near, palette.glow, 0.2 * rng.random())
        for blade in (-0.3, 0.25):
            pen.stroke([
                (x, y), (x + size * (blade * 0.5 + 0.3 * lean), y + 0.7 * size),
                (x + size * (blade + lean), y + size),
            ], tone, 0.0024)  # fmt: skip
        if scene.mood == "joyful" and rng.random() < 0.55:
            bloom = rng.choice(((246, 90, 96), (255, 220, 80), (252, 250, 244), (236, 120, 190)))
            pen.shape(ellipse(x, y + size, 0.009, None, 8), bloom, 0.6)
            pen.shape(ellipse(x, y + size, 0.0035, None, 8), (250, 190, 60), 0)


def _ledge(pen: Pen, scene: Scene, rng: Random) -> None:
    top = scene.foot + 0.035
    stone = scene.palette.lit(rng.choice(((186, 170, 146), (150, 146, 142), (170, 138, 104), (120, 92, 70))))
    wide = scene.wide + 0.02
    pen.shape(rectangle(-0.02, -0.02, wide, top), stone)
    front = top * rng.uniform(0.34, 0.5)
    pen.shape(rectangle(-0.02, -0.02, wide, front), darker(stone, 0.66))
    for _ in range(rng.randint(2, 5)):
        x = rng.uniform(0, scene.wide)
        pen.stroke([(x, front), (x + rng.uniform(-0.01, 0.01), 0)], darker(stone, 0.45), 0.003)
    if rng.random() < 0.5:
        x, cloth = (
            rng.uniform(0.1, 0.8) * scene.wide,
            scene.palette.lit(rng.choice(((196, 70, 60), (70, 96, 140), (230, 224, 206), (90, 120, 84)))),
        )
        pen.shape([
            (x - 0.16, top - 0.01), (x + 0.16, top - 0.012), (x + 0.2, front), (x + 0.15, front * 0.4),
            (x + 0.03, front * 0.7), (x - 0.1, front * 0.35), (x - 0.19, front),
        ], cloth)  # fmt: skip
