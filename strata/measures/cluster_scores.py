"""How well clusters agree with labels, and how tight they are.

AMI, NMI (arithmetic mean), ARI and purity compare with the classes of one facet. AMI is 0 for a random
grouping; the chance level of purity is its mean after shuffling the labels (purity grows with k, and that of
random clusters is far from 0). Silhouette needs no labels; it measures distances in the layer's own space and
compares no layers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strata.base.threads import one_blas_thread
from strata.measures.scores import Score

Integers = npt.NDArray[np.integer]

PERMUTATIONS = 100
FEWEST_PERMUTATIONS = 10
FEWEST_A_GROUP = 1.5  # pictures, on the average: with fewer most are alone in their cluster or class
SHUFFLED = 10_000_000  # pictures in all permutations together: the more there are, the less a shuffle varies
SILHOUETTE_SAMPLE = 5000  # pictures; its time grows with their square
SILHOUETTE_NOTE = "euclidean, in the layer's own reduced space: not comparable between layers"


def size_scores(sizes: Integers) -> list[Score]:
    """n, k, and the smallest and the largest of the ``sizes`` (K,) of the clusters."""
    counts = {"n": sizes.sum(), "k": len(sizes), "smallest": sizes.min(), "largest": sizes.max()}
    return [Score(name, int(count)) for name, count in counts.items()]


def silhouette(values: npt.NDArray[np.float32], labels: Integers, *, seed: int) -> Score:
    """Mean silhouette (-1..1) of ``values`` (N, D) in the clusters ``labels`` (N,).

    Over at most ``SILHOUETTE_SAMPLE`` pictures, drawn by ``seed``.
    """
    from sklearn.metrics import silhouette_score

    note = SILHOUETTE_NOTE
    if len(labels) > SILHOUETTE_SAMPLE:
        note += f"; of {SILHOUETTE_SAMPLE} pictures, seed {seed}"
        chosen = np.random.default_rng(seed).choice(len(labels), SILHOUETTE_SAMPLE, replace=False)
        chosen.sort()
        values, labels = values[chosen], labels[chosen]
    if not 1 < len(np.unique(labels)) < len(labels):
        note = "undefined: it needs two clusters and one of two pictures"
        return Score("silhouette", None, note=note)
    with one_blas_thread():
        return Score("silhouette", float(silhouette_score(values, labels, metric="euclidean")), note=note)


def agreement(labels: Integers, codes: Integers, *, seed: int) -> list[Score]:
    """Agreement of clusters with one facet, over the pictures with exactly one label of it.

    labels : (N,) the cluster of every picture; codes : (N,) its class, -1 for none or several. ``labelled``
    and ``left_out`` count the pictures with and without; where none has a class there are only the counts.
    Where clusters or classes are nearly all of one picture the AMI has no value, and a note says why: every
    picture on its own agrees perfectly with labels of which none repeats.
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

    kept = codes >= 0
    classes, found = codes[kept].astype(np.int64), labels[kept].astype(np.int64)
    counts = [Score("labelled", len(classes)), Score("left_out", int((~kept).sum()))]
    if not len(classes):
        return counts
    if reason := _degenerate(classes, found):
        return [Score("ami", None, note=reason), *counts]
    return [
        Score("ami", float(adjusted_mutual_info_score(classes, found)), chance=0.0),
        Score("nmi", float(normalized_mutual_info_score(classes, found))),
        Score("ari", float(adjusted_rand_score(classes, found))),
        Score("purity", purity(classes, found), chance=purity_by_chance(classes, found, seed=seed)),
        *counts,
    ]


def _degenerate(classes: Integers, clusters: Integers) -> str | None:
    for what, labels in (("classes", classes), ("clusters", clusters)):
        count = len(np.unique(labels))
        if len(labels) < FEWEST_A_GROUP * count:
            return f"no result: {count} {what} of {len(labels)} pictures, nearly all of one picture"
    return None


def purity(classes: Integers, clusters: Integers) -> float:
    """Share of pictures that have the commonest class of their cluster. classes, clusters : (N,) int >= 0.

    >>> purity(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    0.75
    """
    n_classes = int(classes.max()) + 1
    cells = np.bincount(clusters * n_classes + classes, minlength=(int(clusters.max()) + 1) * n_classes)
    return float(cells.reshape(-1, n_classes).max(axis=1).sum() / len(classes))


def purity_by_chance(classes: Integers, clusters: Integers, *, seed: int) -> float:
    """Mean purity over shuffles of the labels: same cluster and class sizes, no relation.

    ``PERMUTATIONS`` of them up to 100,000 pictures, fewer beyond.
    """
    random = np.random.default_rng(seed)
    times = min(PERMUTATIONS, max(FEWEST_PERMUTATIONS, SHUFFLED // len(classes)))
    return float(np.mean([purity(random.permutation(classes), clusters) for _ in range(times)]))
