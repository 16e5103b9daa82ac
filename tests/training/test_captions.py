"""Claims about the training captions."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest

from strata.demo.vocabulary import DETAILS, MEDIA, MOODS, MOTIF_DESCRIPTIONS, MOTIF_SYNONYMS, MOTIFS
from training import captions as said
from training.captions import Caption, satisfied
from training.towers import CONTEXT


def test_a_caption_names_what_it_claims() -> None:
    for caption in said.joint_captions():
        assert caption.motif is not None
        assert MOTIFS[caption.motif] in caption.text
        if caption.medium is not None:
            assert said.NOUNS[MEDIA[caption.medium]][0] in caption.text
        if caption.mood is not None:
            assert MOODS[caption.mood] in caption.text


def test_a_motif_caption_holds_a_name_a_synonym_or_a_description() -> None:
    for caption in said.motif_captions():
        name = MOTIFS[caption.motif]  # type: ignore[index]
        assert any(w in caption.text for w in (name, *MOTIF_SYNONYMS[name], MOTIF_DESCRIPTIONS[name]))
        assert (caption.medium, caption.mood, caption.detail) == (None, None, None)


def test_every_picture_that_satisfies_a_caption_is_a_positive() -> None:
    captions = [
        Caption("a ship", motif=1),
        Caption("an ink drawing", medium=1),
        Caption("an ink drawing of a ship", motif=1, medium=1),
        Caption("a ladder", detail=0),
    ]
    motif, medium, mood = np.array([1, 1, 3]), np.array([1, 0, 1]), np.array([0, 1, 2])
    details = np.zeros((3, len(DETAILS)), np.bool_)
    details[2, 0] = True
    expected = [[1, 1, 1, 0], [1, 0, 0, 0], [0, 1, 0, 1]]
    assert satisfied(captions, motif, medium, mood, details).astype(int).tolist() == expected


def test_no_caption_is_longer_than_the_context() -> None:
    tokens = open_clip.SimpleTokenizer(context_length=77)([c.text for c in said.all_captions()])
    assert int((tokens != 0).sum(1).max()) <= CONTEXT


@pytest.mark.parametrize(("noun", "article"), [("oil painting", "an"), ("windmill", "a"), ("anchor", "an")])
def test_articles_follow_the_sound(noun: str, article: str) -> None:
    assert said.article(noun) == article
