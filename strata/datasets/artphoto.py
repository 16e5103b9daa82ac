"""Artphoto (Machajdik and Hanbury 2010): 806 art photographs, each with the emotion it was made to stir.

The label is the file name up to the last underscore: ``contentment_0012.jpg``.
"""

from __future__ import annotations

from pathlib import Path

from strata.base.errors import StrataError
from strata.base.track import Track, Warn
from strata.collection.tables import Tables, tables_from_rows
from strata.datasets.picture_rows import Picture, class_ids, class_rows, image_rows, pictures_below
from strata.fetching.archives import fetch_all
from strata.fetching.sources import read_sources
from strata.settings.params import DatasetConf

DATASET = "artphoto"
PICTURES = "testImages_artphoto.zip"


def download(conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
    """Fetch the archive."""
    fetch_all(read_sources(conf.sources, DATASET).files, DATASET, out, track=track, warn=warn)
    return len(pictures_below([out / PICTURES]))


def build(raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
    """Every picture with its emotion."""
    known = class_ids(conf)
    pictures = []
    for name, path in pictures_below([raw / PICTURES]).items():
        emotion = Path(name).stem.rpartition("_")[0]
        if emotion not in known:
            raise StrataError(
                f"{path}: its emotion {emotion!r} is not among the classes of conf/datasets/{DATASET}.yaml"
            )
        pictures.append(Picture(name, path, (emotion,)))
    return tables_from_rows(image_rows(pictures, track), classes=class_rows(conf.classes))
