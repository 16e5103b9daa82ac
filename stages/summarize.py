"""summarize METRICS PLOTS: the result tables -> small JSON for git, and the tables behind the charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from stages import settings
from stages.running import paths, run_stage
from strata.base.files import make_in_place, read_table, write_json, write_text
from strata.collection.facets import facet_names
from strata.collection.tables import read_tables, rejected_pictures
from strata.maps.features import layer_names
from strata.results.comparison import compare_layers, read_results
from strata.results.flat import flatten
from strata.results.grid import GRID_COLUMNS, grid_metrics, grid_rows, read_grid
from strata.results.headline import headline
from strata.results.parameters import flat_params
from strata.results.plots import LAYER_COLUMNS, csv_text, layer_tables

DATA = Path("data")
VIEWS = ("dataset", "model", "extract_")
DECIDED_BY = {  # which parameters change which numbers
    "retrieval": (*VIEWS, "pool", "reduce_", "cluster_", "query_", "retrieve_"),  # mAP after PCA, in clusters
    "clusters": (*VIEWS, "pool", "reduce_", "cluster_"),
    "probe": (*VIEWS, "pool", "probe_"),
    "zeroshot": VIEWS,
    "captions": VIEWS,
    "duplicates": (*VIEWS, "retrieve_near_duplicate"),
    "grid": (
        *VIEWS,
        "pool_levels",
        "pool_normalize",
        "reduce_",
        "cluster_",
        "query_",
        "retrieve_",
        "methods_",
        "grid_",
    ),
}
GRID_LOOPS_OVER = ("retrieve_match", "retrieve_postprocess")
REJECTED_COLUMNS = ("image_id", "reason")


def main() -> str:
    metrics, plots = paths()
    layers = layer_names(DATA / "features")
    tables = read_tables(DATA / "tables")
    results = read_results(DATA, facet_names(tables))
    compared, grid = compare_layers(results), read_grid(DATA / "grid")
    rejected = rejected_pictures(tables.images, read_table(DATA / "features" / "rejected.parquet"))

    policies = _policies()
    numbers = 0
    for name, found in results.tables.items():
        mine = {key: value for key, value in policies.items() if key.startswith(DECIDED_BY[name])}
        nested = flatten(found, results.facets)
        numbers += sum(map(len, nested.values()))
        write_json(metrics / f"{name}.json", {key: {**mine, **values} for key, values in nested.items()})
    counts = {"pictures": tables.images.num_rows, "rejected": len(rejected)}
    write_json(metrics / "headline.json", headline(compared, **counts))
    by = {key: value for key, value in policies.items() if key.startswith(DECIDED_BY["grid"])}
    by = {key: value for key, value in by.items() if key not in GRID_LOOPS_OVER}
    write_json(metrics / "grid.json", {"decided_by": by, **grid_metrics(grid)})

    def fill(folder: Path) -> None:
        for name, rows in layer_tables(compared, layers):
            write_text(folder / "layers" / f"{quote(name, safe='')}.csv", csv_text(LAYER_COLUMNS, rows))
        write_text(folder / "grid.csv", csv_text(GRID_COLUMNS, grid_rows(grid)))
        write_text(folder / "rejected.csv", csv_text(REJECTED_COLUMNS, rejected))

    make_in_place(plots, fill)
    return (
        f"{len(layers)} layers, {numbers} metrics, {len(rejected)} of {counts['pictures']} pictures left out"
    )


def _policies() -> dict[str, float | str]:
    """Every parameter that changes a number, by name."""
    chosen = settings.params(
        "dataset",
        "model",
        "pooling",
        "extract",
        "pool",
        "reduce",
        "cluster",
        "query",
        "retrieve",
        "probe",
        "grid",
    )
    dumped: dict[str, Any] = chosen.model_dump()
    for changes_no_number in ("budget_mib", "measures"):
        del dumped["retrieve"][changes_no_number]
    dumped["methods"] = dumped["retrieve"].pop("methods")  # of the grid; elsewhere the one used is said
    return flat_params(dumped, "_")


if __name__ == "__main__":
    run_stage("summarize", main, sealed=1)
