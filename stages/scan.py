"""watch: note what lies outside the project now, a folder of pictures or a model's local weights."""

from __future__ import annotations

import sys
from pathlib import Path

from stages.running import run_stage
from stages.settings import dataset_conf, own_path
from strata.base.files import write_bytes
from strata.base.hashing import known_hashes
from strata.collection.listing import FolderSources, listing_bytes, scan_folder, table_files, weights_bytes
from strata.settings.params import parse


def main() -> str:
    what, out = (argument for argument in sys.argv[1:] if argument != "--debug")
    return {"folder": scan_pictures, "local": scan_weights}[what](Path(out))


def scan_pictures(out: Path) -> str:
    """List the pictures of conf/paths/folder.yaml and the CSV tables that describe them."""
    root = Path(own_path("folder"))
    conf = dataset_conf("folder")
    sources = parse(FolderSources, conf.sources, "conf/datasets/folder.yaml: sources")
    listing = scan_folder(root, sources.extensions, table_files(conf))
    write_bytes(out, listing_bytes(listing))
    return f"{len(listing.files)} pictures in {listing.root}"


def scan_weights(out: Path) -> str:
    """List the weights of conf/paths/local.yaml with their hashes."""
    path = Path(own_path("local"))
    content = weights_bytes(path, known_hashes())
    write_bytes(out, content)
    return f"weights of {path}"


if __name__ == "__main__":
    run_stage("scan", main)
