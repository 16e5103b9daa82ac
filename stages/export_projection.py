"""Export this run's dense projections for other collections: python -m stages.export_projection NAME.

They become conf/projection/NAME/LAYER.npz, and another collection's run uses them by dense.fit=NAME.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from stages.export_whitening import one_name
from stages.running import run_stage
from strata.base.errors import StrataError
from strata.base.files import make_in_place
from strata.dense.indexing import PROJECTION, indexed_layers
from strata.dense.projection import read_projection, write_projection

INDEX = Path("data/index")
PROJECTIONS = Path("conf/projection")


def main() -> str:
    name = one_name(sys.argv[1:], PROJECTIONS, "projection")
    layers = indexed_layers(INDEX)
    if not layers:
        raise StrataError(
            f"{INDEX}: this run has no dense index; name layers in dense.layers, `dvc repro` first"
        )

    def fill(folder: Path) -> None:
        for layer in layers:
            fitted = read_projection(INDEX / layer / PROJECTION)
            write_projection(folder / f"{layer}.npz", replace(fitted, fit_set=name))

    make_in_place(PROJECTIONS / name, fill)
    return f"{len(layers)} layers to {PROJECTIONS / name}; use it with dense.fit={name}"


if __name__ == "__main__":
    run_stage("export_projection", main)
