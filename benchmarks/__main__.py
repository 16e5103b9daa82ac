"""python -m benchmarks [NAME ...]: measure (all when none is named), keep the results, write RESULTS.md."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks.pairing import ROUNDS
from benchmarks.results import render, save
from benchmarks.settings import Settings

NAMES = (
    "extraction",
    "peers",
    "text",
    "rmac",
    "search",
    "scoring",
    "details",
    "fitting",
    "scale",
    "store",
    "startup",
)


def main() -> None:
    """Run the named benchmarks, each a module of this package with ``run(settings) -> Result``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--small", action="store_true", help="tiny inputs: does it run? Nothing is kept")
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="scratch folder (default .bench)")
    parser.add_argument("--pictures", type=Path, help="a folder of JPEG photographs instead of drawn ones")
    parser.add_argument("--planted", type=Path, nargs="*", default=[], help="details: folders of photographs")
    parser.add_argument("--weights", type=Path, help="details: the network that sees them")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    settings = Settings(
        given.rounds, given.small, given.work, given.pictures, tuple(given.planted), given.weights
    )
    given.work.mkdir(parents=True, exist_ok=True)
    for name in given.names or NAMES:
        print(f"{name} ...", flush=True)
        result = importlib.import_module(f"benchmarks.{name}").run(settings)
        for row in result.rows:
            print(
                f"  {row.case} | {row.peer} | {row.ours} | {row.theirs} {row.unit} | {row.ratio} {row.note}"
            )
        if not given.small:
            save(name, result)
            render(NAMES)


if __name__ == "__main__":
    main()
