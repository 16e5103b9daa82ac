"""Data sets by name: each module turns its source's files into the four tables, and nothing else.

A later source joins with its module and a line in ``_ADAPTORS``; only the chosen one is imported. Imports
``base``, ``settings``, ``collection``, ``fetching`` and ``demo``; loads no model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from strata.base.errors import StrataError
from strata.base.track import Track
from strata.collection.tables import Tables
from strata.settings.params import DatasetConf

Warn = Callable[[str], None]


class Adaptor(Protocol):
    """What a data set's module offers."""

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
    """The module of data set ``name``."""
    if name not in _ADAPTORS:
        raise StrataError(
            f"params.yaml: dataset = {name!r} has no adaptor; there are: {', '.join(_ADAPTORS)}"
        )
    return _ADAPTORS[name]()


def _demo() -> Adaptor:
    from strata.datasets import demo

    return demo


def _folder() -> Adaptor:
    from strata.datasets import folder

    return folder


def _brueghel() -> Adaptor:
    from strata.datasets import brueghel

    return brueghel


def _oxford5k() -> Adaptor:
    from strata.datasets import oxford5k

    return oxford5k


def _roxford5k() -> Adaptor:
    from strata.datasets import roxford5k

    return roxford5k


def _paris6k() -> Adaptor:
    from strata.datasets import paris6k

    return paris6k


def _rparis6k() -> Adaptor:
    from strata.datasets import rparis6k

    return rparis6k


def _paintings() -> Adaptor:
    from strata.datasets import paintings

    return paintings


def _artphoto() -> Adaptor:
    from strata.datasets import artphoto

    return artphoto


def _fer2013() -> Adaptor:
    from strata.datasets import fer2013

    return fer2013


_ADAPTORS = {
    "demo": _demo,
    "folder": _folder,
    "brueghel": _brueghel,
    "oxford5k": _oxford5k,
    "roxford5k": _roxford5k,
    "paris6k": _paris6k,
    "rparis6k": _rparis6k,
    "paintings": _paintings,
    "artphoto": _artphoto,
    "fer2013": _fer2013,
}
