"""Claims about the words of the demo collection."""

from __future__ import annotations

from strata.demo import details, motifs
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


def test_every_word_has_a_drawing() -> None:
    assert tuple(motifs.DRAW) == MOTIFS
    assert tuple(details.DRAW) == DETAILS
    assert set(motifs.UNIT) == set(MOTIFS)


def test_every_word_has_a_description() -> None:
    assert tuple(MOTIF_DESCRIPTIONS) == MOTIFS
    assert tuple(MEDIUM_DESCRIPTIONS) == MEDIA
    assert tuple(MOOD_DESCRIPTIONS) == MOODS


def test_no_synonym_names_two_things() -> None:
    words = [word for own in MOTIF_SYNONYMS.values() for word in own] + [*MOTIFS, *MEDIA, *MOODS, *DETAILS]
    assert len(words) == len(set(words))


def test_a_description_does_not_name_its_motif() -> None:
    assert all(name not in text for name, text in MOTIF_DESCRIPTIONS.items())
