"""The tables that the zero-shot stage leaves, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from strata.files import write_array, write_json, write_table
from strata.scores import Score, score_table
from strata.zeroshot.prompts import Column
from strata.zeroshot.scoring import Floats, Truth, entropy, likeliest, probabilities, score_set

BEST = 10  # pictures kept a class

SCHEMAS: dict[str, list[tuple[str, pa.DataType]]] = {
    "columns": [
        ("prompt_set", pa.string()),
        ("facet", pa.string()),
        ("class_id", pa.string()),
        ("name", pa.string()),
        ("texts", pa.list_(pa.string())),
    ],
    "predictions": [
        ("prompt_set", pa.string()),
        ("image_id", pa.string()),
        ("true", pa.list_(pa.string())),
        ("predicted", pa.string()),
        ("top", pa.list_(pa.string())),
        ("probability", pa.float32()),
        ("entropy", pa.float32()),
    ],
    "confusion": [
        ("prompt_set", pa.string()),
        ("true", pa.string()),
        ("predicted", pa.string()),
        ("count", pa.int64()),
    ],
    "best_pictures": [
        ("prompt_set", pa.string()),
        ("class_id", pa.string()),
        ("rank", pa.int32()),
        ("image_id", pa.string()),
        ("probability", pa.float32()),
    ],
}


@dataclass(frozen=True)
class Named:
    """Everything about all prompt sets. logits (N, K) of ``image_ids`` x ``columns``; text (K, D)."""

    image_ids: Sequence[str]
    labels: Sequence[Sequence[str]]
    columns: Sequence[Column]
    logits: Floats
    text: Floats
    sigmoid: bool
    top: int


def write_named(out: Path, named: Named, status: Mapping[str, Any]) -> dict[str, dict[str, Score]]:
    """Write every file of the stage and return the scores by prompt set. Nothing named: the same files,
    empty.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    rows["columns"] = [{**vars(column), "texts": list(column.texts)} for column in named.columns]
    scores: dict[str, dict[str, Score]] = {}
    for name in dict.fromkeys(column.prompt_set for column in named.columns):
        places = [place for place, column in enumerate(named.columns) if column.prompt_set == name]
        class_ids = [named.columns[place].class_id for place in places]
        logits, truth = named.logits[:, places], _truth(named.labels, class_ids)
        rows["predictions"] += _predictions(name, named, class_ids, logits)
        rows["confusion"] += _confusion(name, class_ids, logits, truth)
        rows["best_pictures"] += _best_pictures(name, named, class_ids, logits)
        facet = {"facet": named.columns[places[0]].facet}
        scores[name] = {**facet, **score_set(logits, truth, named.top, sigmoid=named.sigmoid)}
    for name, schema in SCHEMAS.items():
        write_table(out / f"{name}.parquet", pa.Table.from_pylist(rows[name], schema=pa.schema(schema)))
    write_table(out / "scores.parquet", score_table(scores, "prompt_set"))
    write_array(out / "logits.npy", named.logits)
    write_array(out / "text.npy", named.text)
    write_json(out / "status.json", dict(status))
    return scores


def _truth(labels: Sequence[Sequence[str]], class_ids: Sequence[str]) -> Truth:
    """(N, K): has the picture that class?"""
    place = {class_id: column for column, class_id in enumerate(class_ids)}
    truth = np.zeros((len(labels), len(class_ids)), np.bool_)
    for row, own in enumerate(labels):
        truth[row, [place[label] for label in own if label in place]] = True
    return truth


def _predictions(name: str, named: Named, class_ids: Sequence[str], logits: Floats) -> list[dict[str, Any]]:
    chances = probabilities(logits, sigmoid=named.sigmoid)
    order, own = likeliest(logits, max(1, named.top)), set(class_ids)
    return [
        {
            "prompt_set": name,
            "image_id": image_id,
            "true": [label for label in labels if label in own],
            "predicted": class_ids[best[0]],
            "top": [class_ids[column] for column in best],
            "probability": chance[best[0]],
            "entropy": uncertain,
        }
        for image_id, labels, best, chance, uncertain in zip(
            named.image_ids, named.labels, order, chances, entropy(chances), strict=True
        )
    ]


def _confusion(name: str, class_ids: Sequence[str], logits: Floats, truth: Truth) -> list[dict[str, Any]]:
    """Counts above zero, of pictures with exactly one label of the facet."""
    single = truth.sum(axis=1) == 1
    classes = len(class_ids)
    pairs = truth[single].argmax(axis=1) * classes + logits[single].argmax(axis=1)
    counts = np.bincount(pairs, minlength=classes**2)
    return [
        {
            "prompt_set": name,
            "true": class_ids[pair // classes],
            "predicted": class_ids[pair % classes],
            "count": counts[pair],
        }
        for pair in np.flatnonzero(counts)
    ]


def _best_pictures(name: str, named: Named, class_ids: Sequence[str], logits: Floats) -> list[dict[str, Any]]:
    """The pictures that match a class best: highest probability first, then in row order (by image id)."""
    chances = probabilities(logits, sigmoid=named.sigmoid)
    rows = []
    for column, class_id in enumerate(class_ids):
        best = np.argsort(-chances[:, column], kind="stable")[:BEST]
        rows += [
            {
                "prompt_set": name,
                "class_id": class_id,
                "rank": rank,
                "image_id": named.image_ids[row],
                "probability": chances[row, column],
            }
            for rank, row in enumerate(best, 1)
        ]
    return rows
