"""Which queries there are and which pictures are positive, junk or left out for each of them.

A data set's own queries come from the ``queries`` and ``relevance`` tables and may be scored several ways
(one task each: Easy, Medium and Hard differ in which grades are positive and which junk). ``class_queries``
makes queries from labels. No N x N relevance is ever built; a query is judged when its turn comes.

Policies: ``junk`` skip = consumes no rank, negative = an ordinary miss. ``self_match`` exclude = the
query's own picture is neither ranked nor a positive; include = it is ranked and is a positive of itself
(the Oxford and Paris protocol) unless the tables call it junk. Pictures whose
``split`` is ``query`` are no part of the database (the revisited protocol takes its 70 query pictures out).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.base.errors import StrataError
from strata.collection.tables import BOX, QUERY_SPLIT, Tables
from strata.settings.params import ProtocolEntry, QueryView, RetrieveParams

Positions = npt.NDArray[np.int64]
Boxes = tuple[list[str], npt.NDArray[np.float64]]
ABSENT = -1
NONE_FOUND: Positions = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Database:
    """The pictures that have a row, in row order (sorted by image_id): position = row.

    ``position``: image_id -> position; ``ranked``: (N,) bool, false for the split ``query``; ``outside``:
    ids of pictures of that split.
    """

    image_ids: list[str]
    position: dict[str, int]
    ranked: npt.NDArray[np.bool_]
    outside: frozenset[str]


@dataclass(frozen=True)
class Query:
    """``row``: of its vector, ABSENT if its picture could not be read (it finds nothing and scores 0);
    ``own``: position of its own picture or ABSENT; ``whole``: its vector is the picture's own."""

    query_id: str
    image_id: str
    group: str
    row: int
    own: int
    boxed: bool
    whole: bool


@dataclass(frozen=True)
class Judgement:
    """One query in one task, in database positions, each array sorted.

    ``positives``: those that have a row; ``n_positives``: all of them, readable or not; ``grades``: of the
    positives, None if all are ``good``; ``junk``: graded junk; ``skipped``: takes no rank (own picture,
    junk); ``hidden``: not even shown among the neighbours (own picture).
    """

    positives: Positions
    n_positives: int
    grades: Sequence[str] | None
    junk: Positions
    skipped: Positions
    hidden: Positions
    own_positive: bool


@dataclass(frozen=True)
class Task:
    """``judge``: index of a query -> its judgement; ``graded``: False where no query has a positive.

    ``boxes``: per query, what is to be found where (image_ids and (G, 4) boxes, on other pictures than its
    own); empty if the data set has no such boxes."""

    name: str
    ap: Literal["step", "trapezoid"]
    junk: str
    self_match: str
    judge: Callable[[int], Judgement]
    graded: bool = True
    boxes: Sequence[Boxes] = ()


@dataclass(frozen=True)
class QuerySet:
    """Queries that are ranked once and scored by each of ``tasks``."""

    queries: list[Query]
    tasks: list[Task]


def build_database(rows: pa.Table, images: pa.Table) -> Database:
    """The pictures of ``rows`` (those before the first query row)."""
    kinds, ids = rows["kind"].to_pylist(), rows["image_id"].to_pylist()
    image_ids = [image_id for image_id, kind in zip(ids, kinds, strict=True) if kind != "query"]
    splits = zip(images["image_id"].to_pylist(), images["split"].to_pylist(), strict=True)
    outside = frozenset(image_id for image_id, split in splits if split == QUERY_SPLIT)
    return Database(
        image_ids,
        {image_id: position for position, image_id in enumerate(image_ids)},
        np.array([image_id not in outside for image_id in image_ids], np.bool_),
        outside,
    )


def own_queries(
    tables: Tables,
    rows: pa.Table,
    database: Database,
    protocol: ProtocolEntry,
    params: RetrieveParams,
    view: QueryView,
) -> QuerySet:
    """The data set's own queries and one task for each entry of ``protocol.positives``."""
    crops = dict(zip(rows["query_id"].to_pylist(), rows["row"].to_pylist(), strict=True))
    queries = []
    columns = (tables.queries[name].to_pylist() for name in ("query_id", "image_id", "group", "x0"))
    for query_id, image_id, group, x0 in zip(*columns, strict=True):
        own = database.position.get(image_id, ABSENT)
        whole = view == "whole" or x0 is None
        row = own if whole else crops.get(query_id, ABSENT)
        queries.append(Query(query_id, image_id, group, row, own, x0 is not None, whole))
    graded, found = _graded(tables.relevance, database), set(tables.relevance["grade"].to_pylist())
    tasks = []
    graded_tasks = {name: _task_grades(name, spec) for name, spec in protocol.positives.items()}
    if queries and tables.relevance.num_rows:
        _check_positives(graded_tasks, tables.relevance)
    for name, grades in graded_tasks.items():
        judge = partial(_judge, grades, queries, graded, database, params)
        boxes = _positive_boxes(tables.relevance, queries, grades.positive)
        some = params.self_match == "include" or bool(set(grades.positive) & found)
        tasks.append(Task(name, protocol.ap, params.junk, params.self_match, judge, some, boxes))
    return QuerySet(queries, tasks)


def _positive_boxes(relevance: pa.Table, queries: Sequence[Query], grades: Sequence[str]) -> Sequence[Boxes]:
    """Per query, the boxes to be found; empty if there are none at all."""
    wanted: dict[str, list[tuple[str, tuple[float, ...]]]] = defaultdict(list)
    columns = (relevance[name].to_pylist() for name in ("query_id", "image_id", "grade", *BOX))
    for query_id, image_id, grade, *box in zip(*columns, strict=True):
        if grade in grades and box[0] is not None:
            wanted[query_id].append((image_id, tuple(box)))
    result: list[Boxes] = []
    for query in queries:
        found = [entry for entry in wanted[query.query_id] if entry[0] != query.image_id]
        boxes = np.array([box for _, box in found], np.float64).reshape(-1, 4)
        result.append(([image_id for image_id, _ in found], boxes))
    return result if any(image_ids for image_ids, _ in result) else ()


def _graded(relevance: pa.Table, database: Database) -> dict[str, dict[str, list[str]]]:
    """query_id -> image_id -> its grades (a picture with several boxes stands there several times)."""
    graded: dict[str, dict[str, list[str]]] = defaultdict(dict)
    columns = (relevance[name].to_pylist() for name in ("query_id", "image_id", "grade"))
    for query_id, image_id, grade in zip(*columns, strict=True):
        if image_id not in database.outside:
            graded[query_id].setdefault(image_id, []).append(grade)
    return graded


class _Grades(NamedTuple):
    positive: tuple[str, ...]
    junk: tuple[str, ...]


def _task_grades(name: str, spec: Mapping[str, Sequence[str]]) -> _Grades:
    if not spec.get("positive"):
        raise StrataError(f"protocol.positives.{name}: no positive grades; list some under `positive`")
    return _Grades(tuple(spec["positive"]), tuple(spec.get("junk", ())))


def _verdict(found: Sequence[str], grades: _Grades) -> str | None:
    """The grade that makes a picture positive, ``junk``, or None: a picture with both is positive."""
    for grade in found:
        if grade in grades.positive:
            return grade
    return "junk" if any(grade in grades.junk for grade in found) else None


def _judge(
    grades: _Grades,
    queries: Sequence[Query],
    graded: Mapping[str, Mapping[str, Sequence[str]]],
    database: Database,
    params: RetrieveParams,
    index: int,
) -> Judgement:
    """Query ``index`` in the task that ``grades`` are of."""
    query = queries[index]
    judged = ((i, _verdict(found, grades)) for i, found in graded.get(query.query_id, {}).items())
    verdicts = {image_id: verdict for image_id, verdict in judged if verdict is not None}
    in_database = query.own != ABSENT and bool(database.ranked[query.own])
    hidden = NONE_FOUND
    if params.self_match == "exclude":
        verdicts.pop(query.image_id, None)
        hidden = np.array([query.own], np.int64) if in_database else NONE_FOUND
    elif in_database:
        verdicts.setdefault(query.image_id, "good")
    positives = {i: grade for i, grade in verdicts.items() if grade != "junk"}
    found = sorted((database.position[i], grade) for i, grade in positives.items() if i in database.position)
    dropped = sorted(database.position[i] for i in verdicts.keys() - positives if i in database.position)
    junk = np.array(dropped, np.int64)
    return Judgement(
        positives=np.array([place for place, _ in found], np.int64),
        n_positives=len(positives),
        grades=[grade for _, grade in found],
        junk=junk,
        skipped=np.union1d(hidden, junk) if params.junk == "skip" else hidden,
        hidden=hidden,
        own_positive=in_database and query.image_id in positives,
    )


def _check_positives(tasks: Mapping[str, _Grades], relevance: pa.Table) -> None:
    there = sorted(set(relevance["grade"].to_pylist()))
    wanted = sorted({grade for grades in tasks.values() for grade in grades.positive})
    if not set(wanted) & set(there):
        raise StrataError(
            f"protocol.positives: no query has a positive: the relevance table grades {', '.join(there)}, "
            f"the tasks want {', '.join(wanted) or 'nothing'}"
        )
