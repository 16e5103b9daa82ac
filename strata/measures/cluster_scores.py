"""How well clusters agree with labels, and how tight they are.

AMI, NMI (arithmetic mean), ARI and purity compare with the classes of one facet; ``purity_chance`` is the
mean purity after shuffling the labels (purity grows with k, and that of random clusters is far from 0).
Silhouette needs no labels; it measures distances in the layer's own space and compares no layers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strata.base.threads import one_blas_thread
from strata.collection.facets import FacetLabels
from strata.grouping.clustering import Clusters
from strata.measures.scores import Score

Integers = npt.NDArray[np.int64]

PERMUTATIONS = 100
FEWEST_PERMUTATIONS = 10
SHUFFLED = 10_000_000  # pictures in all permutations together: the more there are, the less a shuffle varies
SILHOUETTE_SAMPLE = 5000  # pictures; its time grows with their square
SILHOUETTE_NOTE = "euclidean, in the layer's own reduced space: not comparable between layers"


def size_scores(clusters: Clusters) -> dict[str, Score]:
    """n, k, and the sizes of the smallest and the largest cluster."""
    sizes = clusters.sizes
    return {
        "n": len(clusters.labels),
        "k": len(sizes),
        "smallest": int(sizes.min()),
        "largest": int(sizes.max()),
    }


def silhouette_scores(values: npt.NDArray[np.float32], clusters: Clusters, *, seed: int) -> dict[str, Score]:
    """Mean silhouette (-1..1) over at most ``SILHOUETTE_SAMPLE`` pictures, drawn by ``seed``."""
    from sklearn.metrics import silhouette_score

    labels, note = clusters.labels, SILHOUETTE_NOTE
    if len(labels) > SILHOUETTE_SAMPLE:
        note += f"; of {SILHOUETTE_SAMPLE} pictures, seed {seed}"
        chosen = np.random.default_rng(seed).choice(len(labels), SILHOUETTE_SAMPLE, replace=False)
        chosen.sort()
        values, labels = values[chosen], labels[chosen]
    if not 1 < len(np.unique(labels)) < len(labels):
        return {"silhouette_note": "undefined: it needs two clusters and one of two pictures"}
    with one_blas_thread():
        score = float(silhouette_score(values, labels, metric="euclidean"))
    return {"silhouette": score, "silhouette_note": note}


def facet_scores(clusters: Clusters, labels: FacetLabels, *, seed: int) -> dict[str, Score]:
    """Agreement with one facet, over the pictures with exactly one label of it.

    ``labelled`` and ``left_out`` count those and the others; without any, there is nothing but the counts.
    """
    from sklearn.metrics import (
        adjusted_mutual_info_score,
        adjusted_rand_score,
        normalized_mutual_info_score,
    )

    kept = labels.codes >= 0
    classes, found = labels.codes[kept], clusters.labels[kept].astype(np.int64)
    counts: dict[str, Score] = {"labelled": len(classes), "left_out": int((~kept).sum())}
    if not len(classes):
        return counts
    return {
        "ami": float(adjusted_mutual_info_score(classes, found)),
        "nmi": float(normalized_mutual_info_score(classes, found)),
        "ari": float(adjusted_rand_score(classes, found)),
        "purity": purity(classes, found),
        "purity_chance": purity_by_chance(classes, found, seed=seed),
        **counts,
    }


def purity(classes: Integers, clusters: Integers) -> float:
    """Share of pictures that have the commonest class of their cluster. classes, clusters : (N,) int >= 0."""
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
