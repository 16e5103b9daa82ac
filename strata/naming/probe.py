"""Linear probe: how well a logistic regression names the pictures from one layer's descriptors.

Multinomial, L2-regularised, on the descriptors without standardising their features (as in the study), over
repeated stratified random splits. The interval is Nadeau and Bengio's, because the splits share pictures.
Of a large collection some pictures are drawn for it, as many of a class as its share says.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from strata.base.threads import one_blas_thread
from strata.base.track import Track, no_track
from strata.collection.facets import FacetLabels
from strata.descriptors.vectors import read_vector_rows, vector_blocks
from strata.maps.features import database_rows
from strata.measures.intervals import corrected_t
from strata.measures.scores import Policy, Score, Scored, value_of
from strata.naming.logistic_regression import Classifier, fit_splits

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Split = tuple[Integers, Integers]

AT_LEAST = 2  # pictures of a class: one to learn from, one to test on


@dataclass(frozen=True)
class Protocol:
    """``C`` is the inverse regularisation; each of ``splits`` holds out ``test_share`` of the pictures.

    ``scale`` sqrt_dim multiplies the vectors of a layer by the root of their length D. A penalty acts on
    lengths: unit vectors of hundreds of dimensions would be shrunk to the majority class by a C meant for
    raw ones. No more than ``max_pictures`` are probed; None: all are.
    """

    C: float
    scale: str
    splits: int
    test_share: float
    seed: int
    max_pictures: int | None = None

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
    rows = np.asarray(values, dtype=np.float64)
    if rows.shape[0] >= rows.shape[1]:
        return rows
    with one_blas_thread():
        return np.ascontiguousarray(np.transpose(np.linalg.qr(rows.T, mode="r")))


def probe_file(
    path: Path, labels: FacetLabels, protocol: Protocol, track: Track = no_track, desc: str = ""
) -> Scored:
    """``probe`` of a vector file's database rows, whose ``labels`` are given in their order.

    At most ``protocol.max_pictures`` of them, and no more are kept in memory; ``drawn`` says how many if not
    all. ``track`` follows the splits.
    """
    database = np.flatnonzero(database_rows(read_vector_rows(path)))
    places, usable = probed_places(labels.codes, protocol)
    fewer = dataclasses.replace(labels, codes=labels.codes[places])
    rows = rotated(scaled(_rows_at(path, database[places]), protocol.scale))
    found = probe(rows, fewer, protocol, track, desc)
    if len(places) == len(database) or value_of(found.scores, "accuracy") is None:
        return found
    left_out = Score("left_out", len(database) - usable)
    scores = [left_out if score.metric == "left_out" else score for score in found.scores]
    fewer_than_all = len(places) < usable
    drawn = f"{len(places)} of {usable} pictures, by class, seed {protocol.seed}"
    return Scored(scores, [Policy("drawn", drawn)] if fewer_than_all else [])


def probed_places(codes: Integers, protocol: Protocol) -> tuple[Integers, int]:
    """Sorted places of the pictures to look at, and how many could be probed.

    codes : (N,) of ``FacetLabels``. All places up to ``protocol.max_pictures``, beyond them ``drawn`` ones of
    those that can be probed.
    """
    usable = np.flatnonzero(_usable(codes)[0])
    most = protocol.max_pictures
    if most is None or len(codes) <= most:
        return np.arange(len(codes)), len(usable)
    return usable[drawn(codes[usable], most, protocol.seed)], len(usable)


def drawn(classes: Integers, most: int, seed: int) -> Integers:
    """Sorted places of at most ``most`` pictures, of every class in proportion, but two where there are two.

    The last classes get none when ``most`` is below twice their number.

    classes : (N,) int >= 0.
    """
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    sizes = np.bincount(classes)
    place = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    turn = np.where(place < AT_LEAST, -1.0, (place + 0.5) / np.repeat(sizes, sizes))
    return np.sort(by_class[np.argsort(turn, kind="stable")[:most]])


def not_probed(reason: str) -> Scored:
    """What stands in the table where nothing can be learnt."""
    return Scored([Score("accuracy", None, note=f"not probed: {reason}")])


def probe(
    rows: Doubles, labels: FacetLabels, protocol: Protocol, track: Track = no_track, desc: str = ""
) -> Scored:
    """Scores of one facet: rows (N, D) and ``labels`` for the same N pictures.

    ``accuracy`` (mean over splits, 0..1; no interval for one split) with the share of the commonest class as
    chance, ``balanced_accuracy``, ``train_accuracy``, ``majority`` (the commonest class), ``chance`` (1 / K),
    ``classes``, ``probed`` pictures, those ``left_out`` (no label, or alone in their class) and the number of
    splits ``not_converged``. Where nothing can be learnt an accuracy without a value, whose note says why.
    """
    kept, classes = _usable(labels.codes)
    reason = _unusable(labels, classes, protocol)
    if reason:
        return not_probed(reason)
    splits = _splits(classes, protocol)
    if min(len(np.unique(classes[train])) for train, _ in splits) < 2:
        reason = f"a split with {protocol.test_share} held out has one class to learn from (probe.test_share)"
        return not_probed(reason)
    rows, ratio = rows[kept], len(splits[0][1]) / len(splits[0][0])
    models = fit_splits(rows, classes, [train for train, _ in splits], protocol.C)
    watched = track(models, total=len(splits), desc=desc)
    fits = [_judge(model, rows, classes, split) for model, split in zip(watched, splits, strict=True)]
    test = [fit.test for fit in fits]
    low, high = corrected_t(test, ratio) if len(test) > 1 else (None, None)
    sizes = np.bincount(classes)
    majority, chance = float(sizes.max() / sizes.sum()), 1 / len(sizes)
    return Scored(
        [
            Score("accuracy", float(np.mean(test)), low, high, chance=majority),
            Score("balanced_accuracy", float(np.mean([fit.balanced for fit in fits])), chance=chance),
            Score("train_accuracy", float(np.mean([fit.train for fit in fits]))),
            Score("majority", majority),
            Score("chance", chance),
            Score("classes", len(sizes)),
            Score("probed", len(classes)),
            Score("left_out", len(labels.codes) - len(classes)),
            Score("not_converged", sum(not fit.converged for fit in fits)),
        ]
    )


def _rows_at(path: Path, rows: Integers) -> npt.NDArray[np.float32]:
    """(len(rows), D): the vectors of the sorted ``rows`` of a file that is read a block at a time."""
    kept, start = [], 0
    for block in vector_blocks(path):
        first, last = np.searchsorted(rows, (start, start + len(block)))
        kept.append(block[rows[first:last] - start])
        start += len(block)
    return np.concatenate(kept)


def _usable(codes: Integers) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Which pictures can be probed, and their classes, renumbered without gaps."""
    sizes = np.bincount(codes[codes >= 0])
    kept = (codes >= 0) & np.isin(codes, np.flatnonzero(sizes >= AT_LEAST))
    return kept, np.unique(codes[kept], return_inverse=True)[1].astype(np.int64)


def _unusable(labels: FacetLabels, classes: Integers, protocol: Protocol) -> str | None:
    n, n_classes = len(classes), int(classes.max(initial=-1)) + 1
    if labels.several:
        return f"{labels.several} pictures have several labels"
    if n_classes < 2:
        said = "one class has" if n_classes else "no class has"
        return f"{said} {AT_LEAST} pictures or more, two classes are needed"
    n_test = int(np.ceil(protocol.test_share * n))
    if min(n_test, n - n_test) < n_classes:
        what = "probe.test_share" + (", probe.max_pictures" if protocol.max_pictures is not None else "")
        return f"{n} pictures cannot be split for {n_classes} classes ({what})"
    return None


def _splits(classes: Integers, protocol: Protocol) -> list[Split]:
    """(train, test) places of every split."""
    from sklearn.model_selection import StratifiedShuffleSplit

    splitter = StratifiedShuffleSplit(
        n_splits=protocol.splits, test_size=protocol.test_share, random_state=protocol.seed
    )
    return list(splitter.split(classes, classes))


def _judge(model: Classifier, rows: Doubles, classes: Integers, split: Split) -> Fit:
    train, test = split
    truth = classes[test]
    right = model.predict(rows[test]) == truth
    present = np.bincount(truth)
    recall = np.bincount(truth, weights=right)[present > 0] / present[present > 0]
    train_right = model.predict(rows[train]) == classes[train]
    return Fit(float(right.mean()), float(recall.mean()), float(train_right.mean()), model.converged)
