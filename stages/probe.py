"""Linear probe of each layer: python -m stages.probe data/descriptors data/tables data/probe."""

from __future__ import annotations

from stages.running import paths, run_stage, track, warn
from stages.settings import params
from strata.base.files import read_json, write_json, write_table
from strata.collection.facets import facet_labels, facet_names, suffixes
from strata.collection.tables import read_tables
from strata.descriptors.vectors import read_vector_rows
from strata.maps.features import database_rows
from strata.measures.scores import Score, score_table
from strata.naming.probe import Protocol, probe_file


def main() -> str:
    descriptors, folder, out = paths()
    protocol = Protocol(**params().probe.model_dump())
    tables = read_tables(folder)
    facets = facet_names(tables)
    names = read_json(descriptors / "layers.json")
    policies = {
        "protocol": str(protocol),
        "pool_fit_set": read_json(descriptors / "policies.json")["fit_set"],
    }
    scores: dict[str, dict[str, Score]] = {name: {**policies} for name in names}
    for name in track(names, total=len(names), desc="probe: layers"):
        path = descriptors / f"{name}.parquet"
        rows = read_vector_rows(path)
        image_ids = rows["image_id"].filter(database_rows(rows)).to_pylist()
        for facet, suffix in suffixes(facets).items():
            found = probe_file(path, facet_labels(tables, image_ids, facet), protocol)
            scores[name] |= {f"{metric}{suffix}": score for metric, score in found.items()}
            if found.get("not_converged"):
                failed = f"{found['not_converged']} of {protocol.splits} fits did not converge"
                warn("probe", f"{name}, {facet}: {failed}; lower probe.C, or set pool.normalize: true")
        if not facets:
            scores[name]["probe_status"] = "not probed: the data set has no classes"
    write_json(out / "layers.json", names)
    write_table(out / "scores.parquet", score_table(scores))
    return (
        f"{len(names)} layers, {len(facets)} facets, {len(image_ids)} pictures, {protocol.splits} splits each"
    )


if __name__ == "__main__":
    run_stage("probe", main)
