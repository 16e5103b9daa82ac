"""Prompt sets x classes -> texts."""

from __future__ import annotations

from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.collection.tables import from_rows
from strata.naming.prompts import article, build_columns, equal_texts, typed_prompts, unique_texts
from strata.settings.params import PromptSet

CLASSES = from_rows(
    "classes",
    [
        {
            "class_id": "owl",
            "facet": "motif",
            "name": "owl",
            "synonyms": ["night bird"],
            "description": "it hoots",
        },
        {"class_id": "cat", "facet": "motif", "name": "cat", "synonyms": [], "description": "it meows"},
        {"class_id": "ink", "facet": "medium", "name": "ink drawing", "synonyms": []},
    ],
)


def columns_of(**prompt_set: Any) -> list[tuple[str, ...]]:
    columns, _ = build_columns({"set": PromptSet(**prompt_set)}, CLASSES, "x.yaml")
    return [column.texts for column in columns]


def test_a_template_is_filled_for_every_class_of_its_facet_alone() -> None:
    assert columns_of(facet="motif", templates=["a photo of {article} {name}."]) == [
        ("a photo of an owl.",),
        ("a photo of a cat.",),
    ]
    assert columns_of(facet="medium", templates=["{}"]) == [("ink drawing",)]


def test_synonyms_are_named_only_where_the_set_wants_them() -> None:
    templates = ["{article} {name}", "my {}"]
    assert columns_of(facet="motif", templates=templates)[0] == ("an owl", "my owl")
    expected = ("an owl", "a night bird", "my owl", "my night bird")
    assert columns_of(facet="motif", templates=templates, synonyms=True)[0] == expected


def test_a_description_alone_is_said_once_whatever_the_synonyms() -> None:
    assert columns_of(facet="motif", templates=["{description}"], synonyms=True)[0] == ("it hoots",)


def test_a_description_that_is_missing_is_an_error_that_names_set_and_class() -> None:
    with pytest.raises(StrataError, match=r"x\.yaml: prompts\.set: .* class 'ink' has none"):
        columns_of(facet="medium", templates=["{name}: {description}"])


@pytest.mark.parametrize("template", ["{colour}", "{name", "{0} {1}", "{name.length}"])
def test_a_wrong_template_is_an_error(template: str) -> None:
    with pytest.raises(StrataError, match="is no template"):
        columns_of(facet="motif", templates=[template])


def test_a_set_whose_facet_has_no_classes_is_left_out_with_the_reason() -> None:
    prompts = {
        "mood": PromptSet(facet="mood", templates=["{}"]),
        "motif": PromptSet(facet="motif", templates=["{}"]),
    }
    columns, left_out = build_columns(prompts, CLASSES, "x.yaml")
    assert {column.prompt_set for column in columns} == {"motif"}
    assert left_out == {"mood": "the data set has no classes of the facet 'mood'"}


def test_a_text_that_several_columns_share_is_encoded_once() -> None:
    prompts = {name: PromptSet(facet="motif", templates=["{}", f"{name} {{}}"]) for name in ("a", "b")}
    columns, _ = build_columns(prompts, CLASSES, "x.yaml")
    assert unique_texts(columns) == ["owl", "a owl", "cat", "a cat", "b owl", "b cat"]


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("cat", "a"),
        ("owl", "an"),
        ("Angel", "an"),
        ("unicorn", "a"),
        ("umbrella", "an"),
        ("one-way sign", "a"),
        ("onion", "an"),
        ("hourglass", "an"),
        ("house", "a"),
        ("uninhabited island", "an"),
        ("unimportant man", "an"),
        ("", "a"),
    ],
)
def test_the_article_follows_the_sound(noun: str, expected: str) -> None:
    assert article(noun) == expected


def test_words_are_named_instead_of_classes_and_know_those_they_are() -> None:
    words = ["Owl", "night bird", "ink", "owl", "cat"]
    typed = PromptSet(facet="motif", templates=["a {name}"], words=words)
    columns, left_out = build_columns({"words": typed}, CLASSES, "x.yaml")
    assert [(column.class_id, column.texts) for column in columns] == [
        ("owl", ("a Owl",)),
        ("night bird", ("a night bird",)),
        ("word:ink", ("a ink",)),  # ink is a class of another facet
        ("cat", ("a cat",)),
    ]
    assert left_out == {}


def test_words_need_no_class() -> None:
    typed = PromptSet(facet="label", templates=["a {name}"], words=["bird"])
    columns, _ = build_columns({"words": typed}, from_rows("classes", []), "x.yaml")
    assert [column.class_id for column in columns] == ["bird"]


def test_what_was_typed_stands_beside_the_sets_of_the_file() -> None:
    own = {"label": PromptSet(facet="kind", templates=["a {name}"])}
    assert typed_prompts(own, [], []) == own
    both = typed_prompts(own, ["owl"], ["my {name}"])
    assert list(both) == ["label", "typed", "words"]
    assert (both["typed"].facet, both["typed"].templates) == ("kind", ["my {name}"])
    assert (both["words"].words, both["words"].templates) == (["owl"], ["my {name}"])
    assert typed_prompts(own, ["owl"], [])["words"].templates == ["a {name}"]
    assert typed_prompts(None, ["owl"], [])["words"].templates == ["a photo of a {name}."]


def test_classes_with_the_same_texts_are_told() -> None:
    rows = [
        {"class_id": i, "facet": "bird", "name": name, "synonyms": []}
        for i, name in (("n1", "crane"), ("n2", "tench"), ("n3", "crane"))
    ]
    sets = {name: PromptSet(facet="bird", templates=["a {name}", name]) for name in ("one", "two")}
    columns, _ = build_columns(sets, from_rows("classes", rows), "x.yaml")
    assert equal_texts(columns) == {name: {"a crane": ["n1", "n3"]} for name in ("one", "two")}
