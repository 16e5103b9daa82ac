"""download: put the chosen data set's files under data/raw (demo is drawn, a folder is read in place)."""

from __future__ import annotations

import functools
from pathlib import Path

from stages import settings
from stages.running import paths, run_stage, track, warn
from strata.base.files import make_in_place
from strata.datasets import adaptor


def main() -> str:
    checked, out = paths()
    name = settings.params("dataset").dataset
    conf, chosen, found = settings.dataset("sources"), adaptor(name), []
    say = functools.partial(warn, "download")

    def fill(folder: Path) -> None:
        found.append(chosen.download(conf, checked / "listing.tsv", folder, track=track, warn=say))

    make_in_place(out, fill)
    return f"{name}, {found[0]} pictures"


if __name__ == "__main__":
    run_stage("download", main, sealed=1)
