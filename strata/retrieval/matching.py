"""What a block of queries is matched by, and what that gives: a score for every picture, and boxes.

Whole pictures are compared by their vectors (``similarity``). Boxed queries may have a matcher that looks
inside the pictures: ``region_matching`` or ``dense_matching``. Another one needs the two protocols below and
its turn in ``layer_vectors.box_matcher``; ranking, scoring and the tables ask for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from strata.retrieval.queries import ABSENT, Positions, Query
from strata.retrieval.similarity import BYTES_A_SCORE, Floats32, Floats64, VectorIndex, score_rows


class Detections(NamedTuple):
    """Boxes found for one query, best first: ``boxes`` (M, 4) in pixels of ``pictures`` (M,) positions."""

    pictures: Positions
    boxes: Floats64


class BoxMatches(Protocol):
    """A block of Q queries matched with all N pictures."""

    @property
    def scores(self) -> Floats32:
        """(Q, N), higher is nearer, -inf where query or picture cannot be ranked."""

    def boxes(self, query: int, places: Positions) -> Floats64:
        """(K, 4) in pixels: where in each picture at ``places`` (K,) the query was found."""

    def detections(self, query: int, without: Positions) -> Detections:
        """The best boxes of one query, several a picture, on other pictures than ``without``."""


class BoxMatcher(Protocol):
    """Finds what is in the boxes of queries."""

    @property
    def name(self) -> str:
        """What ``retrieve.match`` calls it."""

    @property
    def bytes_a_score(self) -> int:
        """What is held for a query and picture."""

    @property
    def policies(self) -> Mapping[str, str]:
        """What changes the numbers of its queries, in words."""

    @property
    def boxes_are(self) -> str:
        """What kind of boxes it finds, for the metrics."""

    def takes(self, query: Query) -> bool:
        """Is this query matched by it? All that have a box are."""

    def match(self, queries: Sequence[Query], left_out: int | None) -> BoxMatches:
        """Match some queries; ``left_out``: how many pictures may be left out of a query's detections, None:
        no detections are asked for."""

    def reachable_boxes(self, places: Positions) -> Floats64 | None:
        """(M, R, 4) in pixels: all it could find in the pictures at ``places`` (M,), NaN where ABSENT; None:
        whatever there is."""


@dataclass(frozen=True)
class Matches:
    """``scores``: (Q, N); ``found``: what the boxed ones were matched by, in ``rows`` (Q,) of it (ABSENT: the
    whole picture was)."""

    scores: Floats32
    found: BoxMatches | None
    rows: npt.NDArray[np.int64]

    def boxes(self, query: int, places: Positions) -> Floats64:
        """(K, 4) where a query was found in the pictures at ``places`` (K,), NaN for whole pictures."""
        if self.found is None or self.rows[query] == ABSENT:
            return np.full((len(places), 4), np.nan)
        return self.found.boxes(int(self.rows[query]), places)

    def detections(self, query: int, without: Positions) -> Detections:
        """The best boxes of a boxed query; none where whole pictures were compared."""
        if self.found is None or self.rows[query] == ABSENT:
            return Detections(np.zeros(0, np.int64), np.zeros((0, 4)))
        return self.found.detections(int(self.rows[query]), without)


def match_queries(
    index: VectorIndex, matcher: BoxMatcher | None, queries: Sequence[Query], left_out: int | None = None
) -> Matches:
    """Score every picture for a block of queries, boxed ones by ``matcher`` if there is one."""
    vectors = np.array([query.row for query in queries], np.int64)
    inside = np.array([matcher is not None and matcher.takes(query) for query in queries], np.bool_)
    rows = np.where(inside, np.cumsum(inside) - 1, ABSENT)
    if matcher is None or not inside.any():
        return Matches(score_rows(index, vectors), None, rows)
    scores = np.empty((len(queries), len(index.candidates)), np.float32)
    scores[~inside] = score_rows(index, vectors[~inside])
    found = matcher.match([query for query in queries if matcher.takes(query)], left_out)
    scores[inside] = found.scores
    return Matches(scores, found, rows)


def bytes_a_score(matcher: BoxMatcher | None) -> int:
    """What is held for a query and picture."""
    return BYTES_A_SCORE if matcher is None else matcher.bytes_a_score
