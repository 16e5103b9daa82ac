"""The tables that the zero-shot stage leaves, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.files import write_array, write_json, write_table
from strata.collection.facets import class_pairs
from strata.measures.scores import Policy, Scored, write_scores
from strata.naming.prompts import Column, said_equal
from strata.naming.scoring import Doubles, Floats, Truth, entropy, likeliest, probabilities, score_set

BEST = 10  # pictures kept a class
PREDICTIONS = "predictions"
NO_SET = "none"  # what stands in place of a prompt set where nothing was named

TEXT, TEXTS, FLOAT = pa.string(), pa.list_(pa.string()), pa.float32()
SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema({"prompt_set": TEXT, **columns})
    for name, columns in {
        "columns": {"facet": TEXT, "class_id": TEXT, "name": TEXT, "texts": TEXTS},
        PREDICTIONS: {
            "image_id": TEXT,
            "true": TEXTS,
            "predicted": TEXT,
            "top": TEXTS,
            "probability": FLOAT,
            "entropy": FLOAT,
        },
        "confusion": {"true": TEXT, "predicted": TEXT, "count": pa.int64()},
        "best_pictures": {"class_id": TEXT, "rank": pa.int32(), "image_id": TEXT, "probability": FLOAT},
    }.items()
}


@dataclass(frozen=True)
class Named:
    """All prompt sets. logits (N, K): ``image_ids`` x ``columns``; text (K, D); labels (N,) of class_ids."""

    image_ids: pa.Array
    labels: pa.ListArray
    columns: Sequence[Column]
    logits: Floats
    text: Floats
    sigmoid: bool
    top: int


def write_named(out: Path, named: Named, status: Mapping[str, Any]) -> Scored:
    """Write every file of the stage and return the scores, a prompt set where layers are elsewhere.

    Nothing named: the same files, empty, and a policy that says why.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS if name != PREDICTIONS}
    rows["columns"] = [{**vars(column), "texts": list(column.texts)} for column in named.columns]
    predictions = [SCHEMAS[PREDICTIONS].empty_table()]
    found = Scored()
    for name in dict.fromkeys(column.prompt_set for column in named.columns):
        places = [place for place, column in enumerate(named.columns) if column.prompt_set == name]
        class_ids = [named.columns[place].class_id for place in places]
        logits, truth = named.logits[:, places], _truth(named.labels, class_ids)
        chances = probabilities(logits, sigmoid=named.sigmoid)
        predictions.append(_predictions(name, named, class_ids, logits, chances))
        rows["confusion"] += _confusion(name, class_ids, logits, truth)
        rows["best_pictures"] += _best_pictures(name, named, class_ids, chances)
        facet = Scored(policies=[Policy("facet", named.columns[places[0]].facet)])
        found += (facet + score_set(logits, truth, named.top, sigmoid=named.sigmoid)).at(layer=name)
    found += _notes(status)
    write_table(out / f"{PREDICTIONS}.parquet", pa.concat_tables(predictions).combine_chunks())
    for name, content in rows.items():
        write_table(out / f"{name}.parquet", pa.Table.from_pylist(content, schema=SCHEMAS[name]))
    write_scores(out, found)
    write_array(out / "logits.npy", named.logits)
    write_array(out / "text.npy", named.text)
    write_json(out / "status.json", dict(status))
    return found


def _notes(status: Mapping[str, Any]) -> Scored:
    """What is said of sets that were left out or cannot tell classes apart, or instead of all of them."""
    left_out: Mapping[str, str] = status.get("left_out", {})
    said = [Policy("status", f"left out: {reason}", layer=name) for name, reason in left_out.items()]
    equal: Mapping[str, Mapping[str, list[str]]] = status.get("equal_texts", {})
    said += [Policy("equal_texts", said_equal(texts), layer=name) for name, texts in equal.items()]
    if status["status"] != "ok":
        said.append(Policy("status", status["status"], layer=NO_SET))
    return Scored(policies=said)


def _truth(labels: pa.ListArray, class_ids: Sequence[str]) -> Truth:
    """(N, K): has the picture that class?"""
    truth = np.zeros((len(labels), len(class_ids)), np.bool_)
    truth[class_pairs(labels, class_ids)] = True
    return truth


def _predictions(
    name: str, named: Named, class_ids: Sequence[str], logits: Floats, chances: Doubles
) -> pa.Table:
    """One row a picture, made column by column: a million of them would be gigabytes as objects."""
    order, ids = likeliest(logits, max(1, named.top)), pa.array(class_ids, pa.string())
    n, shown = order.shape
    columns = [
        pa.repeat(pa.scalar(name), n),
        named.image_ids,
        _only(named.labels, ids),
        ids.take(pa.array(order[:, 0])),
        pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32) * shown, ids.take(pa.array(order.ravel()))),
        pa.array(chances[np.arange(n), order[:, 0]].astype(np.float32)),
        pa.array(entropy(chances).astype(np.float32)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMAS[PREDICTIONS])


def _only(labels: pa.ListArray, class_ids: pa.Array) -> pa.ListArray:
    """Each list less what is not in ``class_ids``."""
    flat = pc.list_flatten(labels)
    kept = pc.is_in(flat, value_set=class_ids)
    owners = pc.list_parent_indices(labels).filter(kept).to_numpy()
    ends = np.cumsum(np.bincount(owners, minlength=len(labels)))
    return pa.ListArray.from_arrays(np.concatenate([[0], ends]).astype(np.int32), flat.filter(kept))


def _confusion(name: str, class_ids: Sequence[str], logits: Floats, truth: Truth) -> list[dict[str, Any]]:
    """Counts above zero, of pictures with exactly one label of the facet."""
    single = truth.sum(axis=1) == 1
    classes = len(class_ids)
    pairs = truth[single].argmax(axis=1) * classes + logits[single].argmax(axis=1)
    counts = np.bincount(pairs, minlength=classes**2)
    found = ((class_ids[p // classes], class_ids[p % classes], counts[p]) for p in np.flatnonzero(counts))
    return [dict(zip(SCHEMAS["confusion"].names, (name, *row), strict=True)) for row in found]


def _best_pictures(
    name: str, named: Named, class_ids: Sequence[str], chances: Doubles
) -> list[dict[str, Any]]:
    """The pictures that match a class best: highest probability first, then in row order (by image id)."""
    rows = []
    for column, class_id in enumerate(class_ids):
        best = np.argsort(-chances[:, column], kind="stable")[:BEST].tolist()
        for rank, row in enumerate(best, 1):
            shown = {"image_id": named.image_ids[row].as_py(), "probability": chances[row, column]}
            rows.append({"prompt_set": name, "class_id": class_id, "rank": rank, **shown})
    return rows
