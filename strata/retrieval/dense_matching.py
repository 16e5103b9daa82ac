"""Queries matched with the best window of every picture's map, as the stage ``index`` made them ready.

score(query, picture) = the best template of the query at its best place in the picture, in spreads above the
usual for that template (``strata.dense``); its window is the box. A query is matched if it has templates:
those with a box, and whole pictures of the data set's own, whose box is all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strata.dense.answers import Answer
from strata.dense.index import DenseIndex, open_index
from strata.dense.indexing import PROJECTION
from strata.dense.params import CONTEXT, DenseParams
from strata.dense.projection import read_projection
from strata.dense.raw_maps import Templates, open_templates
from strata.dense.search import DenseMatch, Expander, answer_templates, found_boxes, windows_in_pixels
from strata.retrieval.detection import MOST_BOXES
from strata.retrieval.matching import Detections
from strata.retrieval.queries import ABSENT, Database, Positions, Query
from strata.retrieval.similarity import UNRANKED, Floats32, Floats64


@dataclass(frozen=True)
class DenseMatcher:
    """``places``: (N,) where each picture of the database is in ``index``, ABSENT where it is not;
    ``own_counts``: is a query's own picture among what is found? ``fit_set``: of the projection."""

    index: DenseIndex
    templates: Templates
    params: DenseParams
    places: Positions
    own_counts: bool
    fit_set: str
    expander: Expander | None
    name: str = "dense"
    bytes_a_score: int = 80  # scores and windows of all templates, and what is left of them
    boxes_are: str = "windows of dense maps"

    @property
    def policies(self) -> Mapping[str, str]:
        """How boxes become templates, what the projection was fitted on, what expands a query."""
        mirrored = ", mirrored" if self.params.mirror else ""
        expanded = f"first {self.params.expand} boxes (transductive)" if self.params.expand else "none"
        return {
            "metric": "cosine, calibrated",
            "query_view": f"box and {CONTEXT} cells around it",
            "cells": f"{', '.join(map(str, self.params.cells))} and the box's own{mirrored}",
            "match_fit_set": self.fit_set,
            "expansion": expanded,
        }

    def takes(self, query: Query) -> bool:
        """Has it templates, or a box?"""
        return query.boxed or query.query_id in self.templates.places

    def match(self, queries: Sequence[Query], left_out: int | None) -> DenseMatches:
        """Match some queries; one whose picture could not be read finds nothing."""
        asked = [query.query_id in self.templates.places for query in queries]
        answered = [query for query, has in zip(queries, asked, strict=True) if has]
        templates = [self.templates.of(query.query_id) for query in answered]
        own = [self._own(query) for query in answered]
        found = iter(answer_templates(self.index, templates, self.params, own, self.expander))
        answers = [next(found) if has else None for has in asked]
        scores = np.full((len(queries), len(self.places)), UNRANKED)
        there = self.places != ABSENT
        for row, answer in zip(scores, answers, strict=True):
            if answer is not None:
                row[there] = answer.z[self.places[there]]
        return DenseMatches(self, scores, answers)

    def reachable_boxes(self, places: Positions) -> None:
        """Windows have any place and several sizes: nothing is out of reach."""

    def _own(self, query: Query) -> int | None:
        place = ABSENT if self.own_counts or query.own == ABSENT else int(self.places[query.own])
        return None if place == ABSENT else place


@dataclass(frozen=True)
class DenseMatches:
    """What was found. ``scores``: (Q, N); ``answers``: of each query, None where it could not be asked."""

    matcher: DenseMatcher
    scores: Floats32
    answers: Sequence[Answer | None]

    def boxes(self, query: int, places: Positions) -> Floats64:
        """(K, 4) in pixels: the best window in each picture at ``places`` (K,)."""
        answer, at = self.answers[query], self.matcher.places[places]
        boxes = np.full((len(places), 4), np.nan)
        if answer is not None:
            boxes[at != ABSENT] = windows_in_pixels(self.matcher.index, answer, at[at != ABSENT])
        return boxes

    def detections(self, query: int, without: Positions) -> Detections:
        """The best windows of one query, ``boxes`` a picture, on other pictures than ``without``."""
        answer = self.answers[query]
        if answer is None:
            return Detections(np.zeros(0, np.int64), np.zeros((0, 4)))
        positions = np.full(len(self.matcher.index.ids), ABSENT, np.int64)
        there = np.flatnonzero(self.matcher.places != ABSENT)
        positions[self.matcher.places[there]] = there
        found = found_boxes(self.matcher.index, answer, self.matcher.params)
        pictures = positions[found.places]
        kept = np.flatnonzero((pictures != ABSENT) & ~np.isin(pictures, without))[:MOST_BOXES]
        return Detections(pictures[kept], found.boxes[kept])


def open_dense(folder: Path, database: Database, dense: DenseMatch, *, own_counts: bool) -> DenseMatcher:
    """The matcher of one layer's ``index``; pictures that are not ranked are not in it."""
    index, known = open_index(folder), database.position
    places = np.full(len(database.image_ids), ABSENT, np.int64)
    for place, image_id in enumerate(index.ids):
        position = known.get(image_id, ABSENT)
        if position != ABSENT and database.ranked[position]:
            places[position] = place
    fit_set = read_projection(folder / PROJECTION).fit_set
    expander = dense.open_expander(folder) if dense.open_expander and dense.params.expand else None
    templates = open_templates(folder)
    return DenseMatcher(index, templates, dense.params, places, own_counts, fit_set, expander)
