"""summarize METRICS PLOTS: the result tables -> small JSON for git, and the tables behind the charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages import settings
from stages.running import paths, run_stage
from strata.base.files import make_in_place, read_json, read_table, write_json, write_text
from strata.collection.facets import facet_names
from strata.collection.rejected import rejected_pictures
from strata.collection.tables import read_tables
from strata.maps.features import layer_names
from strata.results.headline import Results, headline, measured
from strata.results.summary import (
    Number,
    csv_text,
    flat_policies,
    layer_rows,
    metric_names,
    nest,
    unscored,
    with_policies,
)

DATA = Path("data")
SCORES = {"retrieval": "rankings", "clusters": "clusters", "probe": "probe"}
VIEWS = ("dataset", "model", "extract_")
DECIDED_BY = {  # which parameters change which numbers
    "retrieval": (*VIEWS, "pool", "reduce_", "cluster_", "query_", "retrieve_"),  # map_pca, map_in_cluster
    "clusters": (*VIEWS, "pool", "reduce_", "cluster_"),
    "probe": (*VIEWS, "pool", "probe_"),
    "zeroshot": VIEWS,
}
LAYER_COLUMNS = ("layer", "order", "metric", "value", "low", "high", "chance")
REJECTED_COLUMNS = ("image_id", "reason")


def main() -> str:
    metrics, plots = paths()
    layers = layer_names(DATA / "features")
    tables = read_tables(DATA / "tables")
    facets = facet_names(tables)
    scores = {
        name: nest(read_table(DATA / d / "scores.parquet"), "layer", layers) for name, d in SCORES.items()
    }
    zeroshot = nest(read_table(DATA / "zeroshot" / "scores.parquet"), "prompt_set")
    zeroshot |= unscored(read_json(DATA / "zeroshot" / "status.json"))
    results = Results(scores["retrieval"], scores["clusters"], scores["probe"], zeroshot, facets)
    rejected = rejected_pictures(tables.images, read_table(DATA / "features" / "rejected.parquet"))

    policies = _policies()
    every = {**scores, "zeroshot": zeroshot}
    for name, nested in every.items():
        mine = {key: value for key, value in policies.items() if key.startswith(DECIDED_BY[name])}
        write_json(metrics / f"{name}.json", with_policies(nested, mine))
    counts = {"pictures": tables.images.num_rows, "rejected": len(rejected)}
    write_json(metrics / "headline.json", headline(results, policies=policies, **counts))

    rows = [row for own, measures in measured(results) for row in layer_rows(own, measures, layers)]
    order = {name: metric_names(nested) for name, nested in every.items()}
    order |= {"layers": layers, "prompt_sets": list(zeroshot)}

    def fill(folder: Path) -> None:
        write_text(folder / "layers.csv", csv_text(LAYER_COLUMNS, rows))
        write_text(folder / "rejected.csv", csv_text(REJECTED_COLUMNS, rejected))
        write_json(folder / "order.json", order)

    make_in_place(plots, fill)
    numbers = sum(len(values) for nested in every.values() for values in nested.values())
    return (
        f"{len(layers)} layers, {numbers} metrics, {len(rejected)} of {counts['pictures']} pictures left out"
    )


def _policies() -> dict[str, Number | str]:
    """Every parameter that changes a number, by name."""
    chosen = settings.params(
        "dataset", "model", "pooling", "extract", "pool", "reduce", "cluster", "query", "retrieve", "probe"
    )
    dumped: dict[str, Any] = chosen.model_dump()
    del dumped["retrieve"]["budget_mib"]  # memory, not a policy
    return flat_policies(dumped)


if __name__ == "__main__":
    run_stage("summarize", main)
