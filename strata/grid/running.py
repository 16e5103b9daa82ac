"""All cells of all layers, pooling by pooling; the cores share the poolings of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from strata.base.threads import in_order, one_blas_thread
from strata.base.track import Track, no_track
from strata.grid.answering import Answer, cluster_answer, ranked_answers, region_answers
from strata.grid.asking import Questions
from strata.grid.cells import BY_REGION, GLOBAL, POSTPROCESSED, REGION, Cell, pool_params, poolings_of
from strata.grid.describing import describe, use_rows
from strata.maps.stored_layers import StoredLayer
from strata.settings.params import ClusterParams, GridParams, Pooling, ReduceParams, RetrieveParams, Treatment

FEW = 5_000  # pictures; of more, whole databases are not compared with themselves
AT_ONCE = 4  # poolings in work: each holds a layer's vectors


@dataclass(frozen=True)
class Settings:
    """What a run of the grid goes by. ``levels``, ``normalize``: of ``pool``; ``k``: how many
    clusters."""

    grid: GridParams
    levels: int
    normalize: bool
    reduce: ReduceParams
    retrieve: RetrieveParams
    cluster: ClusterParams
    k: int


def run_grid(
    layers: Sequence[StoredLayer], asked: Questions, settings: Settings, track: Track = no_track
) -> tuple[list[Answer], list[str]]:
    """Every answer of every cell, layer by layer, and what was left out, a line each."""
    answers: list[Answer] = []
    left_out: list[str] = []
    if asked.database.ranked.sum() > FEW:
        costly = [t for t in settings.grid.treatments if t in POSTPROCESSED and t != "alpha_qe"]
        cheap = [t for t in settings.grid.treatments if t not in costly]
        settings = replace(settings, grid=settings.grid.model_copy(update={"treatments": cheap}))
        left_out += [f"treatment {treatment}: of more than {FEW} pictures" for treatment in costly]
    regional = asked.own is not None and asked.own.boxed
    if asked.own is not None and not regional and any(q.boxed for q in asked.own.queries.queries):
        left_out.append("match by region: some of the own queries have no box")
    with one_blas_thread("scipy.linalg", "sklearn.cluster"):
        for whole in track(layers, total=len(layers), desc="grid: layers"):
            layer = use_rows(whole, asked.rows)
            poolings, lacking = poolings_of(layer.info, settings.grid.poolings, settings.levels)
            left_out += lacking
            answer = partial(_pooled, layer, asked, settings)
            for found in in_order(answer, poolings, threads=AT_ONCE):
                answers += found
            for treatment in settings.grid.treatments if regional else ():
                if treatment in BY_REGION:
                    cell = Cell(layer.info.name, None, treatment, REGION)
                    answers += region_answers(cell, layer, asked, settings.retrieve, settings.levels)
    return answers, left_out


def _pooled(
    layer: StoredLayer, asked: Questions, settings: Settings, pooling: Pooling | None
) -> list[Answer]:
    """The answers of one pooling with every treatment. The vectors of ``raw`` are those that PCA reduces."""
    answers: list[Answer] = []
    wanted = settings.grid.treatments
    after = [t for t in wanted if t in POSTPROCESSED]
    made: list[Treatment] = [t for t in wanted if t != "pca" and t not in after]
    if "pca" in wanted and "raw" not in made:
        made = ["raw", *made]
    if after and "centred" not in made:
        made = [*made, "centred"]
    for treatment in made:
        params = pool_params(treatment, settings.levels, settings.normalize)
        found = describe(layer, asked.database.ranked, pooling or "max", params, settings.reduce)
        cell = Cell(layer.info.name, pooling, treatment, GLOBAL)
        if treatment in wanted:
            answers += ranked_answers(cell, found.full, asked, settings.retrieve)
            clustered = cluster_answer(cell, found.reduced, asked, settings.k, settings.cluster)
            if clustered is not None:
                answers.append(clustered)
        if treatment == "raw" and "pca" in wanted:
            cell = cell._replace(treatment="pca")
            answers += ranked_answers(cell, found.reduced, asked, settings.retrieve)
        for method in after if treatment == "centred" else ():
            cell = cell._replace(treatment=method)
            answers += ranked_answers(cell, found.full, asked, settings.retrieve)
    return answers
