"""report FOLDER: index.html, clusters.html and img/ (outs), and the untracked run.js beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

from stages import settings
from stages.provenance import write_run
from stages.running import paths, run_stage, track
from strata.base.files import read_json, read_table
from strata.collection.facets import facet_names
from strata.collection.listing import endings_not_read
from strata.collection.tables import read_tables, rejected_pictures
from strata.report.facts import identity
from strata.report.page import FinishedRun, write_report
from strata.results.comparison import read_results
from strata.results.grid import read_grid
from strata.results.parameters import flat_params

DATA = Path("data")


def main() -> str:
    (folder,) = paths()
    params = settings.params()
    dataset = settings.dataset("title", "licence", "citation")
    model = settings.model(
        "title", "architecture", "image_only", "weights.path", "weights.tag", "weights.sha256"
    )
    tables = read_tables(DATA / "tables")
    layers = read_json(DATA / "rankings" / "layers.json")
    run = FinishedRun(
        read_results(DATA, facet_names(tables)),
        read_grid(DATA / "grid"),
        layers,
        tables,
        rejected_pictures(tables.images, read_table(DATA / "features" / "rejected.parquet")),
        DATA,
        {name: str(value) for name, value in flat_params(params.model_dump()).items()},
        _named(dataset.title, settings.own_path("folder") if params.dataset == "folder" else None),
        _named(model.title, settings.own_path("local") if params.model == "local" else None),
        identity(params.dataset, dataset, params.model, model, tables.images),
        not model.image_only,
        endings_not_read(DATA / "raw" / params.dataset),
    )
    shutil.rmtree(folder / "img", ignore_errors=True)
    digest, pictures = write_report(run, folder, track)
    write_run(folder / "run.js", digest, model)
    return f"{len(layers)} layers, {pictures} pictures shown, open {folder / 'index.html'}"


def _named(title: str, own: str | None) -> str:
    """The title, with the folder's name where the user typed a path (its place is of no interest here)."""
    return f"{title}: {Path(own).name}" if own else title


if __name__ == "__main__":
    run_stage("report", main)
