"""PCA and KMeans of many vectors against scikit-learn and faiss, at equal quality."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.pairing import Paired, paired, timed
from benchmarks.results import Result, Row, time_row
from benchmarks.settings import Settings
from strata.descriptors.reduction import fit_large_pca, reduce_vectors
from strata.descriptors.vectors import row_groups, write_vector_blocks
from strata.grouping.clustering import fit_clusters
from strata.maps.features import ROWS_SCHEMA

COMPONENTS = 100
AS_FAST = 1 / 1.2  # the least ratio that is asked for
SAME_SHARE = 1e-4  # of the variance explained
COMPARED, SAME_PRODUCT = 500, 1e-4  # rows of a file; they are parts of unit vectors
SAME_INERTIA = 1.01
SEED = 22
GROUPS = 2000  # planted: the vectors lie around as many centres, in directions of falling variance
BLOCK = 50_000
NO_FAISS = "not measured: faiss-cpu is not installed"

Floats = npt.NDArray[np.float32]
REMARKS = (
    "Made-up unit vectors around 2,000 centres, their variance falling with the direction. PCA to 100 "
    "components: shares of the explained variance agree within 1e-4 (file to file: the variances, "
    "and the products of the first 500 reduced vectors). *File to file*: what `reduce` does, a "
    "Parquet file of vectors to one of reduced vectors, read twice in blocks, never whole; the other side "
    "reads the file whole with pyarrow, runs scikit-learn and writes with pyarrow. faiss trains on half of "
    "a million rows (its own choice), we on all.",
    "KMeans: one start on each side (ours k-means++; theirs random rows, for scikit-learn's k-means++ alone "
    "takes longer than all of ours) and every vector assigned. *Inertia*: over all vectors, ours divided by "
    "theirs; above 1.01 the benchmark stops.",
)


@dataclass(frozen=True)
class Size:
    """``rows`` x ``width`` vectors; ``k`` clusters. ``rounds``: None for as many as were asked for."""

    rows: int
    width: int
    k: int = 0
    rounds: int | None = None

    @property
    def label(self) -> str:
        return f"{self.rows:,} x {self.width}"


SMALL = Size(3000, 120, 20)
PCA_SIZE, FILE_SIZE = Size(1_000_000, 512), Size(200_000, 512)
KMEANS_SIZES = (Size(100_000, 128, 1000), Size(1_000_000, 512, 1000, rounds=1))


def run(settings: Settings) -> Result:
    """PCA in memory and file to file, KMeans of one size in rounds and of a larger one once."""
    work = settings.work / "fitting"
    sizes = (SMALL,) if settings.small else KMEANS_SIZES
    rows = _pca(SMALL if settings.small else PCA_SIZE, work, settings.rounds)
    rows += _files(SMALL if settings.small else FILE_SIZE, work, settings.rounds)
    for size in sizes:
        rows += _kmeans(size, work, settings.rounds)
    return Result("PCA and KMeans", tuple(rows), REMARKS)


def vectors(size: Size, work: Path) -> Floats:
    """(rows, width) made-up unit vectors, made once and mapped from disk."""
    path, shape = work / f"{size.rows}x{size.width}.f32", (size.rows, size.width)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        made = np.memmap(part, np.float32, "w+", shape=shape)
        random = np.random.default_rng(SEED)
        scale = np.arange(1, size.width + 1, dtype=np.float32) ** -0.5
        turn = np.linalg.qr(random.standard_normal((size.width, size.width)))[0].astype(np.float32)
        centres = random.standard_normal((GROUPS, size.width), dtype=np.float32)
        for start in range(0, size.rows, BLOCK):
            count = min(BLOCK, size.rows - start)
            noise = random.standard_normal((count, size.width), dtype=np.float32)
            rows = (centres[random.integers(0, GROUPS, count)] + 0.7 * noise) * scale @ turn
            made[start : start + count] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        made.flush()
        part.rename(path)
    return np.asarray(np.memmap(path, np.float32, "r", shape=shape))


def _pca(size: Size, work: Path, rounds: int) -> list[Row]:
    from sklearn.decomposition import PCA

    values = np.array(vectors(size, work))  # in memory: scikit-learn would copy what is mapped, every time
    case = f"PCA, {size.label}"

    def ours() -> float:
        return float(fit_large_pca(lambda: _blocks(values), COMPONENTS).explained_variance_ratio.sum())

    def learnt() -> float:
        pca = PCA(COMPONENTS, svd_solver="covariance_eigh").fit(values)
        return float(pca.explained_variance_ratio_.sum())

    def faiss_share() -> float:
        import faiss

        matrix = faiss.PCAMatrix(size.width, COMPONENTS)
        matrix.train(values)
        variances = faiss.vector_to_array(matrix.eigenvalues)
        return float(variances[:COMPONENTS].sum() / variances.sum())

    rows = [_same_share(case, "scikit-learn, covariance_eigh", ours, learnt, rounds)]
    if find_spec("faiss") is None:
        return [*rows, Row(case, "faiss", None, None, "s", note=NO_FAISS)]
    return [*rows, _same_share(case, "faiss", ours, faiss_share, rounds)]


def _same_share(
    case: str, peer: str, ours: Callable[[], float], theirs: Callable[[], float], rounds: int
) -> Row:
    if abs(ours() - theirs()) > SAME_SHARE:
        raise RuntimeError(f"{case}: {peer} explains {theirs():.5f} of the variance, we {ours():.5f}")
    return time_row(case, peer, paired(timed(ours), timed(theirs), rounds), AS_FAST)


def _files(size: Size, work: Path, rounds: int) -> list[Row]:
    from sklearn.decomposition import PCA

    values, source = vectors(size, work), work / "vectors"
    ids = pa.array([f"{number:08d}" for number in range(size.rows)])
    columns = [pa.array(range(size.rows), pa.int32()), pa.array(["image"] * size.rows), ids]
    rows = pa.table([*columns, pa.nulls(size.rows, pa.string())], schema=ROWS_SCHEMA)
    blocks = (values[start:stop] for start, stop in row_groups(size.rows))
    write_vector_blocks(source / "made.parquet", rows, size.width, blocks)

    def ours() -> None:
        reduce_vectors(source, work / "reduced", "made", components=COMPONENTS, whiten=False)

    def theirs() -> None:
        table = pq.read_table(source / "made.parquet")
        reduced = PCA(COMPONENTS, svd_solver="covariance_eigh").fit_transform(_read_vectors(table))
        flat = pa.array(np.ascontiguousarray(reduced).reshape(-1))
        found = table.drop_columns(["vector"]).append_column(
            "vector", pa.FixedSizeListArray.from_arrays(flat, COMPONENTS)
        )
        pq.write_table(found, work / "theirs.parquet", compression="zstd")

    ours()
    theirs()
    _check_same_rows(work / "reduced" / "made.parquet", work / "theirs.parquet")
    pair = paired(timed(ours), timed(theirs), rounds)
    return [time_row(f"PCA, file to file, {size.label}", "pyarrow and scikit-learn, all in memory", pair)]


def _check_same_rows(ours: Path, theirs: Path) -> None:
    """Both files must hold the same reduced vectors, whatever the components' signs."""
    if not _same_rows(*(_read_vectors(pq.read_table(path)) for path in (ours, theirs))):
        raise RuntimeError("PCA, file to file: the reduced vectors differ from the other's")


def _same_rows(one: Floats, other: Floats) -> bool:
    """Equal variance, and equal products of the first rows with each other, which know no signs."""
    if one.shape != other.shape:
        return False
    ours, theirs = (values.var(axis=0, dtype=np.float64).sum() for values in (one, other))
    products, others = (values[:COMPARED] @ values[:COMPARED].T for values in (one, other))
    return bool(
        np.isclose(ours, theirs, rtol=SAME_SHARE) and np.allclose(products, others, rtol=0, atol=SAME_PRODUCT)
    )


def _read_vectors(table: pa.Table) -> Floats:
    """(rows, width): the column ``vector``."""
    flat = table["vector"].combine_chunks().flatten()
    return np.asarray(flat.to_numpy().reshape(len(table), -1))


def _kmeans(size: Size, work: Path, rounds: int) -> list[Row]:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    values, k = np.array(vectors(size, work)), size.k
    case = f"KMeans, {size.label}, k = {k}"

    def ours() -> float:
        distances = fit_clusters(values, k, seed=SEED, restarts=1).distances
        return float((distances.astype(np.float64) ** 2).sum())

    def faiss_inertia() -> float:
        import faiss

        kmeans = faiss.Kmeans(size.width, k, seed=SEED)
        kmeans.train(values)
        return float(kmeans.assign(values)[0].sum(dtype=np.float64))

    def lloyd() -> float:
        return float(KMeans(k, init="random", n_init=1, max_iter=25, random_state=SEED).fit(values).inertia_)

    def batches() -> float:
        return float(MiniBatchKMeans(k, n_init=1, random_state=SEED).fit(values).inertia_)

    peers = {"faiss": faiss_inertia} if find_spec("faiss") else {}
    if size.rounds is None:
        peers |= {"scikit-learn KMeans, 25 iterations": lloyd, "scikit-learn MiniBatchKMeans": batches}
    rows = [] if "faiss" in peers else [Row(case, "faiss", None, None, "s", note=NO_FAISS)]
    for peer, theirs in peers.items():
        pair, inertia = _raced(ours, theirs, size.rounds or rounds, warm=size.rounds is None)
        if inertia > SAME_INERTIA:
            raise RuntimeError(f"{case}: our inertia is {inertia:.4f} times that of {peer}")
        row = time_row(case, peer, pair, None if theirs is batches else AS_FAST)
        rows.append(replace(row, note=f"inertia {inertia:.3f}"))
    return rows


def _raced(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int, *, warm: bool
) -> tuple[Paired, float]:
    """Times of both, and our result / theirs; without the unmeasured round where one takes minutes."""
    found = {}

    def seconds(name: str, work: Callable[[], float]) -> Callable[[], float]:
        def run_one() -> float:
            started = time.perf_counter()
            found[name] = work()
            return time.perf_counter() - started

        return run_one

    pair = paired(seconds("ours", ours), seconds("theirs", theirs), rounds, warm=warm)
    return pair, found["ours"] / found["theirs"]


def _blocks(values: Floats) -> Iterator[Floats]:
    return (values[start:stop] for start, stop in row_groups(len(values)))
