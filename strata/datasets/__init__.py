"""Data sets by name: each module turns its source's files into the five tables, and nothing else.

A later source joins with its module and a line in ``ADAPTORS``; only the chosen one is imported. Imports
``base``, ``settings``, ``demo``, ``collection`` and ``fetching``; loads no model.
"""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Protocol

from strata.base.errors import StrataError
from strata.base.track import Track, Warn
from strata.collection.tables import Tables
from strata.settings.params import DatasetConf

ADAPTORS = {
    "demo": "strata.datasets.demo",
    "folder": "strata.datasets.folder",
    "brueghel": "strata.datasets.brueghel",
    "oxford5k": "strata.datasets.landmarks:OXFORD5K",
    "paris6k": "strata.datasets.landmarks:PARIS6K",
    "roxford5k": "strata.datasets.revisited:ROXFORD5K",
    "rparis6k": "strata.datasets.revisited:RPARIS6K",
    "paintings": "strata.datasets.paintings",
    "artphoto": "strata.datasets.artphoto",
    "fer2013": "strata.datasets.fer2013",
}
"""Name -> what reads it: a module, or an object in one."""


class Adaptor(Protocol):
    """What a data set's module, or the object in it, offers."""

    def download(self, conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
        """Put the source's files into the folder ``out``; how many pictures there are.

        ``sources`` is the watch's listing of a folder that is read in place (no other data set has one). Of
        ``conf`` only ``sources`` may be used.
        """

    def build(self, raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
        """The tables of what ``download`` left in ``raw``.

        Of ``conf`` only ``classes``, ``labels`` and ``queries`` may be used.
        """


def adaptor(name: str) -> Adaptor:
    """What reads data set ``name``. StrataError for an unknown one."""
    if name not in ADAPTORS:
        raise StrataError(f"params.yaml: dataset = {name!r} has no adaptor; there are: {', '.join(ADAPTORS)}")
    found: Adaptor = pkgutil.resolve_name(ADAPTORS[name])
    return found
