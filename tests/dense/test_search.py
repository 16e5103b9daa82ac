"""A detail is found where it is: planted copies, borders, odd shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from strata.base.errors import StrataError
from strata.demo.collection import plan_collection
from strata.demo.painting import paint
from strata.dense import details
from strata.dense.details import Collection, find_details
from strata.dense.params import DenseParams
from strata.dense.search import Found
from strata.dense.tower import DenseTower
from strata.maps.geometry import Box
from tests.dense.conftest import Pixels, collection_of, drawn

PARAMS = DenseParams()


class Planted(NamedTuple):
    """``truth[i]``: where in ``hosts[(i + 1) % BOXES]`` the copy of query i is."""

    queries: list[tuple[Pixels, Box]]
    hosts: list[Pixels]
    truth: list[np.ndarray]


BOXES = 50


def iou(first: np.ndarray, second: np.ndarray) -> float:
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = np.prod(np.clip(high - low, 0, None))
    return float(shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared))


def same(first: Found, second: Found) -> bool:
    names = ("places", "scores", "boxes")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


@pytest.fixture(scope="module")
def planted() -> Planted:
    """Paintings of many shapes, a box on each, and in another painting a copy of what is in the box."""
    random = np.random.default_rng(9)
    subjects = plan_collection(3, BOXES)
    paintings = [np.array(paint(subject.seed, 320, *subject.words, ()).image) for subject in subjects]
    queries, hosts, truth = [], [painting.copy() for painting in paintings], []
    for number, painting in enumerate(paintings):
        host = hosts[(number + 1) % BOXES]
        cell = max(painting.shape) / 34  # a detail spans six to ten of them
        w, h = (round(cell * random.uniform(5.5, 10)) for _ in range(2))
        x, y = _eventful(random, painting, w, h)
        column, row = int(random.integers(host.shape[1] - w)), int(random.integers(host.shape[0] - h))
        rim = round(2 * cell)  # what a cell at the box's edge sees lies around it
        left, top = min(rim, x, column), min(rim, y, row)
        part = painting[y - top : y + h + rim, x - left : x + w + rim]
        part = part[: host.shape[0] - row + top, : host.shape[1] - column + left]
        host[row - top : row - top + part.shape[0], column - left : column - left + part.shape[1]] = part
        queries.append((painting, (float(x), float(y), float(x + w), float(y + h))))
        truth.append(np.array([column, row, column + w, row + h], float))
    return Planted(queries, hosts, truth)


def _eventful(random: np.random.Generator, painting: Pixels, w: int, h: int) -> tuple[int, int]:
    """The corner of the random box with most in it of twelve: plain sky is everywhere and nowhere."""
    corners = [
        (int(random.integers(painting.shape[1] - w)), int(random.integers(painting.shape[0] - h)))
        for _ in range(12)
    ]
    return max(corners, key=lambda corner: painting[corner[1] :, corner[0] :][:h, :w].mean(axis=2).std())


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, tower: DenseTower, planted: Planted) -> Collection:
    odd = [drawn(100, 40, 30), drawn(101, 2, 3), drawn(102, 20_000, 40), drawn(103, 30, 2_000)]
    return collection_of(tmp_path_factory.mktemp("dense"), tower, planted.hosts + odd)


@pytest.fixture(scope="module")
def found(collection: Collection, planted: Planted) -> list[Found]:
    return find_details(collection, planted.queries, PARAMS, own=range(BOXES))


def test_a_copy_of_the_query_is_found_first_and_in_its_place(found: list[Found], planted: Planted) -> None:
    for number, (answer, truth) in enumerate(zip(found, planted.truth, strict=True)):
        assert answer.places[0] == (number + 1) % BOXES
        assert iou(answer.boxes[0], truth) > 0.7


def test_an_answer_does_not_depend_on_the_queries_beside_it(
    collection: Collection, found: list[Found], planted: Planted
) -> None:
    for number in (0, 17, 49):
        alone = find_details(collection, [planted.queries[number]], PARAMS, own=[number])
        assert same(alone[0], found[number])


def test_an_answer_does_not_depend_on_the_number_of_threads(
    collection: Collection, found: list[Found], planted: Planted
) -> None:
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            alone = find_details(collection, [planted.queries[3]], PARAMS, own=[3])
            assert same(alone[0], found[3])
    finally:
        torch.set_num_threads(before)


def test_every_picture_is_an_answer_once_and_its_box_lies_in_it(
    found: list[Found], collection: Collection
) -> None:
    for answer in found[:5]:
        assert len(set(answer.places.tolist())) == len(answer.places) == len(collection.index.ids) - 1
        sizes = collection.index.sizes[answer.places]
        assert (answer.boxes[:, :2] >= 0).all()
        assert (answer.boxes[:, 2:] <= sizes).all()
        assert (answer.boxes[:, 2:] > answer.boxes[:, :2]).all()
        assert (np.diff(answer.scores) <= 0).all()


def test_the_querys_own_picture_is_left_out(collection: Collection, planted: Planted) -> None:
    answer = find_details(collection, [planted.queries[4]], PARAMS, own=[4])[0]
    assert 4 not in answer.places
    assert 4 in find_details(collection, [planted.queries[4]], PARAMS)[0].places


@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_a_box_at_the_border_is_found(
    collection: Collection, planted: Planted, corner: tuple[int, int]
) -> None:
    picture = planted.hosts[7]
    x, y = corner[0] * (picture.shape[1] - 70), corner[1] * (picture.shape[0] - 60)
    box = (x, y, x + 70, y + 60)
    answer = find_details(collection, [(picture, box)], PARAMS)[0]
    assert answer.places[0] == 7
    assert iou(answer.boxes[0], np.array(box, float)) > 0.7


@pytest.mark.parametrize("number", [50, 51, 52, 53])
def test_a_whole_picture_of_an_odd_shape_queries(collection: Collection, number: int) -> None:
    picture = collection.read(str(number))
    answer = find_details(collection, [(picture, (0, 0, *picture.shape[1::-1]))], PARAMS)[0]
    assert len(answer.places) == len(collection.index.ids)
    assert np.isfinite(answer.scores).all()


def test_a_box_of_one_pixel_is_one_clear_line(collection: Collection) -> None:
    with pytest.raises(StrataError, match=r"box 5, 5, 6, 6: 1 x 1 pixels of the .* draw a larger box"):
        find_details(collection, [(drawn(0, 300, 200), (5, 5, 6, 6))], PARAMS)


def test_a_shortlist_matches_only_what_it_holds(
    collection: Collection, found: list[Found], planted: Planted
) -> None:
    params = replace(PARAMS, rerank=10)
    short = find_details(collection, planted.queries[:8], params, own=range(8))
    assert sum(answer.places[0] == number + 1 for number, answer in enumerate(short)) >= 7
    for number, answer in enumerate(short):
        assert 9 <= len(answer.places) <= 10
        whole = dict(zip(found[number].places.tolist(), found[number].scores.tolist(), strict=True))
        for place, score in zip(answer.places.tolist(), answer.scores.tolist(), strict=True):
            assert score == whole[place]


def test_a_detail_that_is_there_twice_has_two_boxes(tmp_path: Path, tower: DenseTower) -> None:
    """The copies lie where cells begin: 272 pixels are 34 of them."""
    pictures = [drawn(number, 272, 208) for number in range(16)]
    copy = pictures[0][24:88, 24:88]
    pictures[3][136:200, 16:80] = copy
    pictures[3][40:104, 200:264] = copy
    collection = collection_of(tmp_path, tower, pictures)
    params = replace(PARAMS, boxes=3)
    answer = find_details(collection, [(pictures[0], (24, 24, 88, 88))], params, own=[0])[0]
    assert answer.places[:2].tolist() == [3, 3]
    boxes = answer.boxes[answer.places == 3]
    assert len(boxes) == 3
    truth = [np.array([16.0, 136, 80, 200]), np.array([200.0, 40, 264, 104])]
    assert all(max(iou(box, right) for box in boxes[:2]) > 0.7 for right in truth)
    assert all(iou(boxes[first], boxes[second]) == 0 for first, second in ((0, 1), (0, 2), (1, 2)))


def test_the_first_boxes_query_as_well(
    collection: Collection, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    watched = replace(
        collection, read=lambda image_id: (asked.append(image_id), collection.read(image_id))[1]
    )
    plain = find_details(watched, [planted.queries[2]], PARAMS, own=[2])[0]
    assert asked == []
    expanded = find_details(watched, [planted.queries[2]], replace(PARAMS, expand=2), own=[2])[0]
    assert asked == [collection.index.ids[place] for place in plain.places[:2]]
    assert 2 not in expanded.places
    assert not np.array_equal(plain.scores, expanded.scores)


def test_an_empty_index_says_so(collection: Collection) -> None:
    empty = replace(collection, index=replace(collection.index, ids=[]))
    with pytest.raises(StrataError, match="holds no picture"):
        find_details(empty, [(drawn(0, 99, 99), (0, 0, 50, 50))], PARAMS)


def test_several_queries_are_taken_in_parts(
    collection: Collection,
    found: list[Found],
    planted: Planted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(details, "TOGETHER", 3)
    parts = find_details(collection, planted.queries[:7], PARAMS, own=range(7))
    assert all(same(one, other) for one, other in zip(parts, found[:7], strict=True))
