"""Paris6k (Philbin et al. 2008): 6,392 photographs, 12 labels, 55 boxed queries on 11 landmarks."""

from __future__ import annotations

from pathlib import Path

from strata.base.track import Track, Warn
from strata.collection.tables import Tables
from strata.datasets.landmarks import build_landmarks
from strata.datasets.picture_files import pictures_below
from strata.fetching.archives import fetch_all
from strata.fetching.sources import read_sources
from strata.settings.params import DatasetConf

DATASET = "paris6k"
PICTURES = (
    "paris_1.tgz",
    "paris_2.tgz",
)
GROUND_TRUTH = "paris_120310.tgz"


def download(conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
    """Fetch the archives and the ground truth."""
    fetch_all(read_sources(conf.sources, DATASET).files, DATASET, out, track=track, warn=warn)
    return len(pictures_below(out / name for name in PICTURES))


def build(raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
    """All photographs, and the 55 queries with good, ok and junk."""
    folders = [raw / name for name in PICTURES]
    return build_landmarks(folders, raw / GROUND_TRUTH, conf, DATASET, track=track, warn=warn)
