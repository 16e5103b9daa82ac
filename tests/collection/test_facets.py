"""Labels of one facet among several."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from strata.collection.facets import facet_labels, facet_names, label_pairs
from strata.collection.tables import Tables, from_rows


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


def test_pairs_are_those_that_a_loop_finds():
    random = np.random.default_rng(3)
    classes = [f"c{number}" for number in range(5)]
    own = [list(random.choice(classes, random.integers(0, 4))) for _ in range(60)]  # some labels twice
    images = from_rows(
        "images",
        [{"image_id": f"p{i}", "path": "", "labels": labels, "status": "ok"} for i, labels in enumerate(own)],
    )
    images = pa.concat_tables([images.slice(0, 7), images.slice(7)])  # in two chunks, as files come
    asked = [f"p{i}" for i in random.permutation(60)[:40]]
    wanted = ["c3", "c0", "other"]
    owners, codes = label_pairs(images, pa.array(asked), wanted)
    slow = [
        (at, code)
        for at, image_id in enumerate(asked)
        for code, class_id in enumerate(wanted)
        if class_id in own[int(image_id[1:])]
    ]
    assert list(zip(owners.tolist(), codes.tolist(), strict=True)) == slow


def test_a_picture_that_the_table_lacks_is_an_error():
    with pytest.raises(KeyError, match="nobody"):
        facet_labels(tables(), ["a", "nobody"], "animal")


def test_without_classes_there_are_no_pairs():
    owners, codes = label_pairs(tables().images, pa.array(["a", "b"]), [])
    assert len(owners) == len(codes) == 0
