"""Which pictures repeat another one: against every pair looked at by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.retrieval import duplicates
from strata.retrieval.duplicates import Repeat, count_repeats, find_repeats, repeat_table, without
from strata.retrieval.queries import Database

Floats = npt.NDArray[np.float32]


def at(*degrees: float) -> Floats:
    """Unit vectors in the plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def mask(*bits: int) -> npt.NDArray[np.bool_]:
    return np.array(bits, np.bool_)


def pairs(found: list[Repeat]) -> list[tuple[int, int, bool]]:
    return [(repeat.place, repeat.of, repeat.exact) for repeat in found]


def test_the_same_file_and_nearly_the_same_picture_repeat_the_first() -> None:
    found = find_repeats(["a", "b", "a", "c"], at(0, 90, 0, 93), mask(1, 1, 1, 1), mask(0, 0, 0, 0), 0.99)
    assert pairs(found) == [(2, 0, True), (3, 1, False)]
    assert found[1].cosine == pytest.approx(np.cos(np.radians(3)))


def test_pictures_that_change_little_by_little_are_not_one() -> None:
    threshold = float(np.cos(np.radians(5.5)))
    found = find_repeats(list("abcde"), at(0, 5, 10, 15, 20), mask(*[1] * 5), mask(*[0] * 5), threshold)
    assert pairs(found) == [(1, 0, False), (3, 2, False)]


def test_a_querys_picture_is_kept_and_its_copy_goes() -> None:
    found = find_repeats(["a", "a", "b"], at(0, 0, 90), mask(1, 1, 1), mask(0, 1, 0), 0.99)
    assert found == [Repeat(0, 1, True, 1.0, True)]


def test_pictures_outside_of_the_database_are_repeated_but_repeat_nothing() -> None:
    found = find_repeats(list("aaa"), None, mask(1, 0, 0), mask(0, 0, 0), 0.99)
    assert found == [Repeat(0, 1, True, None, True)]


def test_a_vector_that_says_nothing_is_like_no_other() -> None:
    vectors = np.array([[0, 0], [0, 0], [np.nan, 1], [np.inf, 1]], np.float32)
    assert find_repeats([None] * 4, vectors, mask(1, 1, 1, 1), mask(0, 0, 0, 0), 0.5) == []


@given(data=st.data(), block=st.integers(1, 5))
def test_what_is_kept_has_no_copy_and_what_goes_has_one(data: st.DataObject, block: int) -> None:
    n = data.draw(st.integers(1, 12))
    bits = st.lists(st.booleans(), min_size=n, max_size=n)
    ranked, asking = (np.array(data.draw(bits), np.bool_) for _ in range(2))
    vectors = at(*data.draw(st.lists(st.sampled_from(range(0, 90, 4)), min_size=n, max_size=n)))
    hashes = data.draw(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=n, max_size=n))
    threshold = float(np.cos(np.radians(6)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "BLOCK", block)
        found = find_repeats(hashes, vectors, ranked, asking, threshold)

    def alike(a: int, b: int) -> bool:
        same = hashes[a] is not None and hashes[a] == hashes[b]
        return same or float(vectors[a] @ vectors[b]) >= threshold

    first = asking | ~ranked
    gone = {repeat.place for repeat in found}
    left = [place for place in range(n) if place not in gone]
    assert not [(a, b) for a in left for b in left if a != b and ranked[a] and ranked[b] and alike(a, b)]
    for repeat in found:
        assert ranked[repeat.place]
        assert repeat.of not in gone
        assert alike(repeat.place, repeat.of)
        if not first[repeat.place]:
            assert repeat.of_query == any(alike(repeat.place, p) for p in left if first[p])


def test_counts_tell_labels_and_queries_apart() -> None:
    found = [Repeat(1, 0, True, 1.0, False), Repeat(2, 0, False, 0.99, True), Repeat(3, 0, True, None, True)]
    table = repeat_table(found, list("abcd"), [["x", "y"], ["y"], ["z"], []])
    assert table["between_labels"].to_pylist() == [False, True, False]
    values = {(s.layer, s.metric): s.value for s in count_repeats(table, "how", compared=True).scores}
    assert values == {
        ("database", "n_exact"): 2,
        ("database", "n_near"): 1,
        ("between_labels", "n_exact"): 0,
        ("between_labels", "n_near"): 1,
        ("of_queries", "n_exact"): 1,
        ("of_queries", "n_near"): 1,
    }
    assert {s.metric for s in count_repeats(table, "not looked for", compared=False).scores} == {"n_exact"}


def test_what_was_left_out_is_outside_of_the_database() -> None:
    database = Database(list("abc"), {"a": 0, "b": 1, "c": 2}, mask(1, 1, 0), frozenset("c"))
    fewer = without(database, [Repeat(1, 0, True, None, False)])
    assert fewer.ranked.tolist() == [True, False, False]
    assert fewer.outside == frozenset("bc")
    assert database.ranked.tolist() == [True, True, False]
    assert without(database, []).ranked.tolist() == [True, True, False]
