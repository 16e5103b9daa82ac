"""A detail is found where it is: planted copies, borders, odd shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from strata.base.errors import StrataError
from strata.dense import search
from strata.dense.params import DenseParams
from strata.dense.search import Collection, Found, find_details
from strata.dense.tower import DenseTower
from tests.dense.conftest import Pixels, collection_of, drawn

PARAMS = DenseParams()
BOXES = 50


def iou(first: np.ndarray, second: np.ndarray) -> float:
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = np.prod(np.clip(high - low, 0, None))
    return float(shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared))


def same(first: Found, second: Found) -> bool:
    names = ("places", "scores", "boxes")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


@pytest.fixture(scope="module")
def planted() -> tuple[list[Pixels], list[tuple[float, float, float, float]]]:
    """Pictures of many shapes, and a box on each of the first BOXES of them."""
    random = np.random.default_rng(9)
    pictures, boxes = [], []
    for number in range(BOXES):
        width, height = (int(random.integers(220, 420)) for _ in range(2))
        pictures.append(drawn(number, width, height))
        w, h = (int(random.integers(50, 110)) for _ in range(2))
        x, y = int(random.integers(width - w)), int(random.integers(height - h))
        boxes.append((float(x), float(y), float(x + w), float(y + h)))
    return pictures, boxes


@pytest.fixture(scope="module")
def collection(
    tmp_path_factory: pytest.TempPathFactory, tower: DenseTower, planted: tuple[list[Pixels], list]
) -> Collection:
    odd = [drawn(100, 40, 30), drawn(101, 2, 3), drawn(102, 20_000, 40), drawn(103, 30, 2_000)]
    return collection_of(tmp_path_factory.mktemp("dense"), tower, planted[0] + odd)


@pytest.fixture(scope="module")
def found(collection: Collection, planted: tuple[list[Pixels], list]) -> list[Found]:
    return find_details(collection, list(zip(*planted, strict=True)), PARAMS)


def test_a_copy_of_the_query_is_found_first_and_in_its_place(
    found: list[Found], planted: tuple[list[Pixels], list]
) -> None:
    for number, (answer, box) in enumerate(zip(found, planted[1], strict=True)):
        assert answer.places[0] == number
        assert iou(answer.boxes[0], np.array(box)) > 0.7


def test_an_answer_does_not_depend_on_the_queries_beside_it(
    collection: Collection, found: list[Found], planted: tuple[list[Pixels], list]
) -> None:
    for number in (0, 17, 49):
        alone = find_details(collection, [(planted[0][number], planted[1][number])], PARAMS)
        assert same(alone[0], found[number])


def test_an_answer_does_not_depend_on_the_number_of_threads(
    collection: Collection, found: list[Found], planted: tuple[list[Pixels], list]
) -> None:
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            alone = find_details(collection, [(planted[0][3], planted[1][3])], PARAMS)
            assert same(alone[0], found[3])
    finally:
        torch.set_num_threads(before)


def test_every_picture_is_an_answer_once_and_its_box_lies_in_it(
    found: list[Found], collection: Collection
) -> None:
    for answer in found[:5]:
        assert sorted(answer.places.tolist()) == list(range(len(collection.index.ids)))
        sizes = collection.index.sizes[answer.places]
        assert (answer.boxes[:, :2] >= 0).all()
        assert (answer.boxes[:, 2:] <= sizes).all()
        assert (answer.boxes[:, 2:] > answer.boxes[:, :2]).all()
        assert (np.diff(answer.scores) <= 0).all()


def test_the_querys_own_picture_is_left_out(
    collection: Collection, planted: tuple[list[Pixels], list]
) -> None:
    answer = find_details(collection, [(planted[0][4], planted[1][4])], PARAMS, own=[4])[0]
    assert 4 not in answer.places
    assert len(answer.places) == len(collection.index.ids) - 1


@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_a_box_at_the_border_is_found(
    collection: Collection, planted: tuple[list[Pixels], list], corner: tuple[int, int]
) -> None:
    picture = planted[0][7]
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
    collection: Collection, found: list[Found], planted: tuple[list[Pixels], list]
) -> None:
    params = replace(PARAMS, rerank=10)
    queries = list(zip(*planted, strict=True))[:8]
    short = find_details(collection, queries, params)
    for number, answer in enumerate(short):
        assert len(answer.places) == 10
        assert answer.places[0] == number
        whole = dict(zip(found[number].places.tolist(), found[number].scores.tolist(), strict=True))
        for place, score in zip(answer.places.tolist(), answer.scores.tolist(), strict=True):
            assert score == whole[place]


def test_a_detail_that_is_there_twice_has_two_boxes(tmp_path: Path, tower: DenseTower) -> None:
    pictures = [drawn(number, 320, 240) for number in range(6)]
    copy = pictures[0][20:84, 20:84]
    pictures[3][160:224, 16:80] = copy
    pictures[3][40:104, 216:280] = copy
    collection = collection_of(tmp_path, tower, pictures)
    params = replace(PARAMS, boxes=3)
    answer = find_details(collection, [(pictures[0], (20, 20, 84, 84))], params, own=[0])[0]
    assert answer.places[:2].tolist() == [3, 3]
    truth = [np.array([16.0, 160, 80, 224]), np.array([216.0, 40, 280, 104])]
    assert all(max(iou(box, right) for box in answer.boxes[:2]) > 0.6 for right in truth)


def test_the_first_boxes_query_as_well(
    collection: Collection, planted: tuple[list[Pixels], list], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    watched = replace(
        collection, read=lambda image_id: (asked.append(image_id), collection.read(image_id))[1]
    )
    plain = find_details(watched, [(planted[0][2], planted[1][2])], PARAMS, own=[2])[0]
    assert asked == []
    expanded = find_details(watched, [(planted[0][2], planted[1][2])], replace(PARAMS, expand=2), own=[2])[0]
    assert asked == [collection.index.ids[place] for place in plain.places[:2]]
    assert 2 not in expanded.places
    assert set(plain.places[:2].tolist()) == set(expanded.places[:2].tolist())


def test_an_empty_index_says_so(collection: Collection) -> None:
    empty = replace(collection, index=replace(collection.index, ids=[]))
    with pytest.raises(StrataError, match="holds no picture"):
        find_details(empty, [(drawn(0, 99, 99), (0, 0, 50, 50))], PARAMS)


def test_several_queries_are_taken_in_parts(
    collection: Collection,
    found: list[Found],
    planted: tuple[list[Pixels], list],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "TOGETHER", 3)
    parts = find_details(collection, list(zip(*planted, strict=True))[:7], PARAMS)
    assert all(same(one, other) for one, other in zip(parts, found[:7], strict=True))
