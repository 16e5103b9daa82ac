"""KMeans on the reduced vectors: python -m stages.cluster data/reduced data/tables data/clusters."""

from __future__ import annotations

import pyarrow as pa

from stages.running import paths, run_stage, track, warn
from stages.settings import dataset_conf, params
from strata.base.files import read_json, write_array, write_json, write_table
from strata.collection.facets import facet_labels, facet_names, suffixes
from strata.collection.tables import read_tables
from strata.descriptors.vectors import read_vector_rows, read_vectors
from strata.grouping.clustering import choose_k, cluster_table, fit_clusters, protocol
from strata.maps.features import database_rows
from strata.measures.cluster_scores import facet_scores, silhouette_scores, size_scores
from strata.measures.scores import score_table


def main() -> str:
    reduced, folder, out = paths()
    chosen = params()
    cluster, tables = chosen.cluster, read_tables(folder)
    facets = facet_names(tables)
    n_classes = tables.classes["facet"].to_pylist().count(facets[0]) if facets else 0
    names = read_json(reduced / "layers.json")
    n_pictures = int(database_rows(read_vector_rows(reduced / f"{names[0]}.parquet")).sum())
    k = choose_k(cluster.k, dataset_conf(chosen.dataset).k, n_classes, n_pictures)
    scores = {}
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
        scores[name] = {
            "protocol": protocol(len(values), k, seed=cluster.seed, restarts=cluster.restarts),
            "components": values.shape[1],
            "fit_set": read_json(reduced / "policies.json")["fit_set"],
            **size_scores(clusters),
            **silhouette_scores(values, clusters, seed=cluster.seed),
        }
        for facet, suffix in suffixes(facets).items():
            labels = facet_labels(tables, rows["image_id"].to_pylist(), facet)
            found = facet_scores(clusters, labels, seed=cluster.seed)
            scores[name] |= {f"{metric}{suffix}": score for metric, score in found.items()}
    write_json(out / "layers.json", names)
    write_table(out / "scores.parquet", score_table(scores))
    return f"{len(names)} layers, {rows.num_rows} pictures in {k} clusters, {len(facets)} facets scored"


if __name__ == "__main__":
    run_stage("cluster", main)
