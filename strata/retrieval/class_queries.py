"""The task ``class``: every n-th picture queries the rest, relevant = shares a label of the main facet.

Relevance is looked up class by class when a query's turn comes, so memory grows with the labels, not with
their square. A picture is never relevant to itself. The first facet of the classes table is the main one.

Queries are grouped by class (``measures.groups``): intervals speak of other classes like these.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

import numpy as np

from strata.collection.tables import Tables
from strata.measures.groups import groups_of_labels
from strata.retrieval.queries import ABSENT, NONE_FOUND, Database, Judgement, Positions, Query, QuerySet, Task
from strata.settings.params import CLASS_TASK


def class_queries(tables: Tables, database: Database, every: int) -> QuerySet:
    """Every ``every``-th picture of the database queries the rest by the labels of the main facet.

    A labelled picture that could not be read stays among the positives; without labels every query is one
    without positives, and only its neighbours are of use.
    """
    members, own_labels, position = _label_members(tables, database)
    starts = np.flatnonzero(database.ranked)[::every].tolist()
    groups = groups_of_labels([own_labels.get(place, ()) for place in starts])
    places = zip(starts, groups, strict=True)
    named = ((database.image_ids[place], group, place) for place, group in places)
    queries = [Query(i, i, group, place, place, boxed=False, whole=True) for i, group, place in named]

    @lru_cache(maxsize=64)  # neighbours in the table often share their labels
    def related(labels: tuple[str, ...]) -> tuple[Positions, int]:
        """Positions of the pictures with any of some labels, and how many there are, readable or not."""
        indices = np.unique(np.concatenate([NONE_FOUND, *(members[label] for label in labels)]))
        places = position[indices]
        return np.sort(places[places != ABSENT]), len(indices)

    def judge(index: int) -> Judgement:
        own = queries[index].own
        places, count = related(own_labels.get(own, ()))
        others = places[places != own]
        itself = np.array([own], np.int64)
        return Judgement(
            positives=others,
            n_positives=count - (len(places) - len(others)),
            grades=None,
            junk=NONE_FOUND,
            skipped=itself,
            hidden=itself,
            own_positive=False,
        )

    return QuerySet(queries, [Task(CLASS_TASK, "step", "none", "exclude", judge, graded=bool(members))])


def _label_members(
    tables: Tables, database: Database
) -> tuple[dict[str, Positions], dict[int, tuple[str, ...]], Positions]:
    """class -> indices into the images table; position -> its classes; index -> position (or ABSENT)."""
    facets = tables.classes["facet"].to_pylist()
    ids = tables.classes["class_id"].to_pylist()
    main = {i for i, facet in zip(ids, facets, strict=True) if facet == facets[0]} if facets else set()
    members: dict[str, list[int]] = defaultdict(list)
    own_labels: dict[int, tuple[str, ...]] = {}
    image_ids = tables.images["image_id"].to_pylist()
    position = np.array([database.position.get(image_id, ABSENT) for image_id in image_ids], np.int64)
    for index, labels in enumerate(tables.images["labels"].to_pylist()):
        if image_ids[index] in database.outside:
            continue
        mine = tuple(label for label in dict.fromkeys(labels) if label in main)
        for label in mine:
            members[label].append(index)
        if mine and position[index] != ABSENT:
            own_labels[int(position[index])] = mine
    return {label: np.array(indices, np.int64) for label, indices in members.items()}, own_labels, position
