"""Zero-shot in pictures."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.collection.tables import from_rows, read_tables
from strata.report.confusion import DARK_FROM, MOST_IN_MATRIX, confusion_of, ramp
from strata.report.prompt_sheets import (
    MOST_TEXTS,
    best_pictures,
    cosines,
    heat_map,
    prompt_sheets,
    sample,
)
from strata.report.thumbnails import Gallery

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Gallery]:
    MADE["make_results"](tmp_path)
    return tmp_path / "data/zeroshot", Gallery(read_tables(tmp_path / "data/tables").images)


def columns(*names: str) -> list[dict[str, Any]]:
    return [{"class_id": name, "name": name.upper(), "texts": [f"a {name}.", name]} for name in names]


def gallery(*labels: str) -> Gallery:
    rows = [
        {"image_id": f"{i}", "path": "gone", "width": 9, "height": 9, "labels": [label], "status": "ok"}
        for i, label in enumerate(labels)
    ]
    return Gallery(from_rows("images", rows))


def test_a_sheet_a_prompt_set_in_the_order_asked_for(made: tuple[Path, Gallery]) -> None:
    sheets = prompt_sheets(made[0], ["mood", "motif", "not there"], made[1])
    assert [(sheet.prompt_set, sheet.classes) for sheet in sheets] == [("mood", 2), ("motif", 4)]
    motif = sheets[1]
    assert [text for text, _ in motif.heat.rows] == [f"a {name}." for name in MADE["FACETS"]["motif"]]
    assert all(len(guess.bars) == 4 for guess in motif.guesses)
    assert [best.name for best in motif.best] == MADE["FACETS"]["motif"]
    assert motif.confusion is not None
    assert sum(int(shade.text or 0) for _, shades in motif.confusion.rows for shade in shades) == 22


def test_logits_are_turned_back_into_cosines() -> None:
    logits = np.array([[50 * 0.2 - 10]])
    assert cosines(logits, {"logit_scale": 50.0, "logit_bias": -10.0})[0, 0] == pytest.approx(0.2)
    assert cosines(np.array([[10.0]]), {"logit_scale": 50.0, "logit_bias": None})[0, 0] == pytest.approx(0.2)


def test_the_colour_range_is_the_studys_unless_a_value_lies_outside() -> None:
    cells = np.array([[0.2], [0.25]])
    own = gallery("cat", "cat")
    assert heat_map(cells, columns("cat"), ["0", "1"], own).low == 0.1
    assert heat_map(cells, columns("cat"), ["0", "1"], own).high == 0.3
    wide = heat_map(np.array([[-0.1], [0.65]]), columns("cat"), ["0", "1"], own)
    assert (wide.low, wide.high) == (-0.1, 0.65)


def test_the_value_stands_in_each_cell_and_the_own_class_is_framed() -> None:
    found = heat_map(
        np.array([[0.21, 0.18], [0.12, 0.3]]),
        columns("cat", "dog"),
        ["0", "1"],
        gallery("cat", "dog"),
    )
    assert [[shade.text for shade in shades] for _, shades in found.rows] == [
        ["0.21", "0.12"],
        ["0.18", "0.30"],
    ]
    assert [[shade.strong for shade in shades] for _, shades in found.rows] == [[True, False], [False, True]]
    assert found.rows[0][0] == "a cat. (+1)"


def test_of_many_texts_those_of_the_sampled_pictures_are_shown() -> None:
    names = [f"c{i:02}" for i in range(MOST_TEXTS + 6)]
    cells = np.arange(len(names))[None] / 100
    found = heat_map(cells, columns(*names), ["0"], gallery(names[-2]))
    assert [(text, shades[0].text) for text, shades in found.rows] == [(f"a {names[-2]}. (+1)", "0.18")]
    unlabelled = heat_map(cells, columns(*names), ["0"], gallery("other"))
    assert [text for text, _ in unlabelled.rows] == [f"a {name}. (+1)" for name in names[:MOST_TEXTS]]


def test_a_best_picture_is_right_or_wrong_only_if_it_has_a_label_of_the_facet() -> None:
    rows = [
        {"class_id": "cat", "rank": i + 1, "image_id": f"{i}", "probability": 0.5 - i / 10} for i in range(3)
    ]
    (found,) = best_pictures(rows, columns("cat", "dog"), gallery("dog", "cat", "calm"))
    assert [tile.mark for tile in found.tiles] == ["miss", "hit", ""]
    assert [tile.alt for tile in found.tiles] == ["0, miss, 0.50", "1, hit, 0.40", "2, 0.30"]


def test_samples_are_spread_over_the_classes() -> None:
    own = gallery("cat", "cat", "cat", "dog", "dog", "bird")
    assert sample(pa.array([str(i) for i in range(6)]), ["cat", "dog"], own, 4) == [1, 4, 2, 3]


def test_without_labels_the_first_pictures_are_the_sample() -> None:
    assert sample(pa.array(["0", "1", "2"]), ["cat"], gallery("x", "x", "x"), 2) == [0, 1]


def test_many_classes_become_a_list_of_the_commonest_mistakes() -> None:
    names = [f"c{i:02}" for i in range(MOST_IN_MATRIX + 1)]
    rows = [
        {"true": "c00", "predicted": "c01", "count": 2},
        {"true": "c02", "predicted": "c01", "count": 7},
        {"true": "c01", "predicted": "c01", "count": 99},
    ]
    found = confusion_of(rows, columns(*names))
    assert found is not None
    assert found.rows == []
    assert found.mistakes == [("C02", "C01", 7), ("C00", "C01", 2)]


def test_without_counts_there_is_no_confusion() -> None:
    assert confusion_of([], columns("cat")) is None


@given(st.floats(-1, 2, allow_nan=False))
def test_text_is_readable_on_every_colour(share: float) -> None:
    red, green, blue = (int(ramp(share)[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    text = 1.0 if share >= DARK_FROM else 0.0  # white, or black
    high, low = max(luminance, text), min(luminance, text)
    assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2.2, 1.4.3: small text
