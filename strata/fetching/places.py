"""Where fetched files are kept, and where a user may put files instead of having them fetched."""

from __future__ import annotations

from pathlib import Path

from strata.base.workspace import project_root, store_root

INCOMING = Path("data/incoming")


def incoming(name: str) -> Path:
    """Where a user may put the file ``name``: in the main project, also seen from an experiment's copy."""
    return project_root() / INCOMING / name


def downloads() -> Path:
    """The store's folder of fetched files, shared by data sets and experiments."""
    return store_root() / "downloads"
