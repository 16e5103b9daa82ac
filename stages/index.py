"""Index the dense maps for the search of details: python -m stages.index data/dense data/index."""

from __future__ import annotations

from pathlib import Path

from stages import settings
from stages.running import paths, run_stage, track
from strata.base.files import make_in_place, read_json, write_json
from strata.dense.index import index_bytes
from strata.dense.indexing import index_layer
from strata.dense.params import dense_params
from strata.dense.raw_maps import LAYERS

PROJECTIONS = Path("conf/projection")


def main() -> str:
    maps, out = paths()
    told = settings.params("dense.dims", "dense.whiten_power", "dense.focus", "dense.seed", "dense.fit").dense
    params = dense_params(told, settings.dataset("dense").dense, ("dims", "whiten_power", "focus", "seed"))
    names = read_json(maps / LAYERS)
    size = 0

    def fill(folder: Path) -> None:
        nonlocal size
        for name in track(names, total=len(names), desc="index: layers"):
            raw = index_layer(folder, maps, name, params, told.fit, PROJECTIONS)
            size += index_bytes(raw.maps.shapes, params.dims)
        write_json(folder / LAYERS, names)

    make_in_place(out, fill)
    if not names:
        return "no layer has dense maps (dense.layers)"
    return f"{', '.join(names)}: {size / 2**20:.1f} MiB"


if __name__ == "__main__":
    run_stage("index", main, sealed=1)
