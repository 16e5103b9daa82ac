"""Pool each layer into one descriptor a row: python -m stages.pool data/features data/descriptors."""

from __future__ import annotations

from pathlib import Path

from stages import settings
from stages.running import paths, run_stage, track, warn
from strata.base.files import write_json
from strata.descriptors.pooling import check_poolable
from strata.descriptors.transforms import fit_set_label, given_whitening, write_descriptors
from strata.maps.features import database_rows, layer_names, read_layer_info, read_rows
from strata.maps.stored_layers import open_layer

WHITENINGS = Path("conf/whitening")


def main() -> str:
    features, descriptors = paths()
    run = settings.params("pooling", "pool")
    pooling, pool = run.pooling, run.pool
    names, rows = layer_names(features), read_rows(features)
    check_poolable([read_layer_info(features, name) for name in names], pooling, pool.levels)
    layers = [open_layer(features, name) for name in names]
    given = [given_whitening(WHITENINGS, layer, pooling, pool) for layer in layers]
    work = zip(layers, given, strict=True)
    for layer, whitening in track(work, total=len(layers), desc="pool: layers"):
        used = write_descriptors(descriptors, layer, rows, pooling, pool, whitening).whitening
        if used is not None and used.is_thin:
            thin = f"{layer.info.name}: {used.n} vectors of {len(used.mean)} dimensions are few to whiten by"
            warn(
                "pool", f"{thin}; distances suffer: use a larger collection's whitening, or pool.whiten: none"
            )
    write_json(descriptors / "layers.json", names)
    policies = {**pool.model_dump(), "pooling": pooling, "fit_set": fit_set_label(pool)}
    write_json(descriptors / "policies.json", policies)
    pictures = int(database_rows(rows).sum())
    return f"{len(names)} layers by {pooling}, {pictures} pictures, {rows.num_rows - pictures} query crops"


if __name__ == "__main__":
    run_stage("pool", main, sealed=1)
