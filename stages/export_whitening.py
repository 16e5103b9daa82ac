"""Export this run's whitening for other collections: python -m stages.export_whitening NAME.

It becomes conf/whitening/NAME/LAYER.npz, and another collection's run uses it by pool.whiten=NAME.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stages.running import run_stage
from strata.base.errors import StrataError
from strata.base.files import make_in_place, read_json
from strata.descriptors.whitening import read_whitening, write_whitening

DESCRIPTORS = Path("data/descriptors")
WHITENINGS = Path("conf/whitening")


def main() -> str:
    name = one_name(sys.argv[1:], WHITENINGS, "whitening")
    layers = read_json(DESCRIPTORS / "layers.json")
    if read_json(DESCRIPTORS / "policies.json")["whiten"] != "self":
        raise StrataError(
            f"{DESCRIPTORS}: this run fitted no whitening; set pool.whiten: self, `dvc repro` first"
        )
    fitted = {layer: read_whitening(DESCRIPTORS / "whitening" / f"{layer}.npz") for layer in layers}

    def fill(folder: Path) -> None:
        for layer, whitening in fitted.items():
            write_whitening(folder / f"{layer}.npz", replace(whitening, fit_set=name))

    make_in_place(WHITENINGS / name, fill)
    return f"{len(layers)} layers to {WHITENINGS / name}; use it with pool.whiten={name}"


def one_name(arguments: Sequence[str], folder: Path, what: str) -> str:
    """The name that was given, which is to become a folder in ``folder``."""
    names = [argument for argument in arguments if argument != "--debug"]
    if len(names) != 1 or not re.fullmatch(r"[A-Za-z0-9_.-]+", names[0]) or names[0].startswith("."):
        raise StrataError(f"give the {what} one name of letters, digits, _, . or -, such as the data set's")
    if (folder / names[0]).is_file():
        raise StrataError(f"{folder / names[0]}: this name has a meaning of its own; choose another")
    return names[0]


if __name__ == "__main__":
    run_stage("export_whitening", main)
