"""From features and tables to the stage's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from strata.base.files import read_array, read_json, read_table, write_array, write_json, write_table
from strata.collection.tables import Tables, from_rows
from strata.maps.features import ROWS_SCHEMA
from strata.measures.scores import read_scores
from strata.models.loading import LoadedModel
from strata.naming.results import SCHEMAS
from strata.naming.text import class_vectors, count_cut, encode_texts
from strata.naming.zeroshot import name_pictures
from strata.results.flat import flatten
from strata.settings.params import PromptSet
from tests.models.tiny_networks import load, write_network

PROMPTS = {
    "plain": PromptSet(facet="motif", templates=["a painting of {article} {name}."]),
    "many": PromptSet(
        facet="motif", templates=["{article} {name}", "the {name}", "a drawing of {name}"], synonyms=True
    ),
    "medium": PromptSet(facet="medium", templates=["{name}"]),
}
CLASSES = [
    {"class_id": name, "facet": facet, "name": name, "synonyms": synonyms}
    for name, facet, synonyms in (
        ("owl", "motif", ["bird"]),
        ("cat", "motif", []),
        ("ship", "motif", ["boat", "vessel"]),
        ("oil", "medium", []),
        ("ink", "medium", []),
    )
]
LABELS = [["owl", "ink"], ["cat"], ["ship", "oil"], ["owl"], []]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(write_network(tmp_path_factory.mktemp("models") / "vit", "vit"))


def make_tables(labels: list[list[str]] = LABELS, classes: list[dict[str, Any]] = CLASSES) -> Tables:
    images = [
        {"image_id": f"p{i}", "path": f"p{i}.png", "labels": own, "status": "ok"}
        for i, own in enumerate(labels)
    ]
    broken = {"image_id": "broken", "path": "broken.png", "labels": labels[0], "status": "truncated"}
    return Tables(
        from_rows("images", [*images, broken]),
        from_rows("queries", []),
        from_rows("relevance", []),
        from_rows("classes", classes),
    )


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Five pictures and the crop of a query, whose row must not be named."""
    folder = tmp_path / "features"
    rows = [{"row": i, "kind": "image", "image_id": f"p{i}", "query_id": None} for i in range(5)]
    rows.append({"row": 5, "kind": "query", "image_id": "p0", "query_id": "q"})
    write_table(folder / "rows.parquet", pa.Table.from_pylist(rows, schema=ROWS_SCHEMA))
    write_json(folder / "layers.json", ["embedding"])
    vectors = np.random.default_rng(0).normal(size=(6, 24)).astype(np.float32)
    write_array(folder / "embedding" / "vector.npy", vectors)
    return folder


def named(features: Path, out: Path, model: LoadedModel | None, **changes: Any) -> tuple[Any, Any]:
    def give() -> LoadedModel:
        assert model is not None, "the model was loaded for nothing"
        return model

    options: dict[str, Any] = {"prompts": PROMPTS, "where": "x.yaml", "image_only": False, "top": 2}
    tables = changes.pop("tables", make_tables())
    return name_pictures(features, tables, out, load=give, **{**options, **changes})


@torch.no_grad()
def test_text_vectors_are_those_of_a_loop_over_classes(model: LoadedModel) -> None:
    """Each text alone, normalised; their mean, normalised again."""
    from strata.naming.prompts import build_columns, unique_texts

    columns, _ = build_columns(PROMPTS, make_tables().classes, "x")
    texts = unique_texts(columns)
    seen = class_vectors(columns, texts, encode_texts(model, texts))
    tokenizer = model.tokenizer()
    for column, vector in zip(columns, seen, strict=True):
        each = torch.cat([model.clip.encode_text(tokenizer([text]), normalize=True) for text in column.texts])
        mean = each.mean(dim=0)
        assert vector == pytest.approx((mean / mean.norm()).numpy(), abs=1e-5)


def test_texts_in_bf16_are_those_in_fp32(tmp_path: Path) -> None:
    folder = write_network(tmp_path / "vit", "vit")
    exact, fast = (encode_texts(load(folder, precision=p), ["an owl", "a cat"]) for p in ("fp32", "bf16"))
    assert fast.dtype == np.float32
    assert np.sum(exact * fast, axis=1).min() >= 0.999


def test_texts_beyond_the_context_are_counted(model: LoadedModel) -> None:
    assert count_cut(model, ["a cat", "word " * 14, "word " * 15]) == 1


def test_the_files_hold_every_picture_and_every_set(
    tmp_path: Path, features: Path, model: LoadedModel
) -> None:
    out = tmp_path / "out"
    scores, status = named(features, out, model)
    logits, columns = read_array(out / "logits.npy"), read_table(out / "columns.parquet").to_pylist()
    assert logits.shape == (5, 8)
    assert logits.dtype == np.float32
    assert [c["class_id"] for c in columns] == ["owl", "cat", "ship"] * 2 + ["oil", "ink"]
    assert columns[3]["texts"][:2] == ["an owl", "a bird"]
    assert read_array(out / "text.npy").shape == (8, 24)
    vector = read_array(features / "embedding/vector.npy")[2]
    cosine = vector @ read_array(out / "text.npy")[4] / np.linalg.norm(vector)
    assert logits[2, 4] == pytest.approx(model.logit_scale * cosine, abs=1e-4)
    assert scores.layers == ["plain", "many", "medium"]
    assert status == read_json(out / "status.json")
    assert status["status"] == "ok"
    assert status["logit_scale"] == model.logit_scale
    for name, schema in SCHEMAS.items():
        assert read_table(out / f"{name}.parquet").schema.equals(pa.schema(schema))
    assert read_scores(out) == scores
    assert scores.policy("facet", "medium") == "medium"


def test_predictions_follow_the_logits(tmp_path: Path, features: Path, model: LoadedModel) -> None:
    out = tmp_path / "out"
    scores, _ = named(features, out, model)
    logits = read_array(out / "logits.npy").astype(np.float64)
    rows = read_table(out / "predictions.parquet").to_pylist()
    assert len(rows) == 15
    ids = ["owl", "cat", "ship"]
    for i, row in enumerate(rows[:5]):
        order = np.argsort(-logits[i, :3])
        assert row["image_id"] == f"p{i}"
        assert row["true"] == [label for label in LABELS[i] if label in ids]
        assert row["predicted"] == ids[order[0]]
        assert row["top"] == [ids[c] for c in order[:2]]
        shares = np.exp(logits[i, :3]) / np.exp(logits[i, :3]).sum()
        assert row["probability"] == pytest.approx(shares.max(), rel=1e-5)
        assert row["entropy"] == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-5)
    hits = [row["predicted"] in row["true"] for row in rows[:4]]
    plain = flatten(scores)["plain"]
    assert plain["top1"] == np.mean(hits)
    assert (plain["n"], plain["n_unlabelled"]) == (4, 1)
    confusion = [
        row for row in read_table(out / "confusion.parquet").to_pylist() if row["prompt_set"] == "plain"
    ]
    assert sum(row["count"] for row in confusion) == 4
    assert sum(row["count"] for row in confusion if row["true"] == row["predicted"]) == sum(hits)


def test_the_best_pictures_of_a_class_come_first(tmp_path: Path, features: Path, model: LoadedModel) -> None:
    named(features, tmp_path / "out", model)
    rows = read_table(tmp_path / "out/best_pictures.parquet").to_pylist()
    own = [row for row in rows if (row["prompt_set"], row["class_id"]) == ("plain", "cat")]
    assert [row["rank"] for row in own] == [1, 2, 3, 4, 5]
    chances = [row["probability"] for row in own]
    assert chances == sorted(chances, reverse=True)


def test_a_facet_with_several_labels_a_picture_is_ranked(
    tmp_path: Path, features: Path, model: LoadedModel
) -> None:
    tables = make_tables([["owl", "cat"], ["cat"], ["ship"], ["owl"], []])
    scores, _ = named(features, tmp_path / "out", model, tables=tables)
    plain = flatten(scores)["plain"]
    assert plain["task"] == "multi-label"
    assert 0 < plain["map"] <= 1


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, features: Path, model: LoadedModel) -> None:
    for out in ("a", "b"):
        named(features, tmp_path / out, model)
    files = sorted((tmp_path / "a").iterdir())
    assert len(files) == 9
    assert all(file.read_bytes() == (tmp_path / "b" / file.name).read_bytes() for file in files)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prompts": None}, "no prompts"),
        ({"image_only": True}, "without a text tower"),
        ({"tables": make_tables([[]] * 5, [])}, "no classes of the facets"),
        ({}, "'embedding' is not among the layers"),
    ],
)
def test_where_nothing_can_be_named_the_files_are_empty_and_say_why(
    tmp_path: Path, features: Path, changes: dict[str, Any], reason: str
) -> None:
    if not changes:
        write_json(features / "layers.json", ["late"])
    scores, status = named(features, tmp_path / "out", None, **changes)
    assert scores.scores == []
    assert scores.policy("status", "none") == status["status"]
    assert reason in status["status"]
    assert read_json(tmp_path / "out/status.json") == status
    assert read_array(tmp_path / "out/logits.npy").shape == (5, 0)
    for name, schema in SCHEMAS.items():
        table = read_table(tmp_path / "out" / f"{name}.parquet")
        assert table.num_rows == 0
        assert table.schema.equals(pa.schema(schema))
    assert read_scores(tmp_path / "out") == scores
