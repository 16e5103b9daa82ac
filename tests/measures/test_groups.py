"""Groups: codes, and classes whose pictures carry several labels."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strata.measures.groups import MOST_STRADDLING, group_codes, groups_of_labels

LABELS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=3), max_size=40)


@given(st.lists(st.one_of(st.text(max_size=2), st.integers(0, 3))))
def test_codes_count_up_and_are_equal_where_the_labels_are(groups: list[str | int]) -> None:
    codes = group_codes(groups).tolist()
    assert sorted(set(codes)) == list(range(len(set(groups))))
    assert [groups[codes.index(code)] for code in codes] == groups


def test_one_label_a_picture_is_its_own_group_and_none_is_the_empty_one() -> None:
    assert groups_of_labels([["b"], ["a"], [], ["b"]]) == ["b", "a", "", "b"]
    assert groups_of_labels([[], []]) == ["", ""]
    assert groups_of_labels([]) == []


def test_a_few_pictures_between_two_classes_go_with_the_rarer_one() -> None:
    labels = [["dog"]] * 5 + [["cat"]] * 4 + [["dog", "cat"]]
    assert groups_of_labels(labels) == ["dog"] * 5 + ["cat"] * 5
    assert groups_of_labels([found[::-1] for found in labels]) == ["dog"] * 5 + ["cat"] * 5


def test_classes_that_share_many_pictures_are_one_group_and_others_stay_apart() -> None:
    labels = [["chair", "table"]] * 4 + [["chair"], ["cow"], ["horse"], ["cow"], ["horse"], ["cow", "horse"]]
    assert groups_of_labels(labels) == ["chair"] * 5 + ["cow", "horse", "cow", "horse", "cow"]


def test_a_chain_of_shared_pictures_becomes_one_group() -> None:
    assert set(groups_of_labels([["a", "b"], ["b", "c"], ["c", "d"]])) == {"b"}


@given(LABELS)
def test_few_pictures_straddle_and_every_group_is_named_after_a_label_in_it(labels: list[list[str]]) -> None:
    found = groups_of_labels(labels)
    assert [group == "" for group in found] == [not own for own in labels]
    home: dict[str, set[str]] = {}
    for own, group in zip(labels, found, strict=True):
        if len(own) == 1:
            home.setdefault(own[0], set()).add(group)
    assert all(len(groups) == 1 for groups in home.values())
    labelled = [own for own in labels if own]
    apart = sum(len({group for name in own for group in home.get(name, ())}) > 1 for own in labelled)
    assert apart <= MOST_STRADDLING * len(labelled)
    assert groups_of_labels([[f"x{name}" for name in own] for own in labels]) == [
        g and f"x{g}" for g in found
    ]
