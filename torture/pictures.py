"""Damaged pictures: each decodes to Pillow's pixels or is rejected with one line, and takes bounded memory.

The pictures are made here, in every format the reader takes, and damaged by a seeded generator: bytes
changed, removed, doubled, exchanged, the end cut off, numbers of the header made large.

    python -m torture.pictures [SECONDS] [SEED]
"""

from __future__ import annotations

import io
import random
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from strata.collection.headers import Header, read_header, readable_formats
from strata.maps.views import Picture, PictureError, decode_picture

STRIP_PIXELS = 1 << 20  # compared at a time
MOST_BYTES = 3 * 2**30  # what all of it may take
MODES = ("RGB", "L", "RGBA", "P", "CMYK", "1", "LA", "I;16")
DEEP = ("I", "F")  # and I;16: scaled by the declared depth here, clipped by Pillow
BIG = (0, 0x7F, 0x80, 0xFF)


def run(seed: int, until: float) -> tuple[int, list[str]]:
    """Damage pictures until the monotonic clock says ``until``: tries, and a line a failure."""
    rng = random.Random(seed)
    originals = made(rng)
    tries, failures = 0, []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while time.monotonic() < until:
            name = rng.choice(list(originals))
            data = damaged(originals[name], rng)
            tries += 1
            if fault := fault_of(data, Path(folder) / "picture"):
                failures.append(f"pictures: seed {seed}, try {tries}, {name}: {fault}")
    return tries, failures


def made(rng: random.Random) -> dict[str, bytes]:
    """Pictures of every format and mode that this Pillow can write, by a name for each."""
    noise = np.random.default_rng(rng.randrange(2**32))
    shade = np.linspace(0, 255, 48 * 36 * 3).reshape(36, 48, 3)
    picture = Image.fromarray(np.clip(shade + noise.normal(0, 20, shade.shape), 0, 255).astype(np.uint8))
    deep = Image.fromarray(noise.integers(0, 2**16, (36, 48), dtype=np.uint16))
    found = {}
    for kind in readable_formats():
        for mode in MODES:
            stream = io.BytesIO()
            try:
                (deep if mode == "I;16" else picture.convert(mode)).save(stream, kind)
            except (OSError, ValueError, KeyError):
                continue  # not every format has every mode
            found[f"{kind} {mode}"] = stream.getvalue()
    exif = Image.Exif()
    exif[274] = 6
    for name, options in (
        ("progressive", {"progressive": True}),
        ("turned", {"exif": exif.tobytes()}),
        ("profile", {"icc_profile": bytes(range(256)) * 300}),
        ("restarts", {"restart_marker_blocks": 2}),
    ):
        stream = io.BytesIO()
        picture.save(stream, "JPEG", **options)
        found[f"JPEG {name}"] = stream.getvalue()
    return found


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The file with one to four kinds of damage."""
    for _ in range(rng.randint(1, 4)):
        data = rng.choice(DAMAGES)(data, rng) or b"\0"
    return data


def _bytes(data: bytes, rng: random.Random) -> bytes:
    new = bytearray(data)
    near = len(new) if rng.random() < 0.5 else min(len(new), 120)  # the header is where it hurts
    for _ in range(rng.randint(1, 6)):
        new[rng.randrange(near)] = rng.choice(BIG) if rng.random() < 0.4 else rng.randrange(256)
    return bytes(new)


def _bit(data: bytes, rng: random.Random) -> bytes:
    new = bytearray(data)
    new[rng.randrange(len(new))] ^= 1 << rng.randrange(8)
    return bytes(new)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _removed(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randint(1, 40) :]


def _doubled(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start : start + rng.randint(1, 40)] + data[start:]


def _number(data: bytes, rng: random.Random) -> bytes:
    """Four bytes become a number as large as they can hold, or nearly."""
    start = rng.randrange(min(len(data), 200))
    number = rng.choice((2**32 - 1, 2**31 - 1, 2**31, 2**32 - 127, 2**16, 65535, 0))
    return data[:start] + number.to_bytes(4, rng.choice(("big", "little"))) + data[start + 4 :]


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _bytes,
    _bytes,
    _bit,
    _cut,
    _removed,
    _doubled,
    _number,
)


def fault_of(data: bytes, path: Path) -> str:
    """What is wrong with how these bytes are read; empty where nothing is."""
    path.write_bytes(data)
    try:
        header = read_header(path)
        try:
            seen: Picture | None = decode_picture(data)
        except PictureError as error:
            seen = None
            if not str(error) or "\n" in str(error):
                return f"a reason of no or several lines: {error!r}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"escaped: {error!r}"
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MOST_BYTES:
        return f"more than {MOST_BYTES / 2**30:.0f} GiB of memory"
    return _header_fault(header, seen) or _pixel_fault(data, seen)


def _header_fault(header: Header, seen: Picture | None) -> str:
    if "\n" in header.status or max(header.width or 0, header.height or 0) >= 2**31:
        return f"a header the tables cannot hold: {header}"
    if seen is not None and header.status != "ok":
        return f"decoded, but its header is refused: {header.status}"
    return ""


def _pixel_fault(data: bytes, seen: Picture | None) -> str:
    """Where Pillow decodes grey of 8 bits or colour, the pixels are Pillow's."""
    if seen is None:
        return ""
    try:
        with Image.open(io.BytesIO(data), formats=readable_formats()) as image:
            image.load()
            if image.mode in DEEP or image.mode.startswith("I;16") or image.format == "JPEG2000":
                return ""
            same = seen.shape == (image.height, image.width, 3) and all(
                np.array_equal(seen[top : top + rows], np.asarray(part.convert("RGB")))
                for top, rows, part in _strips(image)
            )
    except (UnidentifiedImageError, Exception) as error:
        return f"decoded, but not by Pillow: {error!r}"
    return "" if same else "other pixels than Pillow's"


def _strips(image: Image.Image) -> Iterator[tuple[int, int, Image.Image]]:
    """First row, rows and pixels, a few at a time: what is compared takes less memory than the picture."""
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield top, bottom - top, image.crop((0, top, image.width, bottom))


def main() -> None:
    """Run for some seconds, print what was found, and fail where anything was."""
    seconds, seed = (float(sys.argv[1]) if sys.argv[1:] else 60.0), int(sys.argv[2] if sys.argv[2:] else 1)
    tries, failures = run(seed, time.monotonic() + seconds)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        *failures[:20], f"{tries} pictures, {len(failures)} failures, {most:.2f} GiB, seed {seed}", sep="\n"
    )
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
