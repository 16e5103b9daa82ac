"""One query's answer: a score and a window for every picture, from its templates' best places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.dense.calibration import Usual, usual_scores
from strata.dense.matching import Best, score_places
from strata.dense.projection import Codes

Windows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answer:
    """``z``: (N,) float32, -inf for a picture that is no answer; ``windows``: (N, 4) column0, row0, column1, row1
    in cells; ``templates`` and what is ``usual`` for them."""

    z: npt.NDArray[np.float32]
    windows: Windows
    templates: Sequence[Codes]
    usual: Usual

    def leave_out(self, place: int | None) -> None:
        """The query's own picture is no answer."""
        if place is not None:
            self.z[place] = -np.inf

    def first(self, count: int) -> npt.NDArray[np.int64]:
        """The places of the best ``count`` pictures, of equal ones the first."""
        order = np.argsort(-self.z, kind="stable")[:count]
        return order[np.isfinite(self.z[order])]


def best_windows(best: Best, templates: Sequence[Codes], sample: npt.NDArray[np.int64]) -> Answer:
    """The best template of every picture, by scores calibrated on the pictures ``sample``."""
    usual = usual_scores(best.scores[:, sample])
    z = usual.standard(best.scores)
    winner, pictures = z.argmax(axis=0), np.arange(z.shape[1])
    row, column = best.rows[winner, pictures], best.columns[winner, pictures]
    height, width = np.array([template.shape[:2] for template in templates])[winner].T
    windows = np.stack([column, row, column + width, row + height], axis=1).astype(np.int64)
    return Answer(z[winner, pictures], windows, templates, usual)


def average(answer: Answer, others: Sequence[Answer]) -> Answer:
    """Scores averaged over the query and what expands it; each picture's window is that of the highest."""
    z = np.stack([answer.z, *(other.z for other in others)])
    windows = np.stack([answer.windows, *(other.windows for other in others)])
    highest = z.argmax(axis=0)
    mean = z.mean(axis=0, dtype=np.float64).astype(np.float32)
    return Answer(mean, windows[highest, np.arange(z.shape[1])], answer.templates, answer.usual)


def further_windows(
    answer: Answer, map_: Codes, place: int, most: int
) -> list[tuple[float, npt.NDArray[np.int64]]]:
    """At most ``most`` more windows of a picture, and their scores: greedy non-maximum suppression, no window
    overlaps a better one.

    A window's score lies as far below the picture's as its own z below the z of the picture's best.
    """
    found = [_all_windows(map_, template) for template in answer.templates]
    scores = [score_places(map_, template).reshape(-1) for template in answer.templates]
    z = np.concatenate(
        [
            (values - middle) / spread
            for values, middle, spread in zip(
                scores, answer.usual.middle, answer.usual.spread, strict=True
            )
        ]
    )
    windows = np.concatenate(found)
    top, taken = float(z.max()), answer.windows[place]
    kept: list[tuple[float, npt.NDArray[np.int64]]] = []
    for _ in range(most):
        z[_overlap(windows, taken)] = -np.inf
        best = int(z.argmax())
        if z[best] == -np.inf:
            break
        taken = windows[best]
        kept.append((float(answer.z[place]) - top + float(z[best]), taken))
    return kept


def _all_windows(map_: Codes, template: Codes) -> Windows:
    """(P, 4) the window at every place of ``score_places``, row by row."""
    rows, columns = template.shape[:2]
    row, column = np.indices(
        (max(1, map_.shape[0] - rows + 1), max(1, map_.shape[1] - columns + 1))
    ).reshape(2, -1)
    return np.stack([column, row, column + columns, row + rows], axis=1)


def _overlap(windows: Windows, taken: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    low = np.maximum(windows[:, :2], taken[:2])
    high = np.minimum(windows[:, 2:], taken[2:])
    return np.asarray((high > low).all(axis=1))
