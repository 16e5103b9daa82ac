"""A cell of the grid: a layer, its pooling, what is done to the vectors, and how queries are matched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args

from strata.base.errors import StrataError
from strata.descriptors.pooling import check_poolable
from strata.maps.features import LayerInfo
from strata.settings.params import Pooling, PoolParams, Postprocessing, Treatment

POSTPROCESSED: tuple[Postprocessing, ...] = get_args(Postprocessing)
"""Treatments of the ranking, of centred vectors: without centring all of them gain less."""
GLOBAL, REGION = "global", "region"
BY_REGION: tuple[Treatment, ...] = ("raw", "centred")
"""What can be done to regions that are not pooled."""


class Cell(NamedTuple):
    """``pooling`` is None where it changes nothing: a layer of vectors, a match by region."""

    layer: str
    pooling: Pooling | None
    treatment: Treatment
    match: str

    @property
    def name(self) -> str:
        """The cell in a sentence.

        >>> Cell("late", "gem", "raw", "global").name, Cell("stem", None, "centred", "region").name
        ('late x gem', 'stem by region, centred')
        """
        pooled = self.layer if self.pooling is None else f"{self.layer} x {self.pooling}"
        matched = pooled if self.match == GLOBAL else f"{pooled} by {self.match}"
        return matched if self.treatment == "raw" else f"{matched}, {self.treatment}"


def pool_params(treatment: Treatment, levels: int, normalize: bool) -> PoolParams:
    """The parameters with which ``pool`` makes the vectors of a treatment (before PCA: those of raw)."""
    whiten = "self" if treatment == "whitened" else "none"
    centred = treatment == "centred" or treatment in POSTPROCESSED
    return PoolParams(levels=levels, center=centred, whiten=whiten, normalize=normalize)


def run_params(cell: Cell) -> dict[str, str]:
    """The parameters of a run that has this cell's numbers, as ``-S`` takes them.

    With ``pca`` they are that run's numbers in the space ``pca``. What does not matter is not said.

    >>> run_params(Cell("late", None, "dba", "global"))
    {'pool.center': 'true', 'pool.whiten': 'none', 'retrieve.postprocess': 'dba'}
    """
    params = pool_params(cell.treatment, 1, True)
    pooling = {} if cell.pooling is None else {"pooling": cell.pooling}
    centre = {"pool.center": str(params.center).lower()}
    whiten = {} if cell.match == REGION else {"pool.whiten": params.whiten}
    ranking = {} if cell.match == REGION else {"retrieve.postprocess": "none"}
    if cell.treatment in POSTPROCESSED:
        ranking["retrieve.postprocess"] = cell.treatment
    vectors = cell.pooling is None and cell.match == GLOBAL  # matched as a whole in any run
    return {**pooling, **centre, **whiten, **ranking, **({} if vectors else {"retrieve.match": cell.match})}


def poolings_of(
    info: LayerInfo, poolings: Sequence[Pooling], levels: int
) -> tuple[list[Pooling | None], list[str]]:
    """Which poolings a layer has by what is stored of it, and a line about those that it lacks."""
    if info.kind == "vector":
        return [None], []
    kept = [pooling for pooling in poolings if _is_stored(info, pooling, levels)]
    lacking = ", ".join(pooling for pooling in poolings if pooling not in kept)
    return [*kept], [f"{info.name}: not stored for {lacking}"] if lacking else []


def _is_stored(info: LayerInfo, pooling: Pooling, levels: int) -> bool:
    try:
        check_poolable([info], pooling, levels)
    except StrataError:
        return False
    return True
