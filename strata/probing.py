"""Linear probe: how well a logistic regression names the pictures from one layer's descriptors.

Multinomial, L2-regularised, on the descriptors without standardising their features (as in the study), over
repeated stratified random splits. The interval is Nadeau and Bengio's, because the splits share pictures.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.facets import FacetLabels
from strata.intervals import corrected_t
from strata.scores import Score

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MAX_ITERATIONS = 1000
AT_LEAST = 2  # pictures of a class: one to learn from, one to test on


@dataclass(frozen=True)
class Protocol:
    """``C`` is the inverse regularisation; each of ``splits`` holds out ``test_share`` of the pictures.

    ``scale`` sqrt_dim multiplies the vectors of a layer by the root of their length D. A penalty acts on
    lengths: unit vectors of hundreds of dimensions would be shrunk to the majority class by a C meant for
    raw ones.
    """

    C: float
    scale: str
    splits: int
    test_share: float
    seed: int

    def __str__(self) -> str:
        scale = "times sqrt(D)" if self.scale == "sqrt_dim" else "as they are"
        splits = f"{self.splits} stratified splits, {self.test_share} held out, seed {self.seed}"
        return f"vectors {scale}, C {self.C}, {splits}"


@dataclass(frozen=True)
class Fit:
    """One split: shares of right answers, and whether the solver reached its tolerance."""

    test: float
    balanced: float
    train: float
    converged: bool


def scaled(values: npt.ArrayLike, scale: str) -> Doubles:
    """(N, D) vectors as ``Protocol.scale`` wants them, float64."""
    rows = np.asarray(values, dtype=np.float64)
    return rows * np.sqrt(rows.shape[1]) if scale == "sqrt_dim" else rows


def rotated(values: npt.ArrayLike) -> Doubles:
    """(N, D) -> (N, min(N, D)) float64 with the same inner products, so the same L2-regularised regression.

    Weights outside the span of the rows cost penalty and change no prediction: the optimum has none, and a
    rotation into that span leaves the penalty as it is. With fewer pictures than dimensions this is quicker.
    """
    from threadpoolctl import threadpool_limits

    rows = np.asarray(values, dtype=np.float64)
    if rows.shape[0] >= rows.shape[1]:
        return rows
    with threadpool_limits(limits=1):
        return np.ascontiguousarray(np.transpose(np.linalg.qr(rows.T, mode="r")))


def probe(rows: Doubles, labels: FacetLabels, protocol: Protocol) -> dict[str, Score]:
    """Scores of one facet: rows (N, D) and ``labels`` for the same N pictures.

    ``accuracy`` (mean over splits, 0..1) with ``accuracy_low`` and ``accuracy_high`` (absent for one split),
    ``balanced_accuracy``, ``train_accuracy``, ``majority`` (the commonest class), ``chance`` (1 / K),
    ``classes``, ``probed`` pictures, those ``left_out`` (no label, or alone in their class) and the number of
    splits ``not_converged``. Where nothing can be learnt there is only a ``probe_status`` that says why.
    """
    kept, classes = _usable(labels.codes)
    reason = _unusable(labels, classes, protocol)
    if reason:
        return {"probe_status": reason}
    fits, ratio = _fits(rows[kept], classes, protocol)
    test = [fit.test for fit in fits]
    low, high = corrected_t(test, ratio) if len(test) > 1 else (None, None)
    sizes = np.bincount(classes)
    return {
        "accuracy": float(np.mean(test)),
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": float(np.mean([fit.balanced for fit in fits])),
        "train_accuracy": float(np.mean([fit.train for fit in fits])),
        "majority": float(sizes.max() / sizes.sum()),
        "chance": 1 / len(sizes),
        "classes": len(sizes),
        "probed": len(classes),
        "left_out": len(labels.codes) - len(classes),
        "not_converged": sum(not fit.converged for fit in fits),
    }


def _usable(codes: Integers) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Which pictures can be probed, and their classes, renumbered without gaps."""
    sizes = np.bincount(codes[codes >= 0])
    kept = (codes >= 0) & np.isin(codes, np.flatnonzero(sizes >= AT_LEAST))
    return kept, np.unique(codes[kept], return_inverse=True)[1].astype(np.int64)


def _unusable(labels: FacetLabels, classes: Integers, protocol: Protocol) -> str | None:
    n, n_classes = len(classes), int(classes.max(initial=-1)) + 1
    if labels.several:
        return f"not probed: {labels.several} pictures have several labels"
    if n_classes < 2:
        said = "one class has" if n_classes else "no class has"
        return f"not probed: {said} {AT_LEAST} pictures or more, two classes are needed"
    n_test = int(np.ceil(protocol.test_share * n))
    if min(n_test, n - n_test) < n_classes:
        return f"not probed: {n} pictures cannot be split for {n_classes} classes"
    return None


def _fits(rows: Doubles, classes: Integers, protocol: Protocol) -> tuple[list[Fit], float]:
    """One fit a split, and n_test / n_train."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedShuffleSplit
    from threadpoolctl import threadpool_limits

    splitter = StratifiedShuffleSplit(
        n_splits=protocol.splits, test_size=protocol.test_share, random_state=protocol.seed
    )
    model = LogisticRegression(C=protocol.C, max_iter=MAX_ITERATIONS)
    fits, ratio = [], 0.0
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # counted instead
        for train, test in splitter.split(rows, classes):
            model.fit(rows[train], classes[train])
            guess, truth = model.predict(rows[test]), classes[test]
            right = guess == truth
            present = np.bincount(truth)
            recall = np.bincount(truth, weights=right)[present > 0] / present[present > 0]
            fits.append(
                Fit(
                    float(right.mean()),
                    float(recall.mean()),
                    float((model.predict(rows[train]) == classes[train]).mean()),
                    bool(model.n_iter_.max() < MAX_ITERATIONS),
                )
            )
            ratio = len(test) / len(train)
    return fits, ratio
