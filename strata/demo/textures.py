"""Textures of the media: paper grain, brush strokes, pen hatching, halftone dots.

Each is drawn once for a scale and cached; a picture takes a random window of it.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]

_TILE = 1024


def texture_step(scale: float) -> int:
    """Texture scale in quarters, so that a handful of tiles serves every picture size."""
    return max(1, round(scale * 4))


@lru_cache(maxsize=16)
def paper_tooth(step: int) -> Floats:
    """Paper grain in about -1..1."""
    noise = _noise(11 + step, _TILE)
    fine = _blur(noise, 0.8 * step / 4)
    coarse = _blur(_noise(17 + step, _TILE), 2.2 * step / 4)
    return _normalise(fine + 0.6 * coarse)


@lru_cache(maxsize=32)
def brush_strokes(step: int, kind: int) -> Floats:
    """Streaks of a brush, about -1..1; kind 0 runs across, 1 falls to the right, 2 rises."""
    noise = Image.fromarray(np.asarray(_noise(29 + kind, 2 * _TILE) * 40 + 128).clip(0, 255).astype(np.uint8))
    length, thick = 18 * step / 4, 1.5 * step / 4
    cells = max(8, round(2 * _TILE / length)), max(8, round(2 * _TILE / thick))
    small = noise.resize(cells, Image.Resampling.BOX)
    streaks = small.resize((2 * _TILE, 2 * _TILE), Image.Resampling.BICUBIC)
    wide = np.asarray(streaks.rotate((0, 28, -24)[kind], Image.Resampling.BILINEAR), np.float32)
    # a hand does not rule its strokes: bend them along slow waves
    sway = (_normalise(_blur(_noise(53 + kind, _TILE), 34.0 * step / 4)) * (26.0 * step / 4)).astype(np.int32)
    ys, xs = np.mgrid[0:_TILE, 0:_TILE]
    return _normalise(wide[ys + sway + _TILE // 2, xs - sway // 2 + _TILE // 2])


@lru_cache(maxsize=32)
def pen_hatching(step: int, turn: int) -> Floats:
    """Distance from the nearest pen line, 0 (on it) to 1 (midway); turn 0..3 gives its direction."""
    period = max(2.6, 5.2 * step / 4)
    dx, dy = ((0.71, 0.71), (0.95, 0.31), (0.62, -0.78), (0.1, 0.995))[turn]
    ys, xs = np.mgrid[0:_TILE, 0:_TILE].astype(np.float32)
    wobble = _normalise(_blur(_noise(41 + turn, _TILE), 7.0 * step / 4)) * (0.55 * period)
    phase = (xs * dx + ys * dy + wobble) / period
    distance: Floats = (np.abs(phase - np.round(phase)) * 2.0).astype(np.float32)
    return distance


@lru_cache(maxsize=16)
def halftone_dots(step: int) -> Floats:
    """A halftone screen, 0 at dot centres to 1 between them."""
    period = max(3.0, 5.0 * step / 4)
    ys, xs = np.mgrid[0:_TILE, 0:_TILE].astype(np.float32)
    u, v = (xs + ys) * (np.pi / period / 1.414), (xs - ys) * (np.pi / period / 1.414)
    screen: Floats = (1.0 - np.abs(np.cos(u) * np.cos(v))).astype(np.float32)
    return screen


def window(tile: Floats, high: int, wide: int, rng: Random) -> Floats:
    """A random window of a texture; pictures longer than the tile see it mirrored."""
    if high > _TILE or wide > _TILE:
        tile = np.pad(tile, ((0, max(0, high - _TILE)), (0, max(0, wide - _TILE))), mode="reflect")
    top, left = rng.randint(0, tile.shape[0] - high), rng.randint(0, tile.shape[1] - wide)
    return tile[top : top + high, left : left + wide]


def _noise(seed: int, side: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((side, side), dtype=np.float32)


def _blur(field: Floats, radius: float) -> Floats:
    """Gaussian-like blur by three wrapped box passes along each axis."""
    width = max(1, round(2 * radius))
    if width < 2:
        return field
    for axis in (0, 1):
        for _ in range(2):
            wrapped = np.concatenate([field, np.take(field, range(width), axis)], axis)
            total = np.cumsum(wrapped, axis, dtype=np.float64)
            ahead = np.take(total, range(width, field.shape[axis] + width), axis)
            field = ((ahead - np.take(total, range(field.shape[axis]), axis)) / width).astype(np.float32)
    return field


def _normalise(field: Floats) -> Floats:
    spread = (field - field.mean()) / (2.0 * field.std() + 1e-9)
    bounded: Floats = np.clip(spread, -1.0, 1.0).astype(np.float32)
    return bounded
