"""JPEG pictures as heavy as photographs, drawn from a seed.

A photograph's spectrum falls with one over the frequency, and that is what a JPEG decoder's time depends on:
colour noise of such a spectrum, with a few shapes for hard edges, makes files as large as a camera's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

QUALITY = 90
CONTRAST = 40.0  # standard deviation of the brightness, of 255
COLOUR = 0.35  # the colours' contrast, as a share of the brightness's
FALL = 1.25  # exponent of the spectrum: 1 is harsh, 1.5 is smooth
SHAPES = 12

Floats = npt.NDArray[np.float32]


def draw_pictures(folder: Path, count: int, size: tuple[int, int] = (1024, 768)) -> list[Path]:
    """``count`` pictures of ``size`` (width, height) under ``folder``, in the order of their names.

    Picture i is the same on every call; those that are there already stay.
    """
    own = folder / f"{size[0]}x{size[1]}"
    own.mkdir(parents=True, exist_ok=True)
    paths = [own / f"{number:06d}.jpg" for number in range(count)]
    falling = _falling(size)
    for number, path in enumerate(paths):
        if not path.is_file():
            part = path.with_suffix(".part")
            _draw(number, size, falling).save(part, "JPEG", quality=QUALITY)
            part.rename(path)
    return paths


def find_pictures(pictures: Path | None, folder: Path, count: int) -> list[Path]:
    """The first ``count`` JPEG files of the folder ``pictures``, by name; without it, drawn ones.

    Raises ValueError when there are too few.
    """
    if pictures is None:
        return draw_pictures(folder, count)
    found = sorted(path for path in pictures.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if len(found) < count:
        raise ValueError(f"{pictures}: {len(found)} JPEG pictures, {count} are needed")
    return found[:count]


def _falling(size: tuple[int, int]) -> Floats:
    """(height, width // 2 + 1): what every frequency is multiplied with."""
    across = np.fft.rfftfreq(size[0])[None, :]
    down = np.fft.fftfreq(size[1])[:, None]
    frequency = np.hypot(across, down)
    frequency[0, 0] = np.inf  # no mean
    return np.asarray(frequency**-FALL, np.float32)


def _draw(number: int, size: tuple[int, int], falling: Floats) -> Image.Image:
    random = np.random.default_rng(number)
    bright, *colours = (_noise(random, size, falling) for _ in range(3))
    red, blue = (COLOUR * colour for colour in colours)
    channels = np.stack([bright + red, bright - (red + blue) / 2, bright + blue], axis=-1)
    pixels = np.clip(127.5 + CONTRAST * channels, 0, 255).astype(np.uint8)
    return _shapes(random, Image.fromarray(pixels))


def _noise(random: np.random.Generator, size: tuple[int, int], falling: Floats) -> Floats:
    """(height, width) of mean 0 and standard deviation 1."""
    white = random.standard_normal((2, *falling.shape), dtype=np.float32)
    noise = np.fft.irfft2((white[0] + 1j * white[1]) * falling, s=(size[1], size[0]))
    return np.asarray(noise / noise.std(), np.float32)


def _shapes(random: np.random.Generator, picture: Image.Image) -> Image.Image:
    """Half-transparent ellipses and boxes over the picture."""
    draw = ImageDraw.Draw(picture, "RGBA")
    for _ in range(SHAPES):
        x, y = random.uniform(0, picture.width), random.uniform(0, picture.height)
        wide, high = (random.uniform(1 / 50, 1 / 4) * side for side in picture.size)
        form = draw.ellipse if random.random() < 0.5 else draw.rectangle
        form((x, y, x + wide, y + high), fill=(*map(int, random.integers(0, 256, 3)), 90))
    return picture
