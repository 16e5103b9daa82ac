"""One painting from one seed: scene, motif, details, medium."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image

from strata.demo import details as small
from strata.demo import motifs, scenes, skies
from strata.demo.creatures import bird
from strata.demo.media import render
from strata.demo.palettes import palette_of
from strata.demo.surface import SUPERSAMPLE, Pen, new_surface
from strata.demo.vocabulary import DETAILS, MEDIA, MOODS, MOTIFS

Box = tuple[float, float, float, float]
_SHAPES = (4 / 3, 4 / 3, 3 / 2, 1.0, 7 / 6, 3 / 4, 4 / 5, 16 / 9)


@dataclass(frozen=True)
class Variation:
    """How much the small details vary: ``smallest`` to ``largest`` share of the long side, turned by up to
    ``tilt`` radians in ``tilted`` of the cases and ``tumble`` in the others, ``mirrored`` in that share."""

    smallest: float
    largest: float
    tilt: float
    tilted: float
    tumble: float
    mirrored: float


# The networks learnt from details that vary widely (another range would make other weights of the same
# script); a collection's are larger and steadier, or a 96 px view would not show enough of them to be found.
IN_TRAINING = Variation(0.08, 0.2, 0.25, 0.7, 1.0, 0.5)
IN_COLLECTIONS = Variation(0.16, 0.3, 0.12, 0.8, 0.6, 0.25)


@dataclass(frozen=True)
class Painting:
    """A finished picture and all that is known about it.

    ``details`` holds (kind, (x0, y0, x1, y1)) with boxes in pixels of ``image``, tight around what was drawn.
    """

    image: Image.Image
    motif: str
    medium: str
    mood: str
    details: tuple[tuple[str, Box], ...]


def draw_painting(seed: int, *, size_px: int, details: int | None = None) -> Painting:
    """Draw the painting of a seed, which chooses motif, medium and mood.

    Parameters
    ----------
    seed : any integer. Collections use seeds from 0 upwards, training negative ones: the two never meet.
    size_px : the long side, 32 or more.
    details : how many different small details, 0..10; by default 0 to 3.

    The composition does not depend on ``details``: a seed drawn with 0 and with 2 differs only in them.
    """
    rng = _stream(seed, "subject")
    motif, medium, mood = rng.choice(MOTIFS), rng.choice(MEDIA), rng.choice(MOODS)
    count = rng.choice((0, 0, 1, 1, 2, 3)) if details is None else details
    if not 0 <= count <= len(DETAILS):
        raise ValueError(f"details must be 0..{len(DETAILS)}, not {count}")
    kinds = tuple(_stream(seed, "kinds").sample(DETAILS, count))
    return paint(seed, size_px, motif, medium, mood, kinds, IN_TRAINING)


def paint(
    seed: int,
    size_px: int,
    motif: str,
    medium: str,
    mood: str,
    kinds: tuple[str, ...],
    variation: Variation = IN_COLLECTIONS,
) -> Painting:
    """Draw one painting with everything but the composition given.

    motif, medium, mood, kinds : words of `strata.demo.vocabulary`; ValueError for any other.
    """
    given = ((motif, MOTIFS), (medium, MEDIA), (mood, MOODS), *((kind, DETAILS) for kind in kinds))
    for word, words in given:
        if word not in words:
            raise ValueError(f"unknown word {word!r}: expected one of {', '.join(words)}")
    if size_px < 32:
        raise ValueError(f"size_px must be 32 or more, not {size_px}")
    rng = _stream(seed, "composition")
    shape = rng.choice(_SHAPES) * rng.uniform(0.95, 1.05)
    wide, high = (1.0, 1.0 / shape) if shape >= 1 else (shape, 1.0)
    surface, pen = new_surface(max(16, round(wide * size_px)), max(16, round(high * size_px)))
    palette = palette_of(mood, rng)
    scene = scenes.plan_scene(motif, mood, palette, wide, high, rng)

    skies.fill_sky(surface, palette, scene.horizon / high)
    skies.paint_sky(pen, mood, palette, _stream(seed, "sky"), wide, high, scene.horizon)
    scenes.paint_ground(pen, scene, _stream(seed, "ground"))
    core = _paint_motif(pen, scene, motif, rng)
    scenes.paint_front(pen, scene, _stream(seed, "front"))
    boxes = _paint_details(pen, scene, kinds, variation, core, surface.size, _stream(seed, "details"))
    skies.paint_weather(pen, mood, palette, _stream(seed, "weather"), wide, high, scene.horizon)

    drawn = np.asarray(surface.reduce(SUPERSAMPLE))
    image = Image.fromarray(render(drawn, medium, _stream(seed, "medium")))
    return Painting(image, motif, medium, mood, tuple(zip(kinds, boxes, strict=True)))


def _stream(seed: int, part: str) -> Random:
    """An independent stream of random numbers for one part of one painting."""
    return Random(f"{seed}/{part}")


def _paint_motif(pen: Pen, scene: scenes.Scene, motif: str, rng: Random) -> tuple[float, float, float]:
    """Draw the motif; gives (x, y, radius) of its heart, which details leave free, in units."""
    unit = motifs.UNIT[motif] * min(scene.high, 1.2 * scene.wide) * rng.uniform(0.72, 1.08)
    unit = min(unit, 0.98 * (scene.high - scene.foot)) if motif not in ("bridge", "fish") else unit
    stretch = rng.uniform(0.88, 1.14)
    width = unit * stretch
    room = max(0.0, scene.wide - 0.9 * width) / 2
    x = scene.wide / 2 + rng.uniform(-room, room)
    y, angle = scene.foot, rng.uniform(-0.035, 0.035)
    mirror = rng.random() < 0.5
    aloft = motif in ("fish", "bird") and scene.ground != "ledge" and (motif == "fish" or rng.random() < 0.5)
    if scene.mood == "stormy":
        angle *= 3.5
    if aloft:
        y = scene.foot + rng.uniform(0.05, 0.4) * max(0.1, scene.high - scene.foot - 0.8 * unit)
        angle = rng.uniform(-0.5, 0.5)
    elif motif == "fish":
        y -= 0.16 * unit
    else:
        scenes.paint_stand(pen, scene, rng, motif, x, width)
    if motif == "bridge" and scene.ground != "sea":
        y -= 0.02
    body = pen.at(x, y, unit, stretch=stretch, angle=angle, mirror=mirror)
    if motif == "bird":
        bird(body, scene.palette, rng, flying=aloft)
    else:
        motifs.DRAW[motif](body, scene.palette, rng)
    middle = 0.2 if motif == "bridge" else 0.4
    return x, y + middle * unit, 0.3 * unit


def _paint_details(
    pen: Pen,
    scene: scenes.Scene,
    kinds: tuple[str, ...],
    variation: Variation,
    core: tuple[float, float, float],
    surface_px: tuple[int, int],
    rng: Random,
) -> list[Box]:
    """Draw the details clear of the motif's heart and of each other; gives their boxes in picture pixels."""
    boxes: list[Box] = []
    taken = [core]
    for kind in kinds:
        size = rng.uniform(variation.smallest, variation.largest)
        reach = 0.6 * size
        best, spare = (scene.wide / 2, scene.high / 2), -1e9
        for attempt in range(24):
            ceiling = scene.high * (0.7 if attempt < 16 else 1.0)
            x, y = rng.uniform(reach, scene.wide - reach), rng.uniform(reach, max(reach, ceiling - reach))
            gap = min(((x - tx) ** 2 + (y - ty) ** 2) ** 0.5 - tr - reach for tx, ty, tr in taken)
            if gap > spare:
                best, spare = (x, y), gap
            if gap > 0:
                break
        taken.append((*best, 0.8 * reach))
        most = variation.tilt if rng.random() < variation.tilted else variation.tumble
        turn = rng.uniform(-most, most)
        tile = pen.at(*best, size, angle=turn, mirror=rng.random() < variation.mirrored, fresh_extent=True)
        small.DRAW[kind](tile, scene.palette, rng)
        boxes.append(_picture_box(tile.extent, surface_px))
    return boxes


def _picture_box(extent: list[float], surface_px: tuple[int, int]) -> Box:
    inside = np.clip(extent, 0.0, [*surface_px, *surface_px]).tolist()
    x0, y0, x1, y1 = (round(side / SUPERSAMPLE, 1) for side in inside)
    return x0, y0, x1, y1
