"""Scores are mean cosines of windows, and the same however the work is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.dense import matching
from strata.dense.index import Level, open_index, pool_cells, write_index
from strata.dense.matching import Best, match, score_places
from strata.dense.projection import UNIT, Codes, Projection, encode

DIMS = 12


def codes(random: np.random.Generator, rows: int, columns: int) -> Codes:
    vectors = random.standard_normal((rows, columns, DIMS)).astype(np.float32)
    return encode(vectors / np.linalg.norm(vectors, axis=2, keepdims=True))


def slow_scores(map_: Codes, template: Codes) -> np.ndarray:
    """Every place by a loop over the template's cells; what lies outside the map adds nothing."""
    weight = np.linalg.norm(template.astype(float), axis=2).sum() / UNIT
    places = [max(1, a - b + 1) for a, b in zip(map_.shape[:2], template.shape[:2], strict=True)]
    scores = np.zeros(places)
    for y in range(places[0]):
        for x in range(places[1]):
            total = 0.0
            for row in range(template.shape[0]):
                for column in range(template.shape[1]):
                    if y + row < map_.shape[0] and x + column < map_.shape[1]:
                        cell = map_[y + row, x + column].astype(float)
                        total += cell @ template[row, column].astype(float) / UNIT**2
            scores[y, x] = total / weight
    return scores


def level_of(folder: Path, maps: list[Codes]) -> Level:
    """An index of these very codes: a projection that changes nothing."""
    same = Projection(np.zeros(DIMS, np.float32), np.eye(DIMS, dtype=np.float32), "here", 1)
    shapes = np.array([map_.shape[:2] for map_ in maps], np.int64)
    raw = [(place, map_.astype(np.float16)) for place, map_ in enumerate(maps)]
    write_index(folder, [f"{place}" for place in range(len(maps))], shapes[:, ::-1], shapes, raw, same)
    return open_index(folder).fine


@given(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 6)] * 2), st.integers(0, 99))
@settings(deadline=None)
def test_a_place_scores_as_a_slow_loop_says(
    map_shape: tuple[int, int], shape: tuple[int, int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    map_, template = codes(random, *map_shape), codes(random, *shape)
    found = score_places(map_, template)
    assert found.shape == slow_scores(map_, template).shape
    assert np.allclose(found, slow_scores(map_, template), atol=1e-6)


@pytest.fixture
def level(tmp_path: Path) -> Level:
    random = np.random.default_rng(3)
    shapes = [(9, 12), (12, 9), (3, 2), (9, 12), (1, 14), (9, 12), (5, 5)]
    return level_of(tmp_path / "index", [codes(random, *shape) for shape in shapes])


def templates(count: int = 5) -> list[Codes]:
    random = np.random.default_rng(4)
    shapes = [(4, 3), (4, 3), (6, 2), (2, 7), (10, 10)]
    return [codes(random, *shapes[number % len(shapes)]) for number in range(count)]


def same(first: Best, second: Best) -> bool:
    """To the last bit."""
    names = ("scores", "rows", "columns")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


def test_the_best_place_of_every_picture_is_found(level: Level) -> None:
    best = match(level, templates())
    for place in range(level.count):
        for number, template in enumerate(templates()):
            scores = slow_scores(level.map_of(place), template)
            assert np.isclose(best.scores[number, place], scores.max(), atol=1e-6)
            assert np.isclose(scores[best.rows[number, place], best.columns[number, place]], scores.max())


def test_a_template_scores_the_same_in_any_company(level: Level) -> None:
    wanted = templates(5)
    alone = [match(level, [template]) for template in wanted]
    for batch in (wanted, wanted + templates(200)):
        together = match(level, batch)
        assert all(same(together.part(number, number + 1), one) for number, one in enumerate(alone))


def test_any_number_of_threads_and_any_block_give_the_same(
    level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = match(level, templates())
    for threads, cells in ((1, 30_000), (3, 100), (7, 1)):
        monkeypatch.setattr(matching, "cores", lambda threads=threads: threads)
        monkeypatch.setattr(matching, "BLOCK_CELLS", cells)
        assert same(match(level, templates()), usual)


def test_only_the_pictures_asked_for_are_looked_at(level: Level) -> None:
    wanted = np.array([True, False, True, False, False, True, False])
    some, every = match(level, templates(), wanted), match(level, templates())
    assert np.array_equal(some.scores[:, wanted], every.scores[:, wanted])
    assert (some.scores[:, ~wanted] == -np.inf).all()


def test_windows_of_the_largest_codes_are_still_added_exactly() -> None:
    full = np.full((16, 16, 1), 127, np.int8)
    full = np.concatenate([full, np.zeros((16, 16, DIMS - 1), np.int8)], axis=2)
    assert score_places(full, full)[0, 0] == np.float32(127 / UNIT)


def test_pooled_cells_point_where_their_four_point_together() -> None:
    map_ = codes(np.random.default_rng(5), 5, 4)
    pooled = pool_cells(map_)
    assert pooled.shape == (3, 2, DIMS)
    four = map_[:2, 2:4].reshape(4, -1).astype(float).sum(axis=0)
    assert np.allclose(pooled[0, 1] / UNIT, np.clip(four / np.linalg.norm(four), -0.6, 0.6), atol=0.01)
