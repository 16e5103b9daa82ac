"""Labels from sub-folders or a CSV, classes from the YAML or from the labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from strata.base.errors import StrataError
from strata.datasets.folder_labels import Labels, Told, classes_of, labels_from_folders, told_by_csv
from strata.settings.params import ClassEntry, LabelSource

FILES = ["a.jpg", "b.jpg", "sub/c.jpg"]


def source(**columns: str) -> LabelSource:
    values = {"from": "csv", "file": "labels.csv", "file_column": "file", "label_columns": columns}
    names = {facet: f"{column} name" for facet, column in columns.items()}
    return LabelSource.model_validate(
        {**values, "name_columns": names, "split_column": "split", "caption_column": "caption"}
    )


def told_by(tmp_path: Path, text: str, **columns: str) -> tuple[Told, list[str]]:
    warnings: list[str] = []
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    told = told_by_csv(tmp_path / "labels.csv", "L.csv", source(**columns), FILES, warnings.append)
    return told, warnings


def from_csv(tmp_path: Path, text: str, **columns: str) -> tuple[Labels, list[str]]:
    told, warnings = told_by(tmp_path, text, **columns)
    return told.labels, warnings


def test_the_first_sub_folder_is_the_label() -> None:
    files = ["x.jpg", "cat/a.jpg", "cat/old/b.jpg", "big dog/c.jpg"]
    assert labels_from_folders(files, "animal") == {
        "cat/a.jpg": [("animal", "cat")],
        "cat/old/b.jpg": [("animal", "cat")],
        "big dog/c.jpg": [("animal", "big dog")],
    }


def test_a_label_is_the_same_however_its_accents_are_stored() -> None:
    apart, whole = "Gema\u0308lde", "Gem\u00e4lde"
    labels = labels_from_folders([f"{apart}/a.jpg", f"{whole}/b.jpg"], "kind")
    assert labels == {f"{apart}/a.jpg": [("kind", whole)], f"{whole}/b.jpg": [("kind", whole)]}
    _, ids = classes_of(labels, ["kind"], {"kind": [ClassEntry(id=apart)]})
    assert ids == {("kind", whole): apart}


def test_a_cell_may_hold_several_labels_and_rows_add_up(tmp_path: Path) -> None:
    text = "file,motif,mood\na.jpg,' cow'; ship ;,calm\nb.jpg,ship,\nsub/c.jpg,,calm\na.jpg,tree;ship,calm\n"
    labels, warnings = from_csv(tmp_path, text, motif="motif", feeling="mood")
    assert labels == {
        "a.jpg": [("motif", "' cow'"), ("motif", "ship"), ("motif", "tree"), ("feeling", "calm")],
        "b.jpg": [("motif", "ship")],
        "sub/c.jpg": [("feeling", "calm")],
    }
    assert warnings == []


def test_rows_and_pictures_that_do_not_meet_are_counted(tmp_path: Path) -> None:
    labels, warnings = from_csv(tmp_path, "file,l\nA.jpg,x\na.jpg,x\nz.jpg,y\n", label="l")
    assert labels == {"a.jpg": [("label", "x")]}
    assert warnings == [
        "L.csv: 2 of 3 rows name no picture of the folder: 'A.jpg' (line 2), 'z.jpg' (line 4); "
        "they are left out",
        "2 of 3 pictures have no row in L.csv",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("file,l\npictures/a.jpg,x\n", "1 of 1 rows name no picture"), ("file,l\n", "no rows below its header")],
)
def test_a_table_that_names_no_picture_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StrataError, match=rf"L\.csv: {said}"):
        from_csv(tmp_path, text, label="l")


def test_classes_are_called_what_the_csv_says(tmp_path: Path) -> None:
    text = "file,l,l name,m\na.jpg,n01;n02,tench; crane,calm\nb.jpg,n02,,calm\nsub/c.jpg,n03,,calm\n"
    told, _ = told_by(tmp_path, text, label="l", mood="m")
    assert told.names == {("label", "n01"): "tench", ("label", "n02"): "crane"}
    given = {"label": [ClassEntry(id=f"n0{i}", name="mine" if i == 2 else None) for i in (1, 2, 3)]}
    for classes, names in ((None, ["tench", "crane", "n03"]), (given, ["tench", "mine", "n03"])):
        rows, _ = classes_of(told.labels, ["label", "mood"], classes, told.names)
        assert [row["name"] for row in rows] == [*names, "calm"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a.jpg,x,one\nb.jpg,x,two", r"line 3: class 'x' is called 'two' here and 'one' before"),
        ("a.jpg,x;y,one", r"line 2: column 'l name' has 1 names for 2 labels"),
    ],
)
def test_names_that_contradict_are_one_clear_line(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(StrataError, match=said):
        told_by(tmp_path, f"file,l,l name\n{rows}\n", label="l")


def test_several_rows_are_several_captions_and_need_no_labels(tmp_path: Path) -> None:
    text = "file,caption\na.jpg,a cow; it is brown\n./a.jpg, a field \nb.jpg,\na.jpg,a field\n"
    told, _ = told_by(tmp_path, text, label="l")
    assert told.captions == {"a.jpg": ["a cow; it is brown", "a field"]}
    assert told.labels == {"a.jpg": [], "b.jpg": []}
    both, _ = told_by(tmp_path, "file,caption,l\na.jpg,a cow,x\n", label="l")
    assert (both.captions, both.labels) == ({"a.jpg": ["a cow"]}, {"a.jpg": [("label", "x")]})
    with pytest.raises(StrataError, match=r"L\.csv: no column 'm'"):
        told_by(tmp_path, "file,caption,l\na.jpg,a cow,x\n", label="l", mood="m")


def test_a_picture_is_in_one_split(tmp_path: Path) -> None:
    told, _ = told_by(tmp_path, "file,l,split\na.jpg,x, query\nb.jpg,x,\nsub/c.jpg,x,test\n", label="l")
    assert told.splits == {"a.jpg": "query", "sub/c.jpg": "test"}
    with pytest.raises(StrataError, match=r"line 3: 'a\.jpg' is in split 'train' and in 'query'"):
        told_by(tmp_path, "file,l,split\na.jpg,x,query\na.jpg,x,train\n", label="l")


def test_a_missing_label_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"L\.csv: no column 'mood'; the columns are file, l"):
        from_csv(tmp_path, "file,l\na.jpg,x\n", label="l", mood="mood")


def test_classes_are_the_labels_found_sorted_with_readable_names() -> None:
    labels: Labels = {"a": [("label", "wind_mill")], "b": [("label", "a-b"), ("mood", "calm")]}
    rows, ids = classes_of(labels, ["label", "mood"], None)
    found = [(row["class_id"], row["facet"], row["name"], row["description"]) for row in rows]
    assert found == [
        ("a-b", "label", "a b", None),
        ("wind_mill", "label", "wind mill", None),
        ("calm", "mood", "calm", None),
    ]
    assert ids["label", "wind_mill"] == "wind_mill"


def test_a_hyphen_between_words_that_are_apart_stays() -> None:
    labels: Labels = {"a": [("label", "ring-necked snake"), ("label", "fox-squirrel")]}
    assert [row["name"] for row in classes_of(labels, ["label"], None)[0]] == [
        "fox squirrel",
        "ring-necked snake",
    ]


def test_a_name_shared_by_two_facets_is_two_classes() -> None:
    labels: Labels = {"a": [("artist", "unknown"), ("medium", "unknown")]}
    rows, ids = classes_of(labels, ["artist", "medium"], None)
    assert [(row["class_id"], row["name"]) for row in rows] == [
        ("unknown", "unknown"),
        ("medium:unknown", "unknown"),
    ]
    assert ids == {("artist", "unknown"): "unknown", ("medium", "unknown"): "medium:unknown"}


def test_given_classes_keep_their_order_words_and_empty_ones() -> None:
    entries = [
        ClassEntry(id="sq", name="squirrel", synonyms=["rodent"], description="a d"),
        ClassEntry(id="cat"),
    ]
    given = {"label": entries, "mood": [ClassEntry(id="calm")]}
    rows, _ = classes_of({"a": [("label", "cat")]}, ["label"], given)
    assert [row["class_id"] for row in rows] == ["sq", "cat", "calm"]
    assert (rows[0]["name"], rows[0]["synonyms"], rows[0]["description"]) == ("squirrel", ["rodent"], "a d")


def test_a_label_that_is_no_given_class_is_refused() -> None:
    with pytest.raises(StrataError, match=r"a\.jpg: its label 'dog' is not in conf/datasets/folder\.yaml"):
        classes_of({"a.jpg": [("label", "dog")]}, ["label"], {"label": [ClassEntry(id="cat")]})
