"""Four media: what oil, ink, chalk and a woodcut make of the same colours and contours.

Every medium takes ``drawn : (H, W, 4) uint8`` (red, green, blue, line) and gives ``(H, W, 3) uint8``. Textures are
drawn once a scale and cached; a picture takes a random window of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_TILE = 1024
_LUMA = np.array([0.299, 0.587, 0.114], np.float32) / 255.0


def render(drawn: Bytes, medium: str, rng: Random) -> Bytes:
    """Apply a medium to a drawing."""
    return _MEDIA[medium](drawn, rng)


def _oil(drawn: Bytes, rng: Random) -> Bytes:
    high, wide = drawn.shape[:2]
    scale = max(high, wide) / 480.0
    strokes = _window(_strokes(_grade(scale), rng.randrange(3)), high, wide, rng)
    # the brush drags colour along: look up each pixel a little off, by the stroke under it
    drag = (strokes * (2.4 * scale)).astype(np.int32)
    rows = np.clip(np.arange(high, dtype=np.int32)[:, None] + drag, 0, high - 1)
    cols = np.clip(np.arange(wide, dtype=np.int32)[None, :] - drag, 0, wide - 1)
    packed = np.ascontiguousarray(drawn).view(np.uint32)[..., 0]
    moved = packed.ravel()[rows * wide + cols].view(np.uint8).reshape(high, wide, 4)
    colour = moved[..., :3].astype(np.float32)
    grey = colour @ (_LUMA * 255.0)
    colour += 0.38 * (colour - grey[..., None])
    relief = strokes - np.roll(strokes, 1, 0)
    colour *= (1.0 + 0.11 * strokes + 0.2 * relief)[..., None]
    colour += np.array([5.0, 1.0, -7.0], np.float32)
    return _to_bytes(_vignette(colour, 0.22))


def _ink(drawn: Bytes, rng: Random) -> Bytes:
    high, wide = drawn.shape[:2]
    scale = max(high, wide) / 480.0
    grade = _grade(scale)
    dark = _stretched(1.0 - drawn[..., :3].astype(np.float32) @ _LUMA, 0.62)
    ink = np.zeros((high, wide), np.float32)
    drag = 0.07 * _window(_strokes(grade, 2), high, wide, rng)
    for turn, threshold, gain in ((0, 0.34, 0.8), (1, 0.58, 0.8), (2, 0.78, 0.9)):
        hatch = _window(_hatching(grade, turn), high, wide, rng)
        # the pen lifts now and then: the threshold wanders with the streaks
        reach = dark - threshold + drag
        depth = np.clip(reach * gain + 0.15 * (reach > 0), 0.0, 0.5)
        np.maximum(ink, np.clip((depth - hatch) * 4.5 + 0.25 * (depth > 0), 0.0, 1.0), out=ink)
    tooth = _window(_tooth(grade), high, wide, rng)
    pen = drawn[..., 3].astype(np.float32) * (1.35 / 255.0)
    ink = np.clip(np.maximum(ink * 0.82, pen) * (1.0 - 0.16 * tooth), 0.0, 1.0)
    paper = np.array(rng.choice(((246, 236, 212), (240, 226, 196), (248, 242, 226))), np.float32)
    stain = np.array(rng.choice(((44, 30, 24), (26, 26, 34), (78, 46, 26))), np.float32)
    sheet = paper * (1.0 + 0.025 * tooth)[..., None]
    wash = 0.2 * np.clip(dark - 0.35, 0.0, 1.0)
    cover = np.maximum(ink, wash)[..., None]
    return _to_bytes(_vignette(sheet + (stain - sheet) * cover, 0.1))


def _chalk(drawn: Bytes, rng: Random) -> Bytes:
    high, wide = drawn.shape[:2]
    scale = max(high, wide) / 480.0
    grade = _grade(scale)
    paper = np.array(
        rng.choice(((122, 132, 142), (150, 132, 108), (96, 104, 100), (140, 118, 110))), np.float32
    )
    colour = drawn[..., :3].astype(np.float32)
    grey = colour @ (_LUMA * 255.0)
    tint = grey[..., None] + (0.45 + 0.2 * rng.random()) * (colour - grey[..., None])
    tooth = _window(_tooth(grade), high, wide, rng)
    drag = _window(_strokes(grade, 1), high, wide, rng)
    strength = np.abs(grey - float(paper @ _LUMA) * 255.0) * (1.0 / 105.0)
    cover = np.clip(0.28 + 0.75 * strength + 0.6 * tooth + 0.34 * drag, 0.04, 0.96)[..., None]
    sheet = paper * (1.0 + 0.05 * tooth)[..., None]
    page = sheet + (tint * 1.12 - sheet) * cover
    line = np.clip(drawn[..., 3].astype(np.float32) * (1.5 / 255.0) * (0.72 + 0.8 * tooth), 0.0, 0.92)[
        ..., None
    ]
    crayon = np.array(rng.choice(((40, 32, 30), (52, 36, 34), (110, 44, 30))), np.float32)
    return _to_bytes(_vignette(page + (crayon - page) * line, 0.12))


def _print(drawn: Bytes, rng: Random) -> Bytes:
    high, wide = drawn.shape[:2]
    scale = max(high, wide) / 480.0
    grade = _grade(scale)
    dark = _stretched(1.0 - drawn[..., :3].astype(np.float32) @ _LUMA, 0.6)
    tooth = _window(_tooth(grade), high, wide, rng)
    grain = _window(_strokes(grade, 0), high, wide, rng)
    dark += 0.05 * grain
    cut = _window(_dots(grade) if rng.random() < 0.5 else _hatching(grade, 3), high, wide, rng)
    paper, flat, key = (np.array(c, np.float32) for c in rng.choice(_INKS))
    page = np.empty((high, wide, 3), np.float32)
    page[:] = paper
    # the second block: half tone between light and dark, solid above
    second = np.clip((dark - 0.26 - 0.3 * cut) * 14.0, 0.0, 1.0) * np.clip(
        1.0 - 0.22 * (tooth > 0.55), 0.0, 1.0
    )
    page += (flat - page) * second[..., None]
    black = np.clip((dark - 0.56 - 0.26 * cut) * 14.0, 0.0, 1.0)
    line = np.clip(drawn[..., 3].astype(np.float32) * (2.2 / 255.0) - 0.25, 0.0, 1.0)
    press = np.maximum(black, line) * (1.0 - 0.3 * (tooth > 0.62))
    page += (key - page) * press[..., None]
    return _to_bytes(page)


# paper, second block, key block
_INKS = (
    ((240, 228, 200), (214, 150, 82), (32, 26, 28)),
    ((238, 232, 214), (120, 164, 160), (24, 32, 48)),
    ((244, 234, 210), (200, 92, 66), (36, 26, 28)),
    ((236, 232, 208), (148, 164, 96), (34, 36, 28)),
    ((236, 226, 214), (150, 150, 156), (22, 22, 26)),
)


def _stretched(dark: Floats, share: float) -> Floats:
    """Darkness moved towards the full tonal range, so that a night in ink still has whites."""
    low, high = np.quantile(dark[::6, ::6], (0.06, 0.96))
    full = (dark - low) / max(float(high - low), 0.15)
    stretched: Floats = (dark + share * (full * 0.9 - dark)).astype(np.float32)
    return stretched


def _grade(scale: float) -> int:
    """Texture scale in quarters, so that a handful of tiles serves every picture size."""
    return max(1, round(scale * 4))


@lru_cache(maxsize=16)
def _tooth(grade: int) -> Floats:
    """Paper grain in about -1..1."""
    noise = _noise(11 + grade, _TILE)
    fine = _blur(noise, 0.8 * grade / 4)
    coarse = _blur(_noise(17 + grade, _TILE), 2.2 * grade / 4)
    return _normalise(fine + 0.6 * coarse)


@lru_cache(maxsize=32)
def _strokes(grade: int, kind: int) -> Floats:
    """Streaks of a brush, about -1..1; kind 0 runs across, 1 falls to the right, 2 rises."""
    noise = Image.fromarray(np.asarray(_noise(29 + kind, 2 * _TILE) * 40 + 128).clip(0, 255).astype(np.uint8))
    length, thick = 18 * grade / 4, 1.5 * grade / 4
    small = noise.resize(
        (max(8, round(2 * _TILE / length)), max(8, round(2 * _TILE / thick))), Image.Resampling.BOX
    )
    streaks = small.resize((2 * _TILE, 2 * _TILE), Image.Resampling.BICUBIC).rotate(
        (0, 28, -24)[kind], Image.Resampling.BILINEAR
    )
    wide = np.asarray(streaks, np.float32)
    # a hand does not rule its strokes: bend them along slow waves
    sway = (_normalise(_blur(_noise(53 + kind, _TILE), 34.0 * grade / 4)) * (26.0 * grade / 4)).astype(
        np.int32
    )
    ys, xs = np.mgrid[0:_TILE, 0:_TILE]
    return _normalise(wide[ys + sway + _TILE // 2, xs - sway // 2 + _TILE // 2])


@lru_cache(maxsize=32)
def _hatching(grade: int, turn: int) -> Floats:
    """Distance from the nearest pen line, 0 (on it) to 1 (midway); turn 0..3 gives its direction."""
    period = max(2.6, 5.2 * grade / 4)
    dx, dy = ((0.71, 0.71), (0.95, 0.31), (0.62, -0.78), (0.1, 0.995))[turn]
    ys, xs = np.mgrid[0:_TILE, 0:_TILE].astype(np.float32)
    wobble = _normalise(_blur(_noise(41 + turn, _TILE), 7.0 * grade / 4)) * (0.55 * period)
    phase = (xs * dx + ys * dy + wobble) / period
    return (np.abs(phase - np.round(phase)) * 2.0).astype(np.float32)


@lru_cache(maxsize=16)
def _dots(grade: int) -> Floats:
    """A halftone screen, 0 at dot centres to 1 between them."""
    period = max(3.0, 5.0 * grade / 4)
    ys, xs = np.mgrid[0:_TILE, 0:_TILE].astype(np.float32)
    u, v = (xs + ys) * (np.pi / period / 1.414), (xs - ys) * (np.pi / period / 1.414)
    return (1.0 - np.abs(np.cos(u) * np.cos(v))).astype(np.float32)


@lru_cache(maxsize=64)
def _corner_shade(high: int, wide: int) -> Floats:
    y = np.linspace(-1, 1, high, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, wide, dtype=np.float32)[None, :] ** 2
    return (0.25 * (x + y) ** 2)[..., None].astype(np.float32)


def _vignette(page: Floats, depth: float) -> Floats:
    return page * (1.0 - depth * _corner_shade(page.shape[0], page.shape[1]))


def _window(tile: Floats, high: int, wide: int, rng: Random) -> Floats:
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
            total = np.cumsum(
                np.concatenate([field, np.take(field, range(width), axis)], axis), axis, dtype=np.float64
            )
            ahead = np.take(total, range(width, field.shape[axis] + width), axis)
            field = ((ahead - np.take(total, range(field.shape[axis]), axis)) / width).astype(np.float32)
    return field


def _normalise(field: Floats) -> Floats:
    spread = (field - field.mean()) / (2.0 * field.std() + 1e-9)
    return np.clip(spread, -1.0, 1.0).astype(np.float32)


def _to_bytes(page: Floats) -> Bytes:
    return np.clip(page, 0.0, 255.0).astype(np.uint8)


_MEDIA: dict[str, Callable[[Bytes, Random], Bytes]] = {
    "oil": _oil,
    "ink": _ink,
    "chalk": _chalk,
    "print": _print,
}
