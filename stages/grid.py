"""Every layer x pooling x treatment x match: python -m stages.grid data/features data/tables data/grid."""

from __future__ import annotations

from pathlib import Path

from stages import settings
from stages.running import paths, run_stage, track
from strata.base.files import make_in_place, write_json
from strata.collection.facets import facet_names
from strata.collection.tables import read_tables
from strata.grid.asking import ask
from strata.grid.choosing import choose_cells
from strata.grid.files import write_grid
from strata.grid.running import Settings, run_grid
from strata.grouping.clustering import choose_k
from strata.maps.features import layer_names, read_rows
from strata.maps.stored_layers import open_layer


def main() -> str:
    features, folder, out = paths()
    chosen = settings.params(
        "pool.levels",
        "pool.normalize",
        "reduce",
        "cluster",
        "query.view",
        "retrieve.metric",
        "retrieve.self_match",
        "retrieve.junk",
        "retrieve.class_every",
        "retrieve.budget_mib",
        "retrieve.methods",
        "grid",
    )
    tables, rows = read_tables(folder), read_rows(features)
    protocol, retrieve = settings.dataset("protocol").protocol, chosen.retrieve
    asked = ask(tables, rows, protocol, retrieve, chosen.query.view, chosen.grid)
    facets = facet_names(tables)
    n_classes = tables.classes["facet"].to_pylist().count(facets[0]) if facets else 0
    n_pictures = int(asked.database.ranked.sum())
    pool, cluster = chosen.pool, chosen.cluster
    k = choose_k(cluster.k, settings.dataset("k").k, n_classes, n_pictures)
    going_by = Settings(chosen.grid, pool.levels, pool.normalize, chosen.reduce, retrieve, cluster, k)
    layers = [open_layer(features, name) for name in layer_names(features)]
    answers, lacking = run_grid(layers, asked, going_by, track)
    groups = {task.name: some.groups for some in asked.sets for task in some.queries.tasks}
    values, best = choose_cells(answers, groups)
    queries = {
        task.name: [(query.query_id, query.group) for query in some.queries.queries]
        for some in asked.sets
        for task in some.queries.tasks
    }
    left_out = [*asked.left_out, *lacking]

    def fill(to: Path) -> None:
        write_grid(to, values, best, queries)
        write_json(to / "left_out.json", left_out)

    make_in_place(out, fill)
    cells = len({value.answer.cell for value in values})
    first = f"; {best[0].task}: {best[0].best.cell.name} {best[0].best.value:.2f}" if best else ""
    return f"{cells} cells of {len(layers)} layers, {n_pictures} pictures{first}; left out: {len(left_out)}"


if __name__ == "__main__":
    run_stage("grid", main, sealed=1)
