"""The best boxes of a query: what greedy suppression leaves of every picture, however blocks fall."""

from __future__ import annotations

import numpy as np
import pytest

from strata.measures.boxes import overlapping
from strata.retrieval.detection import TopDetections
from tests.measures.test_boxes import cells, greedy


@pytest.mark.parametrize("step", [1, 3, 20])
def test_the_best_boxes_do_not_depend_on_the_blocks(step: int) -> None:
    rng = np.random.default_rng(4)
    overlaps = overlapping(cells(5, 5, 3))
    scores = rng.integers(0, 6, (2, 20, len(overlaps))).astype(np.float32) / 8
    top = TopDetections(2, overlaps, capacity=30)
    for start in range(0, 20, step):
        top.add(start, scores[:, start : start + step])
    for query in range(2):
        every = [
            (-scores[query, picture, region], picture, region)
            for picture in range(20)
            for region, kept in enumerate(greedy(scores[query, picture].tolist(), overlaps))
            if kept
        ]
        expected = [(picture, region) for _, picture, region in sorted(every)[:30]]
        found = top.of_query(query, np.zeros(0, np.int64))
        assert list(zip(*(some.tolist() for some in found), strict=True)) == expected
        without = top.of_query(query, np.array([expected[0][0]]))
        assert expected[0][0] not in without[0]
