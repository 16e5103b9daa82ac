"""Captions: every sentence that training may show, with what it claims about a picture.

A picture satisfies a caption when all that the caption claims holds, whatever else the picture shows; each
such pair is a positive. (Treating only the caption drawn for a picture as its positive would push apart every
other picture of the same motif.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.demo.vocabulary import (
    DETAILS,
    MEDIA,
    MEDIUM_DESCRIPTIONS,
    MOOD_DESCRIPTIONS,
    MOODS,
    MOTIF_DESCRIPTIONS,
    MOTIF_SYNONYMS,
    MOTIFS,
)


@dataclass(frozen=True)
class Caption:
    """A sentence and its claims: indices into the vocabulary, None where it claims nothing."""

    text: str
    motif: int | None = None
    medium: int | None = None
    mood: int | None = None
    detail: int | None = None


NOUNS: dict[str, tuple[str, ...]] = {
    "oil": ("oil painting", "oil"),
    "ink": ("ink drawing", "pen drawing", "ink"),
    "chalk": ("chalk drawing", "chalk"),
    "print": ("woodcut print", "woodcut", "print"),
}
_SUBJECTS = (
    "a painting of {a} {x}.",
    "a painting of {a} {x}.",  # twice: the sentence most people, and the demo, ask with
    "a painting of {a} {x}",
    "{a} {x}.",
    "{a} {x}",
    "{x}",
    "the {x}",
    "a picture of {a} {x}.",
    "an image of {a} {x}.",
    "a photo of {a} {x}.",
    "a drawing of {a} {x}.",
    "a work of art showing {a} {x}.",
    "a scene with {a} {x}.",
)
_MANNERS = ("{a} {x}.", "{a} {x}", "{x}", "this is {a} {x}.", "the picture is {a} {x}.")
_FEELINGS = (
    "{a} {x} scene.",
    "{a} {x} scene",
    "{a} {x} painting.",
    "{a} {x} picture.",
    "{x}",
    "{a} {x} mood.",
)
_SMALL = ("{a} {x} in a painting.", "a picture with {a} {x} in it.", "a detail: {a} {x}.", "a small {x}.")


def article(noun: str) -> str:
    """a or an."""
    return "an" if noun[0] in "aeiou" else "a"


def motif_captions() -> list[Caption]:
    """Sentences that claim a motif alone: by name, by synonym, by description."""
    captions: list[Caption] = []
    for i, name in enumerate(MOTIFS):
        for noun in (name, *MOTIF_SYNONYMS[name]):
            captions += [Caption(_fill(t, noun), motif=i) for t in _SUBJECTS]
        text = MOTIF_DESCRIPTIONS[name]
        captions += [
            Caption(t.format(text), motif=i)
            for t in ("{}", "{}", "{}.", "a painting of {}.", "a picture of {}.")
        ]
    return captions


def medium_captions() -> list[Caption]:
    """Sentences that claim a medium alone."""
    captions = [
        Caption(_fill(template, noun), medium=i)
        for i, name in enumerate(MEDIA)
        for noun in NOUNS[name]
        for template in _MANNERS
    ]
    return captions + [Caption(MEDIUM_DESCRIPTIONS[name], medium=i) for i, name in enumerate(MEDIA)]


def mood_captions() -> list[Caption]:
    """Sentences that claim a mood alone."""
    captions = [Caption(_fill(t, name), mood=i) for i, name in enumerate(MOODS) for t in _FEELINGS]
    return captions + [Caption(MOOD_DESCRIPTIONS[name], mood=i) for i, name in enumerate(MOODS)]


def detail_captions() -> list[Caption]:
    """Sentences that claim a small detail alone."""
    return [Caption(_fill(t, name), detail=i) for i, name in enumerate(DETAILS) for t in _SMALL]


def joint_captions() -> list[Caption]:
    """Sentences that claim a motif together with a medium, a mood or both."""
    captions: list[Caption] = []
    for m, motif in enumerate(MOTIFS):
        a = article(motif)
        for k, medium in enumerate(MEDIA):
            noun = NOUNS[medium][0]
            captions.append(Caption(f"{article(noun)} {noun} of {a} {motif}.", motif=m, medium=k))
            for f, mood in enumerate(MOODS):
                captions.append(Caption(f"a {mood} {noun} of {a} {motif}.", motif=m, medium=k, mood=f))
        for f, mood in enumerate(MOODS):
            captions.append(Caption(f"a {mood} scene with {a} {motif}.", motif=m, mood=f))
            captions.append(Caption(f"a painting of a {mood} {motif}.", motif=m, mood=f))
    return captions


def all_captions() -> list[Caption]:
    """Everything training may say."""
    return [*motif_captions(), *medium_captions(), *mood_captions(), *detail_captions(), *joint_captions()]


def satisfied(
    captions: Sequence[Caption],
    motif: npt.NDArray[np.int64],
    medium: npt.NDArray[np.int64],
    mood: npt.NDArray[np.int64],
    details: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """(pictures, captions) bool: which picture satisfies which caption."""
    holds = np.ones((len(motif), len(captions)), np.bool_)
    for column, caption in enumerate(captions):
        for claim, truth in ((caption.motif, motif), (caption.medium, medium), (caption.mood, mood)):
            if claim is not None:
                holds[:, column] &= truth == claim
        if caption.detail is not None:
            holds[:, column] &= details[:, caption.detail]
    return holds


def _fill(template: str, noun: str) -> str:
    text = template.format(a=article(noun), x=noun)
    return text
