"""Rank the database for every query and score the rankings: python -m stages.retrieve data/rankings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from stages import settings
from stages.running import paths, run_stage, track
from strata.base.files import make_in_place, read_json, write_json, write_table
from strata.base.threads import one_blas_thread
from strata.collection.facets import facet_names, labels_of
from strata.collection.tables import Tables, read_tables
from strata.dense.indexing import indexed_layers
from strata.dense.params import dense_params
from strata.maps.features import layer_names, read_layer_array, read_rows
from strata.measures.scores import Policy, Scored, write_scores
from strata.retrieval.aggregate import best_layer
from strata.retrieval.duplicates import MOST, Repeat, count_repeats, find_repeats, repeat_table, without
from strata.retrieval.evaluation import evaluate_layer
from strata.retrieval.layer_vectors import Folders, read_layer
from strata.retrieval.queries import Database, build_database
from strata.retrieval.questions import read_questions
from strata.settings.params import EMBEDDING

if TYPE_CHECKING:
    from strata.dense.search import DenseMatch, Expander

DUPLICATES = "duplicates"
TABLES = Path("data/tables")
READ = ("features", "descriptors", "reduced", "clusters", "index")
FOLDERS = Folders(*(Path("data") / name for name in READ))
DENSE = ("size_px", "stride", "cells", "mirror", "focus", "sample", "rerank", "boxes", "seed")


def main() -> str:
    (out,) = paths()
    chosen = settings.params(
        "pool.levels",
        "pool.center",
        "query.view",
        "retrieve",
    )
    retrieve, view = chosen.retrieve, chosen.query.view
    tables, protocol = read_tables(TABLES), settings.dataset("protocol").protocol
    database = build_database(read_rows(FOLDERS.features), tables.images)
    repeats, repeated, repeat_scores = _repeats(tables, database, retrieve.near_duplicate)
    if retrieve.duplicates == "drop":
        database = without(database, repeats)
    asked = read_questions(tables, FOLDERS.features, protocol, retrieve, view, database)
    own, by_class = asked.own, asked.by_class
    names = layer_names(FOLDERS.features)
    dense = _dense_match(tables)
    fitted = Scored(
        policies=[
            Policy("pool_fit_set", read_json(FOLDERS.descriptors / "policies.json")["fit_set"]),
            Policy("reduce_fit_set", read_json(FOLDERS.reduced / "policies.json")["fit_set"]),
        ]
    )
    scored: list[Scored] = []

    def fill(folder: Path) -> None:
        for name in track(names, total=len(names), desc="retrieve: layers"):
            layer = read_layer(
                FOLDERS, name, database, retrieve, levels=chosen.pool.levels, center=chosen.pool.center
            )
            found = evaluate_layer(
                layer, database, [own, by_class], retrieve, view, asked.frames, track, dense
            )
            write_table(folder / name / "topk.parquet", found.topk)
            write_table(folder / name / "per_query.parquet", found.per_query)
            scored.append((found.scored + fitted).at(layer=name))
        write_json(folder / "layers.json", names)
        write_table(folder / DUPLICATES / "repeats.parquet", repeated)
        write_scores(folder / DUPLICATES, repeat_scores)
        write_scores(folder, sum(scored, Scored()))

    make_in_place(out, fill)
    task = (own.tasks if own.queries else by_class.tasks)[0].name
    boxed = sum(query.boxed for query in own.queries)
    counts = f"{boxed} boxed, {len(own.queries) - boxed} whole and {len(by_class.queries)} class queries"
    if repeats:
        counts += f", {len(repeats)} duplicates {'left out' if retrieve.duplicates == 'drop' else 'kept'}"
    return f"{len(names)} layers, {counts}; {best_layer(sum(scored, Scored()).scores, task)}"


def _dense_match(tables: Tables) -> DenseMatch | None:
    """How details are found in layers that have a dense index; expansion looks at pictures once more."""
    chosen = settings.params(
        "model",
        "extract.precision",
        "extract.pixel_norm",
        "retrieve.match",
        "retrieve.expand",
        "dense.size_px",
        "dense.stride",
        "dense.cells",
        "dense.mirror",
        "dense.focus",
        "dense.sample",
        "dense.rerank",
        "dense.boxes",
        "dense.seed",
    )
    if chosen.retrieve.match != "dense" or not indexed_layers(FOLDERS.index):
        return None
    from strata.dense.search import DenseMatch  # torch, which no other match needs

    params = dense_params(chosen.dense, settings.dataset("dense").dense, DENSE, chosen.retrieve.expand)
    model = settings.model("architecture", "weights", "aliases", "image_only", "linear_stem")

    def open_expander(folder: Path) -> Expander:
        from strata.dense.asking import picture_reader
        from strata.dense.details import open_collection
        from strata.dense.tower import DenseView

        extract = chosen.extract
        view = DenseView(
            chosen.model, model, extract.precision, extract.pixel_norm, params.size_px, params.stride
        )
        read = picture_reader(tables)
        device = os.environ.get("STRATA_DEVICE") or "cpu"
        return open_collection(folder, view, read, device=device).expander(params)

    return DenseMatch(params, open_expander)


def _repeats(tables: Tables, database: Database, threshold: float) -> tuple[list[Repeat], pa.Table, Scored]:
    """Which pictures repeat another, by their files and, where these can be compared, their embeddings."""
    ids, images = pa.array(database.image_ids, pa.string()), tables.images
    near, vectors = f"cosine of the embeddings >= {threshold}", None
    if EMBEDDING not in layer_names(FOLDERS.features):
        near = "not looked for: 'embedding' is not among the layers"
    elif len(ids) > MOST:
        near = f"not looked for: more than {MOST} pictures"
    else:
        vectors = read_layer_array(FOLDERS.features, EMBEDDING, "vector")[: len(ids)]
    asking = pc.is_in(ids, value_set=tables.queries["image_id"].combine_chunks())
    listed = pc.index_in(ids, value_set=images["image_id"].combine_chunks())
    hashes = images["sha256"].take(listed).to_pylist()
    with one_blas_thread():
        found = find_repeats(
            hashes, vectors, database.ranked, asking.to_numpy(zero_copy_only=False), threshold
        )
    main = next(iter(facet_names(tables)), None)
    classes = {row["class_id"] for row in tables.classes.to_pylist() if row["facet"] == main}
    labels = [classes.intersection(own) for own in labels_of(images, ids).to_pylist()]
    table = repeat_table(found, database.image_ids, labels)
    return found, table, count_repeats(table, near, compared=vectors is not None)


if __name__ == "__main__":
    run_stage("retrieve", main, sealed=1)
