"""KMeans of the database, with cluster numbers that do not depend on chance.

Lloyd's algorithm from several k-means++ starts (Arthur and Vassilvitskii 2007), the best inertia kept: by
scikit-learn up to ``ALL_ROWS`` pictures, beyond them by ``lloyd`` on a sample, all pictures assigned.
Clusters are numbered by size, the largest first; of equal ones the one whose first picture comes first.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.files import required
from strata.base.threads import one_blas_thread
from strata.grouping.lloyd import fit_centres, fit_rows, nearest, start_rows

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

ALL_ROWS = 50_000  # pictures up to which every fit sees all of them and runs until nothing moves

SCHEMA = pa.schema(required(row=pa.int32(), image_id=pa.string(), cluster=pa.int32(), distance=pa.float32()))


@dataclass(frozen=True)
class Clusters:
    """``labels`` (N,) in 0..K-1, ``centroids`` (K, D), ``distances`` (N,) to the own centroid, Euclidean.

    Fewer than K clusters are filled when fewer than K vectors differ; the empty ones come last.
    """

    labels: Integers
    centroids: Floats
    distances: Floats

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """(K,) pictures a cluster."""
        return np.bincount(self.labels, minlength=len(self.centroids))


def choose_k(asked: int | None, of_dataset: int | None, n_classes: int, n_pictures: int) -> int:
    """``cluster.k``, else the data set's ``k``, else its number of classes, else sqrt(n_pictures / 2).

    The last is the usual rule of thumb for pictures without labels, 2 at least. Of many classes no more
    clusters are made than leave each two pictures. StrataError for one class.
    """
    k = asked or of_dataset
    if k is not None:
        return k
    if n_classes == 1:
        raise StrataError(
            "cluster.k is null and the data set has no k and only one class; set cluster.k in params.yaml"
        )
    return max(2, min(n_classes, n_pictures // 2) or round(math.sqrt(n_pictures / 2)))


def fit_clusters(values: Floats, k: int, *, seed: int, restarts: int) -> Clusters:
    """Cluster the rows of ``values`` (N, D). StrataError when there are fewer rows than clusters."""
    if len(values) < k:
        raise StrataError(
            f"{len(values)} pictures cannot make {k} clusters; lower cluster.k in params.yaml or add pictures"
        )
    if len(values) > ALL_ROWS:
        centres = fit_centres(values, k, seed=seed, restarts=restarts)
        found, distances = nearest(values, centres)
        order = _by_size(found, k)
        return Clusters(_renumbered(found, order), centres[order], distances)
    found, centres = _fit_all(values, k, seed, restarts)
    order = _by_size(found, k)
    labels, centroids = _renumbered(found, order), centres[order].astype(np.float32)
    distances = np.linalg.norm(values - centroids[labels], axis=1).astype(np.float32)
    return Clusters(labels, centroids, distances)


def protocol(n_pictures: int, k: int, *, seed: int, restarts: int) -> str:
    """How ``fit_clusters`` clusters, as a policy for the metrics."""
    said = f"k-means++, {restarts} starts, seed {seed}"
    if n_pictures <= ALL_ROWS:
        return said
    seen, first = fit_rows(n_pictures, k), start_rows(n_pictures, k)
    return f"{said}; fitted on {seen} of {n_pictures} pictures, starts on {first}; all assigned"


def _fit_all(
    values: Floats, k: int, seed: int, restarts: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any]]:
    """scikit-learn's labels and centres."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    kmeans = KMeans(n_clusters=k, init="k-means++", n_init=restarts, random_state=seed, algorithm="lloyd")
    with warnings.catch_warnings(), one_blas_thread():
        warnings.simplefilter("ignore", ConvergenceWarning)  # too few distinct vectors: empty clusters say it
        kmeans.fit(values)
    return kmeans.labels_, kmeans.cluster_centers_


def _renumbered(labels: npt.NDArray[Any], order: npt.NDArray[np.int64]) -> Integers:
    return np.asarray(np.argsort(order)[labels], dtype=np.int32)


def _by_size(labels: npt.NDArray[Any], k: int) -> npt.NDArray[np.int64]:
    """The old cluster numbers in their new order."""
    first = np.full(k, len(labels))
    np.minimum.at(first, labels, np.arange(len(labels)))
    sizes = np.bincount(labels, minlength=k)
    return np.asarray(np.lexsort((first, -sizes)), dtype=np.int64)


def cluster_table(rows: pa.Table, clusters: Clusters) -> pa.Table:
    """``rows`` (the clustered ones, ROWS_SCHEMA) with cluster and distance."""
    columns = [rows["row"], rows["image_id"], clusters.labels, clusters.distances]
    return pa.table(
        [pa.chunked_array([c]) if isinstance(c, np.ndarray) else c for c in columns], schema=SCHEMA
    )
