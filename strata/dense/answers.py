"""One query's answer: a score and a window for every picture, from its templates' best places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.dense.calibration import Usual, usual_scores
from strata.dense.matching import Best, score_places
from strata.dense.projection import Codes
from strata.measures.boxes import box_iou

Windows = npt.NDArray[np.float64]
NEAR = 0.3  # overlap with the winner from which a template's window votes
VOTE = 0.1  # of a mean cosine, by which a vote falls to 1 / e
RECIPROCAL = 5.0  # pictures ranked above the query's that halve the weight of an expansion


@dataclass(frozen=True)
class Answer:
    """``z``: (N,) float32, -inf for a picture that is no answer; ``windows``: (N, 4) column0, row0, column1,
    row1 in cells, not whole ones; ``templates`` and what is ``usual`` for them."""

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
        return np.asarray(order[np.isfinite(self.z[order])])


def best_windows(best: Best, templates: Sequence[Codes], sample: npt.NDArray[np.int64]) -> Answer:
    """The best template of every picture, by scores calibrated on the pictures ``sample``.

    The window is voted by the templates whose best place overlaps the winner's (box voting, Gidaris and
    Komodakis 2015): there are sizes between those of the templates and places between cells. A vote is how
    far a cosine lies above the usual, without the spread: which size fits is asked within one picture.
    """
    usual = usual_scores(best.scores[:, sample])
    z = usual.standard(best.scores)
    winner, pictures = z.argmax(axis=0), np.arange(z.shape[1])
    height, width = np.array([template.shape[:2] for template in templates]).T[:, :, None]
    windows = np.stack(
        [best.columns, best.rows, best.columns + width, best.rows + height], axis=2, dtype=np.float64
    )
    near = box_iou(windows, windows[winner, pictures]) > NEAR
    above = np.where(near, best.scores - usual.middle[:, None], -np.inf)
    above[winner, pictures] = np.maximum(
        above[winner, pictures], -1
    )  # a picture that was not matched has one vote
    votes = np.exp((above - above.max(axis=0)) / VOTE)
    voted = (votes[..., None] * windows).sum(axis=0) / votes.sum(axis=0)[:, None]
    return Answer(z[winner, pictures], voted, templates, usual)


def average(answer: Answer, others: Sequence[Answer], own: int | None) -> Answer:
    """Scores averaged over the query and what expands it; each picture's window is that of the highest.

    own : the place of the query's picture, if the index has it. What expands a query counts by how well it
    finds the query back: 1 / (1 + r / RECIPROCAL) if it ranks r pictures above the query's.
    """
    weights = [1.0, *(_finds_back(other, own) for other in others)]
    z = np.stack([answer.z, *(other.z for other in others)])
    windows = np.stack([answer.windows, *(other.windows for other in others)])
    highest = z.argmax(axis=0)
    mean = np.average(z.astype(np.float64), axis=0, weights=weights).astype(np.float32)
    return Answer(mean, windows[highest, np.arange(z.shape[1])], answer.templates, answer.usual)


def _finds_back(other: Answer, own: int | None) -> float:
    if own is None or not np.isfinite(other.z[own]):
        return 1.0
    return 1 / (1 + float((other.z > other.z[own]).sum()) / RECIPROCAL)


def further_windows(answer: Answer, map_: Codes, place: int, most: int) -> list[tuple[float, Windows]]:
    """At most ``most`` more windows of a picture, and their scores: greedy non-maximum suppression, no window
    overlaps a better one.

    A window's score lies as far below the picture's as its own z below the z of the picture's best.
    """
    found = [_all_windows(map_, template) for template in answer.templates]
    scores = [score_places(map_, template).reshape(-1) for template in answer.templates]
    z = np.concatenate(
        [
            (values - middle) / spread
            for values, middle, spread in zip(scores, answer.usual.middle, answer.usual.spread, strict=True)
        ]
    )
    windows = np.concatenate(found)
    top, taken = float(z.max()), answer.windows[place]
    kept: list[tuple[float, Windows]] = []
    for _ in range(most):
        z[box_iou(windows, taken) > 0] = -np.inf
        best = int(z.argmax())
        if z[best] == -np.inf:
            break
        taken = windows[best]
        kept.append((float(answer.z[place]) - top + float(z[best]), taken))
    return kept


def _all_windows(map_: Codes, template: Codes) -> Windows:
    """(P, 4) the window at every place of ``score_places``, row by row."""
    rows, columns = template.shape[:2]
    row, column = np.indices((max(1, map_.shape[0] - rows + 1), max(1, map_.shape[1] - columns + 1))).reshape(
        2, -1
    )
    return np.stack([column, row, column + columns, row + rows], axis=1, dtype=np.float64)
