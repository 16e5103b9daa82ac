"""Four media: what oil, ink, chalk and a woodcut make of the same colours and contours.

Every medium takes ``drawn : (H, W, 4) uint8`` (red, green, blue, line) and gives ``(H, W, 3) uint8``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

import numpy as np
import numpy.typing as npt

from strata.demo import textures
from strata.demo.textures import Floats, brush_strokes, paper_tooth, pen_hatching, texture_step, window

Bytes = npt.NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32) / 255.0


def render(drawn: Bytes, medium: str, rng: Random) -> Bytes:
    """Apply a medium to a drawing."""
    return _MEDIA[medium](drawn, rng)


def _oil(drawn: Bytes, rng: Random) -> Bytes:
    high, wide = drawn.shape[:2]
    scale = max(high, wide) / 480.0
    strokes = window(brush_strokes(texture_step(scale), rng.randrange(3)), high, wide, rng)
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
    step = texture_step(max(high, wide) / 480.0)
    dark = _stretched(_darkness(drawn), 0.62)
    ink = np.zeros((high, wide), np.float32)
    drag = 0.07 * window(brush_strokes(step, 2), high, wide, rng)
    for turn, threshold, gain in ((0, 0.34, 0.8), (1, 0.58, 0.8), (2, 0.78, 0.9)):
        hatch = window(pen_hatching(step, turn), high, wide, rng)
        # the pen lifts now and then: the threshold wanders with the streaks
        reach = dark - threshold + drag
        depth = np.clip(reach * gain + 0.15 * (reach > 0), 0.0, 0.5)
        np.maximum(ink, np.clip((depth - hatch) * 4.5 + 0.25 * (depth > 0), 0.0, 1.0), out=ink)
    tooth = window(paper_tooth(step), high, wide, rng)
    pen = 1.35 * _contour(drawn)
    ink = np.clip(np.maximum(ink * 0.82, pen) * (1.0 - 0.16 * tooth), 0.0, 1.0)
    paper = np.array(rng.choice(((246, 236, 212), (240, 226, 196), (248, 242, 226))), np.float32)
    stain = np.array(rng.choice(((44, 30, 24), (26, 26, 34), (78, 46, 26))), np.float32)
    sheet = paper * (1.0 + 0.025 * tooth)[..., None]
    wash = 0.2 * np.clip(dark - 0.35, 0.0, 1.0)
    cover = np.maximum(ink, wash)[..., None]
    return _to_bytes(_vignette(sheet + (stain - sheet) * cover, 0.1))


def _chalk(drawn: Bytes, rng: Random) -> Bytes:
    high, wide = drawn.shape[:2]
    step = texture_step(max(high, wide) / 480.0)
    paper = np.array(
        rng.choice(((122, 132, 142), (150, 132, 108), (96, 104, 100), (140, 118, 110))), np.float32
    )
    colour = drawn[..., :3].astype(np.float32)
    grey = colour @ (_LUMA * 255.0)
    tint = grey[..., None] + (0.45 + 0.2 * rng.random()) * (colour - grey[..., None])
    tooth = window(paper_tooth(step), high, wide, rng)
    drag = window(brush_strokes(step, 1), high, wide, rng)
    strength = np.abs(grey - float(paper @ _LUMA) * 255.0) * (1.0 / 105.0)
    cover = np.clip(0.28 + 0.75 * strength + 0.6 * tooth + 0.34 * drag, 0.04, 0.96)[..., None]
    sheet = paper * (1.0 + 0.05 * tooth)[..., None]
    page = sheet + (tint * 1.12 - sheet) * cover
    line = np.clip(1.5 * _contour(drawn) * (0.72 + 0.8 * tooth), 0.0, 0.92)[..., None]
    crayon = np.array(rng.choice(((40, 32, 30), (52, 36, 34), (110, 44, 30))), np.float32)
    return _to_bytes(_vignette(page + (crayon - page) * line, 0.12))


def _print(drawn: Bytes, rng: Random) -> Bytes:
    high, wide = drawn.shape[:2]
    step = texture_step(max(high, wide) / 480.0)
    dark = _stretched(_darkness(drawn), 0.6)
    tooth = window(paper_tooth(step), high, wide, rng)
    grain = window(brush_strokes(step, 0), high, wide, rng)
    dark += 0.05 * grain
    cut = window(
        textures.halftone_dots(step) if rng.random() < 0.5 else pen_hatching(step, 3), high, wide, rng
    )
    paper, flat, key = (np.array(c, np.float32) for c in rng.choice(_INKS))
    page = np.empty((high, wide, 3), np.float32)
    page[:] = paper
    # the second block: half tone between light and dark, solid above
    speckle = np.clip(1.0 - 0.22 * (tooth > 0.55), 0.0, 1.0)
    second = np.clip((dark - 0.26 - 0.3 * cut) * 14.0, 0.0, 1.0) * speckle
    page += (flat - page) * second[..., None]
    black = np.clip((dark - 0.56 - 0.26 * cut) * 14.0, 0.0, 1.0)
    line = np.clip(2.2 * _contour(drawn) - 0.25, 0.0, 1.0)
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


def _darkness(drawn: Bytes) -> Floats:
    """(H, W) darkness of the colours, 0 (white) to 1 (black)."""
    luma: Floats = drawn[..., :3].astype(np.float32) @ _LUMA
    dark: Floats = np.float32(1.0) - luma
    return dark


def _contour(drawn: Bytes) -> Floats:
    """(H, W) strength of the drawn line, 0 to 1."""
    return drawn[..., 3].astype(np.float32) / np.float32(255.0)


def _stretched(dark: Floats, share: float) -> Floats:
    """Darkness moved towards the full tonal range, so that a night in ink still has whites."""
    low, high = np.quantile(dark[::6, ::6], (0.06, 0.96))
    full = (dark - low) / max(float(high - low), 0.15)
    stretched: Floats = (dark + share * (full * 0.9 - dark)).astype(np.float32)
    return stretched


@lru_cache(maxsize=64)
def _corner_shade(high: int, wide: int) -> Floats:
    y = np.linspace(-1, 1, high, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, wide, dtype=np.float32)[None, :] ** 2
    shade: Floats = (0.25 * (x + y) ** 2)[..., None].astype(np.float32)
    return shade


def _vignette(page: Floats, depth: float) -> Floats:
    shaded: Floats = page * (1.0 - np.float32(depth) * _corner_shade(page.shape[0], page.shape[1]))
    return shaded


def _to_bytes(page: Floats) -> Bytes:
    quantised: Bytes = np.clip(page, 0.0, 255.0).astype(np.uint8)
    return quantised


_MEDIA: dict[str, Callable[[Bytes, Random], Bytes]] = {
    "oil": _oil,
    "ink": _ink,
    "chalk": _chalk,
    "print": _print,
}
