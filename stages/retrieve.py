"""Rank the database for every query and score the rankings: python -m stages.retrieve data/rankings."""

from __future__ import annotations

from pathlib import Path

from stages import settings
from stages.running import paths, run_stage, track
from strata.base.files import make_in_place, read_json, write_json, write_table
from strata.collection.tables import read_tables
from strata.maps.features import layer_names
from strata.measures.scores import Policy, Scored, write_scores
from strata.retrieval.aggregate import best_layer
from strata.retrieval.evaluation import evaluate_layer
from strata.retrieval.layer_vectors import Folders, read_layer
from strata.retrieval.questions import read_questions

TABLES = Path("data/tables")
FOLDERS = Folders(*(Path("data") / name for name in ("features", "descriptors", "reduced", "clusters")))


def main() -> str:
    (out,) = paths()
    chosen = settings.params("pool.levels", "pool.center", "query.view", "retrieve")
    retrieve, view = chosen.retrieve, chosen.query.view
    protocol = settings.dataset("protocol").protocol
    asked = read_questions(read_tables(TABLES), FOLDERS.features, protocol, retrieve, view)
    database, own, by_class = asked.database, asked.own, asked.by_class
    names = layer_names(FOLDERS.features)
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
            found = evaluate_layer(layer, database, [own, by_class], retrieve, view, asked.frames, track)
            write_table(folder / name / "topk.parquet", found.topk)
            write_table(folder / name / "per_query.parquet", found.per_query)
            scored.append((found.scored + fitted).at(layer=name))
        write_json(folder / "layers.json", names)
        write_scores(folder, sum(scored, Scored()))

    make_in_place(out, fill)
    task = (own.tasks if own.queries else by_class.tasks)[0].name
    boxed = sum(query.boxed for query in own.queries)
    counts = f"{boxed} boxed, {len(own.queries) - boxed} whole and {len(by_class.queries)} class queries"
    return f"{len(names)} layers, {counts}; {best_layer(sum(scored, Scored()).scores, task)}"


if __name__ == "__main__":
    run_stage("retrieve", main)
