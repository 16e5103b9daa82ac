"""Contact sheets: a query and its five nearest, one sheet a layer, as the 2021 study showed them.

The queries are the same on every sheet and are chosen without looking at the results: one a group in turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from strata.base.checksums import check_file
from strata.base.errors import StrataError
from strata.collection.tables import BOX, Tables
from strata.measures.scores import Scored
from strata.report.thumbnails import Box, Gallery, Tile
from strata.settings.params import CLASS_TASK

NEAREST = 5
QUERIES_PER_TASK = 6
JUNK = "junk"


@dataclass(frozen=True)
class Row:
    """A query and its nearest pictures. ``score_name``: what the number below a picture is; ``hits``: how
    many are right, None where nobody has said which are."""

    title: str
    score_name: str
    hits: int | None
    query: Tile
    nearest: list[Tile]


@dataclass(frozen=True)
class TaskSheet:
    """Rows of one retrieval task."""

    task: str
    rows: list[Row]

    @property
    def judged(self) -> bool:
        """Whether it is known of any of the queries which pictures are right."""
        return any(row.hits is not None for row in self.rows)

    @property
    def score_name(self) -> str:
        """What the numbers of all rows are."""
        return " or ".join(dict.fromkeys(row.score_name for row in self.rows))


@dataclass(frozen=True)
class LayerSheet:
    """Everything shown of one layer."""

    layer: str
    tasks: list[TaskSheet]


@dataclass(frozen=True)
class Query:
    """What a query is made of; ``box`` None: the whole picture; ``judged``: is it known what is right?"""

    query_id: str
    image_id: str
    group: str
    box: Box | None
    judged: bool = True


def contact_sheets(
    rankings: Path, retrieval: Scored, tasks: Sequence[str], tables: Tables, gallery: Gallery
) -> list[LayerSheet]:
    """One sheet a layer of ``retrieval`` with ``QUERIES_PER_TASK`` queries of every task in ``tasks``."""
    layers = retrieval.layers
    if not layers or not tasks:
        return []
    own = own_queries(tables)
    names = class_names(tables.classes)
    chosen = {task: choose(_queries_of(rankings, layers[0], task, own, tables)) for task in tasks}

    def task_sheet(layer: str, task: str) -> TaskSheet:
        found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in sorted(_top(rankings, layer, task, chosen[task]), key=lambda row: row["rank"]):
            found[row["query_id"]].append(row)
        rows = [
            _row(query, found[query.query_id], is_distance(retrieval, layer, task, query), gallery, names)
            for query in chosen[task]
        ]
        return TaskSheet(task, rows)

    return [
        LayerSheet(layer, [task_sheet(layer, task) for task in chosen if chosen[task]]) for layer in layers
    ]


def ranked_tasks(retrieval: Scored) -> list[str]:
    """The tasks whose queries were ranked, whether or not anything is known to be right."""
    return list(dict.fromkeys(row.task for row in retrieval.scores if row.task))


def own_queries(tables: Tables) -> dict[str, Query]:
    """The queries table by query_id."""
    judged = judged_queries(tables)
    return {
        (name := row["query_id"]): Query(name, row["image_id"], row["group"], box_of(row), name in judged)
        for row in tables.queries.to_pylist()
    }


def judged_queries(tables: Tables) -> set[str]:
    """The own queries of which a picture is known to be right."""
    rows = tables.relevance
    return set(rows.filter(pc.not_equal(rows["grade"], JUNK))["query_id"].to_pylist())


def class_names(classes: pa.Table) -> dict[str, tuple[str, str]]:
    """class_id -> (facet, name)."""
    rows = (classes[column].to_pylist() for column in ("class_id", "facet", "name"))
    return {class_id: (facet, name) for class_id, facet, name in zip(*rows, strict=True)}


def box_of(row: dict[str, Any]) -> Box | None:
    """(x0, y0, x1, y1) of a table row, None where it has none."""
    x0, y0, x1, y1 = (row[name] for name in BOX)
    return None if x0 is None else (x0, y0, x1, y1)


def choose(queries: Iterable[Query], count: int = QUERIES_PER_TASK) -> list[Query]:
    """``count`` queries, one a group in turn; within a group the middle one by id first, and of a single
    group those that are spread evenly.

    The same for every layer and every run: groups and ids decide, never a score.
    """
    groups: defaultdict[str, list[Query]] = defaultdict(list)
    for query in queries:
        groups[query.group].append(query)
    ordered = [sorted(groups[name], key=lambda query: query.query_id) for name in sorted(groups)]
    if len(ordered) == 1:
        (alone,) = ordered
        return [alone[place] for place in dict.fromkeys(i * len(alone) // count for i in range(count))]
    from_the_middle = [group[len(group) // 2 :] + group[: len(group) // 2] for group in ordered]
    turns = [query for turn in zip_longest(*from_the_middle) for query in turn if query is not None]
    return turns[:count]


def _queries_of(rankings: Path, layer: str, task: str, own: dict[str, Query], tables: Tables) -> list[Query]:
    """The queries that have a ranking. In class retrieval a query is a picture, its group its class."""
    firsts = _read(rankings, layer, (pc.field("task") == task) & (pc.field("rank") == 1))
    names = firsts["query_id"].to_pylist()
    if task != CLASS_TASK:
        return [own[name] for name in names]
    facets = class_names(tables.classes)
    main = next(iter(facets.values()), ("", ""))[0]
    own_rows = tables.images.filter(pc.is_in(tables.images["image_id"], firsts["query_id"].combine_chunks()))
    columns = (own_rows[name].to_pylist() for name in ("image_id", "labels"))
    labels = {
        image_id: next((label for label in values if facets[label][0] == main), "")
        for image_id, values in zip(*columns, strict=True)
    }
    return [Query(name, name, labels[name], None, bool(labels[name])) for name in names]


def _top(rankings: Path, layer: str, task: str, queries: list[Query]) -> list[dict[str, Any]]:
    wanted = (
        (pc.field("task") == task)
        & (pc.field("rank") <= NEAREST)
        & pc.field("query_id").isin([query.query_id for query in queries])
    )
    return list(_read(rankings, layer, wanted).to_pylist())


def _read(rankings: Path, layer: str, wanted: Any) -> pa.Table:
    path = rankings / layer / "topk.parquet"
    check_file(path)
    try:
        return pq.read_table(path, filters=wanted)
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; run `dvc repro` to make it") from None


def is_distance(retrieval: Scored, layer: str, task: str, query: Query) -> bool:
    """Whether a query's scores are minus distances, by the policies of its layer and task.

    Boxes that are looked for inside pictures hold similarities, whatever whole pictures hold.
    """
    inside = query.box is not None and not retrieval.policy("match", layer, task).startswith("global")
    return retrieval.policy("metric", layer, task) == "euclidean" and not inside


def _row(
    query: Query,
    found: list[dict[str, Any]],
    distance: bool,
    gallery: Gallery,
    names: dict[str, tuple[str, str]],
) -> Row:
    title = names.get(query.group, ("", query.group))[1] or query.query_id
    sign = -1 if distance else 1
    tiles = []
    for row in found:
        image_id, mark = row["image_id"], mark_of(row["grade"], query.judged)
        caption = f"{round(sign * row['score'], 3) + 0.0:.3f}"  # + 0.0: no "-0.000"
        alt = ", ".join(filter(None, (image_id, f"rank {row['rank']}", mark)))
        tiles.append(gallery.tile(image_id, mark=mark, caption=caption, alt=alt, box=box_of(row)))
    alt = f"query {query.query_id}: {query.image_id}"
    query_tile = gallery.tile(query.image_id, mark="query", caption="query", alt=alt, box=query.box)
    hits = sum(tile.mark == "hit" for tile in tiles) if query.judged else None
    return Row(title, "distance" if distance else "similarity", hits, query_tile, tiles)


def mark_of(grade: str | None, judged: bool = True) -> str:
    """hit, miss or junk; "" where nobody has said what is right (``judged``)."""
    if not grade:
        return "miss" if judged else ""
    return "junk" if grade == JUNK else "hit"
