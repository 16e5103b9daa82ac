"""Real photographs and real weights: the figures of stock open_clip, by our decoding, views and scoring."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from strata.base.files import read_json, read_table, write_array, write_json, write_table
from strata.collection.tables import Tables, from_rows
from strata.maps.features import ROWS_SCHEMA
from strata.maps.views import ViewSpec, decode_picture, make_view
from strata.measures.scores import value_of
from strata.models.layers import forward_taps, resolve_layers
from strata.models.loading import LoadedModel, load_model, normalise
from strata.naming.zeroshot import name_pictures
from strata.settings.params import ModelConf, PromptSet, Weights

DATA = os.environ.get("STRATA_TEST_DATA")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(DATA is None, reason="STRATA_TEST_DATA is not set: no real photographs"),
]
NAMES = {"cat": "cat", "dog": "dog", "monkey": "monkey", "squirrel": "fox squirrel"}


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    path = str(Path(str(DATA)) / "weights" / "mobilenetv2-inlabel")
    weights = Weights(path=path, tag=None, sha256=None, source=None)
    conf = ModelConf(title="real", architecture=None, weights=weights, aliases={}, image_only=False)
    return load_model(conf, device="cpu")


@pytest.fixture(scope="module")
def animals() -> list[tuple[Path, str]]:
    folder = Path(str(DATA)) / "animals"
    with open(folder / "labels.csv", encoding="utf-8") as stream:
        return sorted((folder / row["file"], row["label"]) for row in csv.DictReader(stream))


@pytest.fixture(scope="module")
def embeddings(model: LoadedModel, animals: list[tuple[Path, str]]) -> np.ndarray:
    spec = ViewSpec(model.image_size_px, "center_crop", "full", model.interpolation, model.fill)
    taps = resolve_layers(model, ["embedding"], {})
    parts = []
    for start in range(0, len(animals), 64):
        views = [
            make_view(decode_picture(path.read_bytes()), spec) for path, _ in animals[start : start + 64]
        ]
        pixels = normalise(torch.stack([view.pixels for view in views]), model)
        found = forward_taps(model, pixels, taps)["embedding"].vector
        assert found is not None
        parts.append(found.numpy())
    return np.concatenate(parts)


def test_zero_shot_on_the_animals_is_that_of_stock_open_clip(
    tmp_path: Path, model: LoadedModel, animals: list[tuple[Path, str]], embeddings: np.ndarray
) -> None:
    ids = [path.name for path, _ in animals]
    features = tmp_path / "features"
    write_json(features / "layers.json", ["embedding"])
    write_array(features / "embedding" / "vector.npy", embeddings)
    rows = [{"row": i, "kind": "image", "image_id": name, "query_id": None} for i, name in enumerate(ids)]
    write_table(features / "rows.parquet", pa.Table.from_pylist(rows, schema=ROWS_SCHEMA))
    images = [
        {"image_id": path.name, "path": str(path), "labels": [label], "status": "ok"}
        for path, label in animals
    ]
    classes = [{"class_id": i, "facet": "label", "name": n, "synonyms": []} for i, n in NAMES.items()]
    tables = Tables(
        from_rows("images", images),
        from_rows("queries", []),
        from_rows("relevance", []),
        from_rows("classes", classes),
    )
    prompts = {"label": PromptSet(facet="label", templates=["a photo of {article} {name}."])}
    scores, _ = name_pictures(
        features,
        tables,
        tmp_path / "out",
        prompts=prompts,
        where="x",
        image_only=False,
        load=lambda: model,
        top=5,
    )
    assert value_of(scores.scores, "n") == len(animals)
    assert value_of(scores.scores, "top1") == pytest.approx(0.897, abs=0.003)
    assert read_json(tmp_path / "out" / "status.json")["status"] == "ok"
    assert read_table(tmp_path / "out" / "predictions.parquet").num_rows == len(animals)


def test_embeddings_are_those_of_a_plain_open_clip_loop(
    model: LoadedModel, animals: list[tuple[Path, str]], embeddings: np.ndarray
) -> None:
    import open_clip
    from PIL import Image

    stock, _, preprocess = open_clip.create_model_and_transforms(model.spec)
    stock.eval()
    for place in range(0, len(animals), 40):
        with Image.open(animals[place][0]) as image, torch.no_grad():
            expected = stock.encode_image(preprocess(image)[None])[0].numpy()
        cosine = expected @ embeddings[place] / np.linalg.norm(expected) / np.linalg.norm(embeddings[place])
        assert cosine >= 0.9999


def test_class_retrieval_with_the_embedding_is_that_of_stock_open_clip(
    animals: list[tuple[Path, str]], embeddings: np.ndarray
) -> None:
    """P@1 0.944 (every picture queries), mAP 0.760 (every fourth does); step AP, the query excluded."""
    labels = np.array([label for _, label in animals])
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    first, precisions = [], []
    for query in range(len(animals)):
        scores = unit @ unit[query]
        scores[query] = -np.inf
        hits = labels[np.argsort(-scores, kind="stable")[:-1]] == labels[query]
        ranks = np.flatnonzero(hits)
        first.append(hits[0])
        precisions.append(np.mean(np.arange(1, len(ranks) + 1) / (ranks + 1)))
    assert np.mean(first) == pytest.approx(0.944, abs=0.005)
    assert np.mean(precisions[::4]) == pytest.approx(0.760, abs=0.005)
