"""Labels of one facet among several."""

from __future__ import annotations

from strata.facets import facet_labels, facet_names, suffixes
from strata.tables import Tables, from_rows


def tables():
    images = [
        {"image_id": image_id, "path": image_id, "labels": labels, "status": "ok"}
        for image_id, labels in [("a", ["cat", "calm"]), ("b", []), ("c", ["cat", "dog"]), ("d", ["dog"])]
    ]
    classes = [
        {"class_id": class_id, "facet": facet, "name": class_id, "synonyms": []}
        for class_id, facet in [("dog", "animal"), ("calm", "mood"), ("cat", "animal")]
    ]
    return Tables(
        from_rows("images", images),
        from_rows("queries", []),
        from_rows("relevance", []),
        from_rows("classes", classes),
    )


def test_a_picture_counts_with_exactly_one_label_of_the_facet():
    labels = facet_labels(tables(), ["d", "c", "b", "a"], "animal")
    assert labels.class_ids == ["dog", "cat"]
    assert labels.codes.tolist() == [0, -1, -1, 1]
    assert labels.several == 1


def test_the_first_facet_of_the_table_is_the_main_one():
    assert facet_names(tables()) == ["animal", "mood"]
    assert suffixes(facet_names(tables())) == {"animal": "", "mood": "_mood"}
