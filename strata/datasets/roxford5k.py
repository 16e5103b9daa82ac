"""ROxford5k (Radenovic et al. 2018): 4,993 photographs, 70 boxed queries, Easy, Medium and Hard."""

from __future__ import annotations

from pathlib import Path

from strata.base.track import Track, Warn
from strata.collection.tables import Tables
from strata.datasets.picture_files import pictures_below
from strata.datasets.revisited import build_revisited
from strata.fetching.archives import fetch_all
from strata.fetching.sources import read_sources
from strata.settings.params import DatasetConf

DATASET = "roxford5k"
PICTURES = ("oxbuild_images-v1.tgz",)
GROUND_TRUTH = "gnd_roxford5k.pkl"


def download(conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
    """Fetch the archives and the ground truth."""
    fetch_all(read_sources(conf.sources, DATASET).files, DATASET, out, track=track, warn=warn)
    return len(pictures_below(out / name for name in PICTURES))


def build(raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
    """The database, the 70 query pictures outside of it, and easy, hard and junk."""
    folders = [raw / name for name in PICTURES]
    return build_revisited(folders, raw / GROUND_TRUTH, conf, DATASET, track=track, warn=warn)
