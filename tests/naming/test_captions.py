"""Captions find their pictures, pictures their captions: against ranks counted one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strata.base.files import read_table, write_array, write_json, write_table
from strata.collection.tables import Tables, from_rows, tables_from_rows
from strata.maps.features import ROWS_SCHEMA
from strata.measures.scores import Score, Scored, read_scores
from strata.models.loading import LoadedModel
from strata.naming import captions
from strata.naming.captions import TO_PICTURE, TO_TEXT, caption_ranks, match_captions, score_captions
from strata.naming.text import encode_texts
from tests.models.tiny_networks import load, write_network

SMALL = st.integers(-2, 2).map(float)


def by_name(found: Scored, layer: str) -> dict[str, Score]:
    return {score.metric: score for score in found.scores if score.layer == layer}


@given(data=st.data(), block=st.integers(1, 4))
def test_ranks_count_what_scores_higher_or_stands_before(data: st.DataObject, block: int) -> None:
    n, c = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6))
    pictures, texts = (data.draw(arrays(np.float64, (rows, 3), elements=SMALL)) for rows in (n, c))
    owners = np.array(data.draw(st.lists(st.integers(-1, n - 1), min_size=c, max_size=c)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captions, "BLOCK", block)
        ranks = caption_ranks(pictures, texts, owners)
    unit = [
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (pictures, texts)
    ]
    cosine = np.round(unit[1] @ unit[0].T, captions.DECIMALS)
    for i, own in enumerate(owners):
        found = ranks[TO_PICTURE][i], ranks[TO_TEXT][i]
        if own < 0:
            assert found == (-1, -1)
            continue
        assert found[0] == sorted(range(n), key=lambda p: (-cosine[i, p], p)).index(own)
        assert found[1] == sorted(range(c), key=lambda t: (-cosine[t, own], t)).index(i)


def test_a_hit_is_any_caption_and_recall_their_share() -> None:
    ids = np.array(["a", "a", "b", "c"], object)
    ranks = {TO_PICTURE: np.array([0, 3, 7, -1]), TO_TEXT: np.array([0, 6, 4, -1])}
    found = score_captions(ranks, ids, n_pictures=20)
    text = by_name(found, TO_PICTURE)
    assert [text[f"hit_at_{k}"].value for k in (1, 5, 10)] == [0.25, 0.5, 0.75]
    assert [text[f"hit_at_{k}"].chance for k in (1, 5, 10)] == [0.05, 0.25, 0.5]
    picture = by_name(found, TO_TEXT)
    assert [picture[f"hit_at_{k}"].value for k in (1, 5)] == pytest.approx([1 / 3, 2 / 3])
    assert [picture[f"recall_at_{k}"].value for k in (1, 5, 10)] == pytest.approx([0.5 / 3, 1.5 / 3, 2 / 3])
    # any of 2 of 4 texts first: 1/2; the only one of 4: 1/4
    assert picture["hit_at_1"].chance == pytest.approx((1 / 2 + 1 / 4 + 1 / 4) / 3)
    assert picture["recall_at_1"].chance == pytest.approx(1 / 4)
    assert (text["n_texts"].value, text["n_pictures"].value, text["n_captioned"].value) == (4, 20, 3)
    assert found.policy("clip_benchmark", TO_TEXT) == "hit_at_k is its text_retrieval_recall@k"


def test_the_interval_goes_over_pictures_not_captions() -> None:
    right = np.random.default_rng(0).integers(0, 2, 12)
    ids = np.array([f"p{i:02d}" for i in range(12)], object)
    once = score_captions({TO_PICTURE: np.where(right, 0, 99)}, ids, 100)
    five = score_captions({TO_PICTURE: np.where(np.repeat(right, 5), 0, 99)}, np.repeat(ids, 5), 100)
    one, many = (by_name(found, TO_PICTURE)["hit_at_1"] for found in (once, five))
    assert (one.n, one.low, one.high) == (many.n, pytest.approx(many.low), pytest.approx(many.high))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(write_network(tmp_path_factory.mktemp("models") / "vit", "vit"))


def tables(*said: tuple[str, str]) -> Tables:
    images = [
        {
            "image_id": name,
            "path": name,
            "labels": [],
            "status": "ok",
            "split": "query" if name == "q" else None,
        }
        for name in ("a", "b", "broken", "q")
    ]
    return tables_from_rows(images, captions=[{"image_id": i, "caption": text} for i, text in said])


SAID = (("a", "an owl"), ("a", "a bird"), ("b", "a ship"), ("broken", "a cat"), ("q", "a fox"))


@pytest.fixture
def features(tmp_path: Path, model: LoadedModel) -> Path:
    """Two pictures that look like their first captions, one that only queries, a query's crop."""
    folder = tmp_path / "features"
    kinds = [("image", "a"), ("image", "b"), ("outside", "q"), ("query", "a")]
    rows = [
        {"row": i, "kind": kind, "image_id": name, "query_id": "x" if kind == "query" else None}
        for i, (kind, name) in enumerate(kinds)
    ]
    write_table(folder / "rows.parquet", pa.Table.from_pylist(rows, schema=ROWS_SCHEMA))
    write_json(folder / "layers.json", ["embedding"])
    vectors = encode_texts(model, ["an owl", "a ship", "a fox", "an owl"])
    write_array(folder / "embedding/vector.npy", vectors)
    return folder


def test_captions_are_matched_with_the_database_alone(
    features: Path, model: LoadedModel, tmp_path: Path
) -> None:
    found = match_captions(features, tables(*SAID), tmp_path / "out", image_only=False, load=lambda: model)
    ranks = read_table(tmp_path / "out/ranks.parquet").to_pylist()
    assert [row["caption"] for row in ranks] == [text for _, text in SAID[:4]]
    assert [(row[TO_PICTURE], row[TO_TEXT]) for row in ranks][::2] == [(0, 0), (0, 0)]
    assert (ranks[3][TO_PICTURE], ranks[3][TO_TEXT]) == (-1, -1)  # its picture could not be read
    values = by_name(found, TO_TEXT)
    assert values["hit_at_1"].value == pytest.approx(2 / 3)
    assert (values["n_pictures"].value, values["n_captioned"].value) == (2, 3)
    assert read_scores(tmp_path / "out") == found


def test_captions_that_several_pictures_share_are_counted(
    features: Path, model: LoadedModel, tmp_path: Path
) -> None:
    shared = tables(("a", "an owl"), ("b", "an owl"))
    found = match_captions(features, shared, tmp_path / "out", image_only=False, load=lambda: model)
    assert by_name(found, TO_PICTURE)["n_shared_texts"].value == 1


@pytest.mark.parametrize(
    ("said", "layers", "image_only", "reason"),
    [
        ((), ["embedding"], False, "the data set has no captions"),
        (SAID, ["late"], False, "'embedding' is not among the layers"),
        (SAID, ["embedding"], True, "the model is an image tower without a text tower"),
    ],
)
def test_where_nothing_can_be_matched_a_policy_says_why(
    features: Path,
    tmp_path: Path,
    said: tuple[tuple[str, str], ...],
    layers: list[str],
    image_only: bool,
    reason: str,
) -> None:
    write_json(features / "layers.json", layers)
    found = match_captions(features, tables(*said), tmp_path / "out", image_only=image_only, load=pytest.fail)
    assert found.policy("status", "none") == f"not run: {reason}"
    assert found.scores == []
    assert read_table(tmp_path / "out/ranks.parquet").num_rows == 0


def test_a_caption_of_an_unknown_picture_is_refused_by_the_tables(tmp_path: Path) -> None:
    from strata.base.errors import StrataError
    from strata.collection.tables import validate

    wrong = replace(tables(), captions=from_rows("captions", [{"image_id": "z", "caption": "x"}]))
    with pytest.raises(StrataError, match=r"captions\.parquet: column image_id, row 0: 'z' is not known"):
        validate(wrong, tmp_path)
