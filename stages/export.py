"""A finished run as files that other tools read: ``python -m stages.export OUT``.

OUT/qrels/TASK.txt and OUT/queries/TASK.csv say what is relevant and which queries belong together;
OUT/LAYER/TASK.run are rankings (trec), TASK.boxes.csv the boxes found for boxed queries, best first;
OUT/LAYER/descriptors.npy are the vectors of OUT/rows.csv, descriptors.parquet the same with their ids;
OUT/boxes.csv the boxes to be found. boxes.coco.json and LAYER/TASK.coco.json are boxes to be found and found
as COCO keeps them, a query a category. Rankings are
made again from the descriptors as ``retrieve`` makes them, with the parameters that dvc.lock records.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa

from stages.retrieve import FOLDERS, TABLES
from stages.revisions import WORKSPACE, lock_at, params_at
from stages.running import run_stage, track
from strata.base.errors import StrataError
from strata.base.files import make_in_place, write_array, write_json, write_table, write_text
from strata.collection.tables import read_tables
from strata.dense.indexing import indexed_layers
from strata.descriptors.vectors import read_vectors
from strata.library.details import dense_match_of_run
from strata.library.run import open_run
from strata.maps.features import layer_names, read_rows
from strata.results.coco import detections, ground_truth
from strata.results.exported import FOUND, write_judgements, write_rankings
from strata.results.plots import csv_text
from strata.results.trec import read_columns
from strata.retrieval.layer_vectors import box_matcher, read_layer
from strata.retrieval.query_blocks import Search
from strata.retrieval.questions import read_questions
from strata.retrieval.whole_rankings import whole_rankings
from strata.settings.params import ProtocolEntry, RetrieveParams, parse


def main() -> str:
    arguments = _arguments()
    if arguments.out.exists():
        raise StrataError(f"{arguments.out}: it is there already; name a new folder")
    told = params_at(lock_at(WORKSPACE), "retrieve")
    params = parse(RetrieveParams, told["retrieve"], "dvc.lock: retrieve")
    protocol = parse(ProtocolEntry, told["protocol"], "dvc.lock: protocol")
    tables, known, rows = read_tables(TABLES), layer_names(FOLDERS.features), read_rows(FOLDERS.features)
    unknown = [name for name in arguments.layers or () if name not in known]
    if unknown:
        raise StrataError(f"the run has no layer {unknown[0]!r}; it has: {', '.join(known)}")
    layers = arguments.layers or known
    asked = read_questions(tables, FOLDERS.features, protocol, params, told["query.view"])
    found_densely = params.match == "dense" and indexed_layers(FOLDERS.index)
    dense = dense_match_of_run(open_run()) if found_densely else None
    query_sets = [some for some in (asked.own, asked.by_class) if some.queries]

    def fill(folder: Path) -> None:
        write_text(folder / "rows.csv", csv_text(rows.schema.names, rows.to_pylist()))
        if tables.relevance["x0"].null_count < tables.relevance.num_rows:
            write_text(
                folder / "boxes.csv", csv_text(tables.relevance.schema.names, tables.relevance.to_pylist())
            )
            queries = tables.queries["query_id"].to_pylist()
            truth = ground_truth(tables.images.to_pylist(), queries, tables.relevance.to_pylist())
            write_json(folder / "boxes.coco.json", truth)
        for some in query_sets:
            write_judgements(folder, asked, some)
        for name in track(layers, total=len(layers), desc="export: layers"):
            levels, center = told["pool.levels"], told["pool.center"]
            layer = read_layer(FOLDERS, name, asked.database, params, levels=levels, center=center)
            matcher = box_matcher(layer, asked.database, asked.frames, params, dense)
            searches = [
                (some, Search(layer, matcher if some is asked.own else None, asked.database, params))
                for some in query_sets
            ]
            vectors = read_vectors(FOLDERS.descriptors / f"{name}.parquet").values
            write_array(folder / name / "descriptors.npy", vectors)
            table = pa.table({"image_id": rows["image_id"], "query_id": rows["query_id"]})
            lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
            write_table(folder / name / "descriptors.parquet", table.append_column("vector", lists))
            for some, search in searches:
                write_rankings(folder / name, asked, whole_rankings(search, some, arguments.depth or None))

            for path in sorted((folder / name).glob("*.boxes.csv")):
                pictures = {image["image_id"]: image["id"] for image in truth["images"]}
                categories = {category["name"]: category["id"] for category in truth["categories"]}
                found = detections(read_columns(path, *FOUND), pictures, categories)
                write_json(path.with_suffix("").with_suffix(".coco.json"), found)

    make_in_place(arguments.out, fill)
    tasks = ", ".join(task.name for some in query_sets for task in some.tasks)
    return f"{len(layers)} layers, tasks {tasks}, to {arguments.out}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.export", description="Write the finished run as files that other tools read."
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="a new folder")
    parser.add_argument("--layers", nargs="+", metavar="LAYER", help="default: all")
    parser.add_argument("--depth", type=int, default=1000, help="places a query; 0: all (default: 1000)")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage("export", main)
