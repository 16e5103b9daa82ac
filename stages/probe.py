"""Linear probe of each layer: python -m stages.probe data/descriptors data/tables data/probe."""

from __future__ import annotations

from stages import settings
from stages.running import paths, run_stage, track, warn
from strata.base.files import read_json, write_json
from strata.collection.facets import facet_labels, facet_names
from strata.collection.tables import read_tables
from strata.descriptors.vectors import read_vector_rows
from strata.maps.features import database_rows
from strata.measures.scores import Policy, Scored, value_of, write_scores
from strata.naming.probe import Protocol, not_probed, probe_file


def main() -> str:
    descriptors, folder, out = paths()
    protocol = Protocol(**settings.params("probe").probe.model_dump())
    tables = read_tables(folder)
    facets = facet_names(tables)
    names = read_json(descriptors / "layers.json")
    policies = [
        Policy("protocol", str(protocol)),
        Policy("pool_fit_set", read_json(descriptors / "policies.json")["fit_set"]),
    ]
    found = Scored()
    for name in names:
        path = descriptors / f"{name}.parquet"
        rows = read_vector_rows(path)
        image_ids = rows["image_id"].filter(database_rows(rows)).to_pylist()
        found += Scored(policies=policies).at(layer=name)
        for facet in facets:
            labels = facet_labels(tables, image_ids, facet)
            own = probe_file(path, labels, protocol, track, f"probe: {name}, {facet}")
            found += own.at(layer=name, facet=facet)
            if failed := value_of(own.scores, "not_converged"):
                said = f"{failed} of {protocol.splits} fits did not converge"
                warn("probe", f"{name}, {facet}: {said}; lower probe.C, or set pool.normalize: true")
        if not facets:
            found += not_probed("the data set has no classes").at(layer=name)
    write_json(out / "layers.json", names)
    write_scores(out, found)
    return (
        f"{len(names)} layers, {len(facets)} facets, {len(image_ids)} pictures, {protocol.splits} splits each"
    )


if __name__ == "__main__":
    run_stage("probe", main, sealed=1)
