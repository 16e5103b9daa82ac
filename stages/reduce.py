"""PCA of each layer, fitted on database rows: python -m stages.reduce data/descriptors data/reduced."""

from __future__ import annotations

from stages import settings
from stages.running import paths, run_stage, track, warn
from strata.base.files import read_json, write_json
from strata.descriptors.reduction import reduce_vectors
from strata.descriptors.vectors import read_vector_rows, vector_width
from strata.maps.features import database_rows

MEND = "lower reduce.components or add pictures"


def main() -> str:
    descriptors, reduced = paths()
    reduce = settings.params("reduce").reduce
    names = read_json(descriptors / "layers.json")
    kept = {}
    for name in track(names, total=len(names), desc="reduce: layers"):
        pca = reduce_vectors(descriptors, reduced, name, components=reduce.components, whiten=reduce.whiten)
        kept[name] = len(pca.components)
    pictures = int(database_rows(read_vector_rows(descriptors / f"{names[0]}.parquet")).sum())
    wanted = min(reduce.components, *(vector_width(descriptors / f"{name}.parquet") for name in names))
    if pictures - 1 < wanted:
        warn("reduce", f"{pictures} pictures give {pictures - 1} components, not {reduce.components}; {MEND}")
    policies = {
        "components": kept,
        "whiten": reduce.whiten,
        "fit_set": "transductive: fitted on the evaluated database",
    }
    write_json(reduced / "layers.json", names)
    write_json(reduced / "policies.json", policies)
    return f"{len(names)} layers to at most {max(kept.values())} components, fitted on {pictures} pictures"


if __name__ == "__main__":
    run_stage("reduce", main, sealed=1)
