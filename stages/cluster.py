"""KMeans on the reduced vectors: python -m stages.cluster data/reduced data/tables data/clusters."""

from __future__ import annotations

import pyarrow as pa

from stages import settings
from stages.running import paths, run_stage, track, warn
from strata.base.files import read_json, write_array, write_json, write_table
from strata.collection.facets import facet_labels, facet_names
from strata.collection.tables import read_tables
from strata.descriptors.vectors import read_vector_rows, read_vectors
from strata.grouping.clustering import choose_k, cluster_table, fit_clusters, protocol
from strata.maps.features import database_rows
from strata.measures.cluster_scores import agreement, silhouette, size_scores
from strata.measures.scores import Policy, Score, Scored, write_scores


def main() -> str:
    reduced, folder, out = paths()
    cluster, tables = settings.params("cluster").cluster, read_tables(folder)
    facets = facet_names(tables)
    n_classes = tables.classes["facet"].to_pylist().count(facets[0]) if facets else 0
    names = read_json(reduced / "layers.json")
    n_pictures = int(database_rows(read_vector_rows(reduced / f"{names[0]}.parquet")).sum())
    k = choose_k(cluster.k, settings.dataset("k").k, n_classes, n_pictures)
    found = Scored()
    fit_set = read_json(reduced / "policies.json")["fit_set"]
    for name in track(names, total=len(names), desc="cluster: layers"):
        vectors = read_vectors(reduced / f"{name}.parquet")
        database = database_rows(vectors.rows)
        rows, values = vectors.rows.filter(pa.array(database)), vectors.values
        if not database.all():
            values = values[database]
        clusters = fit_clusters(values, k, seed=cluster.seed, restarts=cluster.restarts)
        if not clusters.sizes.all():
            warn("cluster", f"{name}: only {(clusters.sizes > 0).sum()} of {k} clusters hold pictures")
        write_table(out / f"{name}.parquet", cluster_table(rows, clusters))
        write_array(out / f"{name}.centroids.npy", clusters.centroids)
        scores = [
            Score("components", values.shape[1]),
            *size_scores(clusters.sizes),
            silhouette(values, clusters.labels, seed=cluster.seed),
        ]
        for facet in facets:
            labels = facet_labels(tables, rows["image_id"].to_pylist(), facet)
            own = agreement(clusters.labels, labels.codes, seed=cluster.seed)
            scores += Scored(own).at(facet=facet).scores
        how = protocol(len(values), k, seed=cluster.seed, restarts=cluster.restarts)
        found += Scored(scores, [Policy("protocol", how), Policy("fit_set", fit_set)]).at(layer=name)
    write_json(out / "layers.json", names)
    write_scores(out, found)
    return f"{len(names)} layers, {rows.num_rows} pictures in {k} clusters, {len(facets)} facets scored"


if __name__ == "__main__":
    run_stage("cluster", main, sealed=1)
