"""What the grid is judged by: the pictures and queries of a large collection that are drawn for it.

Pictures are drawn class by class; those that the data set's own queries grade are all kept. Of the own
queries whole groups are drawn, of the class queries as many of a class as its share says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.collection.facets import facet_labels, facet_names
from strata.collection.tables import Tables
from strata.maps.features import database_rows
from strata.measures.groups import group_codes
from strata.naming.probe import drawn
from strata.retrieval.class_queries import class_queries
from strata.retrieval.queries import Database, Judgement, Positions, QuerySet, build_database, own_queries
from strata.settings.params import CLASS_TASK, GridParams, ProtocolEntry, QueryView, RetrieveParams

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """Queries that are ranked once, and ``judged``: task by task, what is right for each."""

    queries: QuerySet
    judged: list[list[Judgement]]

    @property
    def rows(self) -> Positions:
        """(Q,) row of every query's vector, ABSENT for one without."""
        return np.array([query.row for query in self.queries.queries], np.int64)

    @property
    def groups(self) -> list[str]:
        """(Q,) what is independent."""
        return [query.group for query in self.queries.queries]

    @property
    def boxed(self) -> bool:
        """Have all queries a box?"""
        return all(query.boxed for query in self.queries.queries)


@dataclass(frozen=True)
class Questions:
    """``rows``: (M,) bool, the rows of the features that are used; ``database``: of those; ``codes``: (N,)
    class of every picture in the main facet, -1 for none or several; ``own``, ``by_class``: None without
    queries that have a positive; ``left_out``: what was, a line each."""

    rows: Bools
    database: Database
    codes: Positions
    own: Asked | None
    by_class: Asked | None
    left_out: list[str]

    @property
    def sets(self) -> list[Asked]:
        """Those there are."""
        return [asked for asked in (self.own, self.by_class) if asked is not None]


def ask(
    tables: Tables,
    rows: pa.Table,
    protocol: ProtocolEntry,
    retrieve: RetrieveParams,
    view: QueryView,
    grid: GridParams,
) -> Questions:
    """Draw pictures and queries. ``rows``: ``rows.parquet``."""
    used = _drawn_rows(tables, rows, grid)
    mine = rows.filter(pa.array(used))
    mine = mine.set_column(0, rows.schema.field("row"), pa.array(range(mine.num_rows), pa.int32()))
    database = build_database(mine, tables.images)
    missing = set(rows["image_id"].to_pylist()) - set(database.image_ids)
    database = replace(database, outside=database.outside | missing)
    left_out = [] if used.all() else [f"{len(missing)} pictures: grid.max_pictures = {grid.max_pictures}"]
    own = own_queries(tables, mine, database, protocol, retrieve, view)
    by_class = class_queries(tables, database, retrieve.class_every)
    codes = _codes(tables, database.image_ids)
    own_kept = _whole_groups([query.group for query in own.queries], grid)
    class_kept: Positions = np.arange(len(by_class.queries))
    if grid.max_queries is not None and len(class_kept) > grid.max_queries:
        classes = codes[[query.own for query in by_class.queries]]
        class_kept = drawn(group_codes(classes), grid.max_queries, grid.seed)
    for name, kept, found in (("own", own_kept, own), (CLASS_TASK, class_kept, by_class)):
        if len(kept) < len(found.queries):
            said = f"{len(found.queries) - len(kept)} of {len(found.queries)} {name} queries"
            left_out.append(f"{said}: grid.max_queries = {grid.max_queries}")
    return Questions(used, database, codes, _asked(own, own_kept), _asked(by_class, class_kept), left_out)


def _asked(found: QuerySet, kept: Sequence[int] | Positions) -> Asked | None:
    tasks = [task for task in found.tasks if task.graded]
    if not tasks or not len(kept):
        return None
    indices = [int(index) for index in kept]
    queries = QuerySet([found.queries[index] for index in indices], tasks)
    return Asked(queries, [[task.judge(index) for index in indices] for task in tasks])


def _drawn_rows(tables: Tables, rows: pa.Table, grid: GridParams) -> Bools:
    """(M,) which rows are used: all but the pictures of the database that were not drawn."""
    database = database_rows(rows)
    used = np.ones(len(database), np.bool_)
    if grid.max_pictures is None or database.sum() <= grid.max_pictures:
        return used
    places = np.flatnonzero(database)
    image_ids = rows["image_id"].take(pa.array(places)).to_pylist()
    graded = zip(tables.relevance["image_id"].to_pylist(), tables.relevance["grade"].to_pylist(), strict=True)
    needed = {image_id for image_id, grade in graded if grade != "junk"}
    needed.update(tables.queries["image_id"].to_pylist())
    held = np.array([image_id in needed for image_id in image_ids], np.bool_)
    wanted = max(grid.max_pictures - int(held.sum()), 0)
    others = np.flatnonzero(~held)
    classes = group_codes(_codes(tables, image_ids)[others])
    used[places] = held
    used[places[others[drawn(classes, wanted, grid.seed)]]] = True
    return used


def _whole_groups(groups: Sequence[str], grid: GridParams) -> list[int]:
    """Sorted indices of the queries of groups taken at random as long as they fit; one group at least."""
    if grid.max_queries is None or len(groups) <= grid.max_queries:
        return list(range(len(groups)))
    codes = group_codes(groups)
    sizes = np.bincount(codes)
    taken: list[int] = []
    total = 0
    for group in np.random.default_rng(grid.seed).permutation(len(sizes)).tolist():
        if not taken or total + sizes[group] <= grid.max_queries:
            taken.append(group)
            total += int(sizes[group])
    return [int(index) for index in np.flatnonzero(np.isin(codes, taken))]


def _codes(tables: Tables, image_ids: Sequence[str]) -> Positions:
    facets = facet_names(tables)
    if not facets:
        return np.full(len(image_ids), -1, np.int64)
    return facet_labels(tables, image_ids, facets[0]).codes
