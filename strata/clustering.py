"""KMeans of the database, with cluster numbers that do not depend on chance.

Lloyd's algorithm from several k-means++ starts (Arthur and Vassilvitskii 2007), the best inertia kept.
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

from strata.errors import StrataError

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

SCHEMA = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        pa.field("distance", pa.float32(), nullable=False),
    ]
)


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

    The last is the usual rule of thumb for pictures without labels, 2 at least. StrataError for one class.
    """
    k = asked or of_dataset
    if k is not None:
        return k
    if n_classes == 1:
        raise StrataError(
            "cluster.k is null and the data set has no k and only one class; set cluster.k in params.yaml"
        )
    return n_classes or max(2, round(math.sqrt(n_pictures / 2)))


def fit_clusters(values: Floats, k: int, *, seed: int, restarts: int) -> Clusters:
    """Cluster the rows of ``values`` (N, D). StrataError when there are fewer rows than clusters."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    if len(values) < k:
        raise StrataError(
            f"{len(values)} pictures cannot make {k} clusters; lower cluster.k in params.yaml or add pictures"
        )
    kmeans = KMeans(n_clusters=k, init="k-means++", n_init=restarts, random_state=seed, algorithm="lloyd")
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # too few distinct vectors: empty clusters say it
        kmeans.fit(values)
    order = _by_size(kmeans.labels_, k)
    labels = np.argsort(order)[kmeans.labels_].astype(np.int32)
    centroids = kmeans.cluster_centers_[order].astype(np.float32)
    distances = np.linalg.norm(values - centroids[labels], axis=1).astype(np.float32)
    return Clusters(labels, centroids, distances)


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
