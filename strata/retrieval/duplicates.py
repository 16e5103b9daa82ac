"""Pictures that repeat another one: the same file (SHA-256), or nearly the same embedding (cosine).

Pictures are gone through in order, those that queries are made of first; each is kept, or repeats one that
was kept. So a copy of a query's picture is always found, and what has to go to leave no copy is what is
counted. Only kept pictures can be repeated: a row of pictures that change little by little does not collapse
into one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.measures.scores import Policy, Score, Scored
from strata.retrieval.queries import Database

BLOCK = 1024  # pictures compared with all before them at once; constant, so that the sums are the same
MOST = 30_000  # pictures whose embeddings are compared: the work grows with the square
SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("repeats", pa.string(), nullable=False),
        pa.field("exact", pa.bool_(), nullable=False),
        pa.field("cosine", pa.float32()),
        pa.field("of_query", pa.bool_(), nullable=False),
        pa.field("between_labels", pa.bool_(), nullable=False),
    ]
)
COUNTED = {"database": None, "between_labels": "between_labels", "of_queries": "of_query"}
"""What is counted -> the column that says which rows it is about (None: all)."""

NONE = np.zeros(0, np.int64)
Mask = npt.NDArray[np.bool_]


class Repeat(NamedTuple):
    """The picture at ``place`` of the database repeats the one ``of``: positions. ``cosine``: of their
    embeddings, None where these were not compared; ``of_query``: is a query made of what it repeats?"""

    place: int
    of: int
    exact: bool
    cosine: float | None
    of_query: bool


def find_repeats(
    hashes: Sequence[str | None],
    vectors: npt.NDArray[Any] | None,
    ranked: Mask,
    asking: Mask,
    threshold: float,
) -> list[Repeat]:
    """Every picture of the database that repeats another one, in order.

    hashes : (N,) SHA-256 of the files; vectors : (N, D) embeddings, None: files alone are compared; ranked :
    (N,) is it in the database? asking : (N,) is a query made of it? threshold : the least cosine.

    >>> yes = np.ones(3, bool)
    >>> find_repeats(["a", "b", "a"], None, yes, ~yes, 0.98)
    [Repeat(place=2, of=0, exact=True, cosine=None, of_query=False)]
    """
    asking = asking | ~ranked
    order = np.argsort(~asking, kind="stable")
    unit = None if vectors is None else _unit(vectors[order])
    kept, kept_files = np.zeros(len(order), np.bool_), dict[str, int]()
    found = []
    for start in range(0, len(order), BLOCK):
        stop = min(start + BLOCK, len(order))
        cosines = None if unit is None else unit[start:stop] @ unit[:stop].T
        for row in range(start, stop):
            place = int(order[row])
            file = hashes[place]
            same = kept_files.get(file) if file is not None else None
            line = None if cosines is None else cosines[row - start, :row]
            near = NONE if line is None else np.flatnonzero((line >= threshold) & kept[:row])
            if not ranked[place] or (same is None and not len(near)):
                kept[row] = True
                if file is not None:
                    kept_files.setdefault(file, row)
                continue
            of = same if same is not None or line is None else int(near[line[near].argmax()])
            alike = [of, *near]
            found.append(
                Repeat(
                    place,
                    int(order[of]),
                    same is not None,
                    None if line is None else float(line[of]),
                    bool(asking[order[alike]].any()),
                )
            )
    return sorted(found)


def _unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Vectors of length 1; one that says nothing (zero, not finite) becomes zero, like nothing else."""
    values = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    said = np.isfinite(lengths) & (lengths > 0)
    return np.asarray(np.where(said, values, 0.0) / np.where(said, lengths, 1.0), np.float32)


def repeat_table(
    found: Sequence[Repeat], image_ids: Sequence[str], labels: Sequence[Collection[str]]
) -> pa.Table:
    """One row a picture that repeats another. ``image_ids``, ``labels`` (N,): of the database's pictures; a
    pair is between labels when both have some and they share none."""
    rows = [
        {
            "image_id": image_ids[repeat.place],
            "repeats": image_ids[repeat.of],
            "exact": repeat.exact,
            "cosine": repeat.cosine,
            "of_query": repeat.of_query,
            "between_labels": bool(labels[repeat.place])
            and bool(labels[repeat.of])
            and set(labels[repeat.place]).isdisjoint(labels[repeat.of]),
        }
        for repeat in found
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def count_repeats(table: pa.Table, near: str, *, compared: bool) -> Scored:
    """How many pictures repeat one of the database, one with another label, and a query's picture.

    ``near``: how near duplicates were looked for, or why not (``compared`` False: there is no number then).
    """
    exact, scored = np.asarray(table["exact"].to_pylist(), np.bool_), Scored()
    for place, column in COUNTED.items():
        some = np.asarray(table[column].to_pylist(), np.bool_) if column else np.ones(len(exact), np.bool_)
        counts = [Score("n_exact", int((exact & some).sum()))]
        if compared:
            counts.append(Score("n_near", int((~exact & some).sum())))
        scored += Scored(counts, [Policy("near_duplicates", near)]).at(layer=place)
    return scored


def without(database: Database, found: Sequence[Repeat]) -> Database:
    """The database less the pictures that repeat another one; they can still query."""
    ranked = database.ranked.copy()
    ranked[[repeat.place for repeat in found]] = False
    gone = {database.image_ids[repeat.place] for repeat in found}
    return replace(database, ranked=ranked, outside=database.outside | gone)
