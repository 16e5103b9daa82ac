"""Claims about single paintings."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from strata.demo.painting import IN_COLLECTIONS, IN_TRAINING, Painting, Variation, draw_painting, paint
from strata.demo.vocabulary import DETAILS, MEDIA, MOODS, MOTIFS


def pixels(painting: Painting) -> npt.NDArray[np.float32]:
    return np.asarray(painting.image, np.float32)


def test_same_seed_gives_the_same_pixels() -> None:
    assert draw_painting(5, size_px=160).image.tobytes() == draw_painting(5, size_px=160).image.tobytes()


def test_other_seed_gives_another_picture() -> None:
    first, second = (paint(s, 96, "ship", "oil", "calm", ()) for s in (1, 2))
    assert first.image.tobytes() != second.image.tobytes()


@pytest.mark.parametrize(("motif", "medium"), list(itertools.product(MOTIFS, MEDIA)))
def test_every_motif_is_drawn_in_every_medium(motif: str, medium: str) -> None:
    for seed, mood in enumerate(MOODS):
        painting = paint(seed, 96, motif, medium, mood, ())
        assert (painting.motif, painting.medium, painting.mood) == (motif, medium, mood)
        assert painting.image.mode == "RGB"
        assert max(painting.image.size) == 96
        assert pixels(painting).std() > 8  # not a blank sheet


def test_long_side_is_the_size_asked_for() -> None:
    shapes = {draw_painting(seed, size_px=128).image.size for seed in range(12)}
    assert all(max(shape) == 128 for shape in shapes)
    assert any(w > h for w, h in shapes)
    assert any(w < h for w, h in shapes)


@pytest.mark.parametrize("kind", DETAILS)
@pytest.mark.parametrize(
    ("variation", "slack_px"), [(IN_TRAINING, 2.0), (IN_COLLECTIONS, 3.0)]
)  # as 0.2 to 0.3
def test_boxes_are_tight_around_the_detail(
    kind: str, variation: Variation, slack_px: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # without a medium the two drawings differ in the detail alone; calm has no weather in front of it
    monkeypatch.setattr("strata.demo.painting.render", lambda drawn, medium, rng: drawn[..., :3].copy())
    for seed in range(6):
        bare = paint(seed, 480, "house", "oil", "calm", ())
        with_detail = paint(seed, 480, "house", "oil", "calm", (kind,), variation)
        changed = np.abs(pixels(bare) - pixels(with_detail)).sum(-1) > 6
        rows, cols = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        ((name, box),) = with_detail.details
        assert name == kind
        assert np.allclose((cols[0], rows[0], cols[-1] + 1, rows[-1] + 1), box, atol=slack_px)


def test_details_stay_inside_the_picture_and_have_a_small_size() -> None:
    for seed in range(60):
        painting = draw_painting(seed, size_px=240, details=3)
        assert len({kind for kind, _ in painting.details}) == 3
        for _, (x0, y0, x1, y1) in painting.details:
            assert 0 <= x0 < x1 <= painting.image.width
            assert 0 <= y0 < y1 <= painting.image.height
            assert 0.04 * 240 < max(x1 - x0, y1 - y0) < 0.3 * 240


def test_a_box_scales_with_the_picture() -> None:
    small, large = (draw_painting(3, size_px=size, details=2) for size in (160, 480))
    for (kind, box), (same, larger) in zip(small.details, large.details, strict=True):
        assert kind == same
        assert np.allclose(np.multiply(box, 3), larger, atol=6)


def test_number_of_details_is_the_one_asked_for() -> None:
    assert [len(draw_painting(9, size_px=64, details=n).details) for n in range(4)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "wrong", [{"motif": "dragon"}, {"medium": "neon"}, {"mood": "bored"}, {"kinds": ("axe",)}, {"size_px": 8}]
)
def test_an_unknown_word_or_number_is_refused(wrong: dict[str, object]) -> None:
    right = {"size_px": 64, "motif": "ship", "medium": "oil", "mood": "calm", "kinds": ()}
    with pytest.raises(ValueError):
        paint(1, **{**right, **wrong})  # type: ignore[arg-type]


def test_more_details_than_there_are_kinds_are_refused() -> None:
    with pytest.raises(ValueError):
        draw_painting(1, size_px=64, details=11)


def test_media_differ_in_colour() -> None:
    def saturation(medium: str) -> float:
        drawn = [pixels(paint(s, 96, MOTIFS[s], medium, "joyful", ())) for s in range(8)]
        return float(np.mean([(d.max(-1) - d.min(-1)).mean() for d in drawn]))

    assert saturation("oil") > 1.5 * saturation("chalk")
    assert saturation("oil") > 1.5 * saturation("ink")


def test_moods_differ_in_light() -> None:
    def light(mood: str) -> float:
        lights = [pixels(paint(s, 96, MOTIFS[s], "oil", mood, ())).mean() for s in range(6)]
        return float(np.mean(lights))

    assert min(light("calm"), light("joyful")) > 1.3 * max(light("stormy"), light("gloomy"))
