"""Claims about the training drawings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strata.demo.collection import DEFAULT_PICTURES, DEFAULT_SEED
from strata.demo.painting import draw_painting
from strata.demo.vocabulary import MEDIA, MOTIFS
from training.drawings import VIEW_PX, assert_disjoint, load_pool, training_seeds, two_views


def test_training_never_shares_a_seed_with_the_collection() -> None:
    assert_disjoint(training_seeds(), DEFAULT_SEED, DEFAULT_PICTURES)
    with pytest.raises(ValueError, match="negative"):
        assert_disjoint(range(-5, 3), DEFAULT_SEED, DEFAULT_PICTURES)


def test_the_pool_holds_what_the_seeds_draw(tmp_path: Path) -> None:
    pool = load_pool(tmp_path, drawings=4)
    assert pool.views.shape == (4, 2, VIEW_PX, VIEW_PX, 3)
    last = draw_painting(-1, size_px=480)
    assert (MOTIFS[pool.motif[3]], MEDIA[pool.medium[3]]) == (last.motif, last.medium)
    assert np.array_equal(pool.views[3], two_views(last.image))
    assert int(pool.details[3].sum()) == len(last.details)


def test_the_squashed_view_shows_the_margins_that_the_crop_loses() -> None:
    image = draw_painting(-3, size_px=300).image.resize((300, 150))
    image.paste((255, 0, 0), (0, 0, 40, 150))
    crop, squash = two_views(image)
    red = np.array([255, 0, 0])
    assert not (crop == red).all(-1).any()
    assert (squash == red).all(-1).any()
