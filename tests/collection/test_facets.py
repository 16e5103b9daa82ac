"""Labels of one facet among several."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from strata.base.errors import StrataError
from strata.collection.facets import (
    ENDINGS,
    FacetLabels,
    check_facet_names,
    facet_labels,
    facet_names,
    label_pairs,
    suffixes,
)
from strata.collection.tables import Tables, from_rows
from strata.grouping.clustering import fit_clusters
from strata.measures.cluster_scores import facet_scores, silhouette_scores, size_scores
from strata.naming.probe import Protocol, probe


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


@pytest.mark.parametrize("facets", [["label", "accuracy"], ["label", "mood", "low_mood"]])
def test_a_facet_that_ends_like_a_metric_is_refused(facets):
    with pytest.raises(StrataError, match=rf"^x.yaml: a facet cannot be called '{facets[-1]}': [^\n]*$"):
        check_facet_names(facets, "x.yaml")


def test_other_facet_names_are_taken():
    check_facet_names(["low", "mood", "low_key", "genre", "sub_genre"], "x.yaml")  # the first adds nothing
    check_facet_names([], "x.yaml")


def test_no_number_of_clusters_or_probe_ends_like_a_facet_may():
    rows = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
    labels = FacetLabels("animal", ["cat", "dog"], np.arange(16) % 2, 0)
    clusters = fit_clusters(rows, 2, seed=0, restarts=1)
    protocol = Protocol(C=1, scale="none", splits=2, test_share=0.5, max_pictures=None, seed=0)
    scores = {
        **size_scores(clusters),
        **silhouette_scores(rows, clusters, seed=0),
        **facet_scores(clusters, labels, seed=0),
        **probe(rows.astype(np.float64), labels, protocol),
    }
    numbers = [name for name, score in scores.items() if not isinstance(score, str)]
    assert {name.rpartition("_")[2] for name in numbers if "_" in name} == set(ENDINGS)
