"""The demo collection on disk: balanced paintings, a table of what they show, and a few damaged files.

`write_collection` is deterministic: equal arguments give equal bytes with equal versions of NumPy and Pillow.
Pictures use the seeds from ``seed * SEED_STRIDE`` upwards, never a negative one: those belong to `training/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from strata.base.errors import StrataError
from strata.base.files import write_json
from strata.base.track import Track, no_track
from strata.demo.damaged import write_odd_files
from strata.demo.painting import paint
from strata.demo.vocabulary import DETAILS, MEDIA, MOODS, MOTIFS

DEFAULT_SEED = 20210301
DEFAULT_PICTURES = 320
LONG_SIDE_PX = 480
JPEG_QUALITY = 90
SEED_STRIDE = 1_000_000
MAX_DETAILS = 3
_PNG_EVERY = 64  # a few pictures are PNG, as in any real folder
# how often each kind of detail appears in a collection of 320; smaller ones in proportion, never below two
_INSTANCES = (12, 18)


@dataclass(frozen=True)
class Subject:
    """What one picture of the collection is going to show."""

    seed: int
    words: tuple[str, str, str]
    kinds: tuple[str, ...]


def plan_collection(seed: int, pictures: int) -> tuple[Subject, ...]:
    """Balance motifs, media and moods against each other and spread the details.

    Every motif meets every medium and mood equally often in each 160 pictures; the order is then shuffled.
    """
    if seed < 0:
        raise StrataError(f"demo seed {seed}: must be 0 or more (negative seeds are kept for training)")
    if not 1 <= pictures < SEED_STRIDE:
        raise StrataError(f"demo pictures {pictures}: must be 1 to {SEED_STRIDE - 1}")
    rng = Random(f"{seed}/plan")
    words: list[tuple[str, str, str]] = []
    for i in range(pictures):
        motif, k = i % len(MOTIFS), i // len(MOTIFS)
        medium, mood = k % len(MEDIA), (k // len(MEDIA) + k + motif) % len(MOODS)
        words.append((MOTIFS[motif], MEDIA[medium], MOODS[mood]))
    rng.shuffle(words)
    kinds: list[list[str]] = [[] for _ in range(pictures)]
    for kind in DETAILS:
        wanted = max(2, round(rng.randint(*_INSTANCES) * pictures / DEFAULT_PICTURES))
        free = [i for i in range(pictures) if len(kinds[i]) < MAX_DETAILS]
        for i in rng.sample(free, min(wanted, len(free))):
            kinds[i].append(kind)
    first = seed * SEED_STRIDE
    return tuple(
        Subject(first + i, three, tuple(own)) for i, (three, own) in enumerate(zip(words, kinds, strict=True))
    )


def write_collection(
    folder: Path,
    *,
    seed: int = DEFAULT_SEED,
    pictures: int = DEFAULT_PICTURES,
    damaged: bool = True,
    track: Track = no_track,
) -> None:
    """Draw the collection into `folder`: ``pictures/*.jpg|png`` and ``annotations.json``.

    The JSON holds ``pictures`` (id, file, width, height, motif, medium, mood, details with kind and pixel
    box) and ``odd`` (id, file, usable, what, and the motif, medium and mood of the usable ones). The table is
    written last, so a folder that has one is complete.
    """
    home = folder / "pictures"
    home.mkdir(parents=True, exist_ok=True)
    subjects = plan_collection(seed, pictures)
    digits = max(4, len(str(pictures)))
    rows: list[dict[str, Any]] = []
    for i, subject in enumerate(track(subjects, total=len(subjects), desc="draw")):
        picture = paint(subject.seed, LONG_SIDE_PX, *subject.words, subject.kinds)
        name = f"{i + 1:0{digits}d}"
        if i % _PNG_EVERY == _PNG_EVERY - 1:
            path = home / f"{name}.png"
            picture.image.save(path, compress_level=6)
        else:
            path = home / f"{name}.jpg"
            picture.image.save(path, quality=JPEG_QUALITY)
        words = {word: getattr(picture, word) for word in ("motif", "medium", "mood")}
        size = {"width": picture.image.width, "height": picture.image.height}
        details = [{"kind": kind, "box": list(box)} for kind, box in picture.details]
        rows.append({"id": name, "file": f"pictures/{path.name}", **size, **words, "details": details})
    odd = write_odd_files(home, (seed + 1) * SEED_STRIDE - 1) if damaged else []
    write_json(folder / "annotations.json", {"seed": seed, "pictures": rows, "odd": odd})
