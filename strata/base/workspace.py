"""Where work that must outlive a DVC output is kept: the feature store, hash memos, partial downloads.

The store is git-ignored, no stage's out, and shared by every experiment of a project. Deleting it costs time,
never a result.
"""

from __future__ import annotations

import os
from pathlib import Path

STORE_VARIABLE = "STRATA_STORE"
STORE_FOLDER = ".strata"
_EXPERIMENTS = (".dvc", "tmp", "exps")  # queued and temporary experiments run in copies below this folder


def project_root() -> Path:
    """The project of this run: the working folder or, in an experiment's temporary copy, the main project."""
    here = Path.cwd()
    parts = here.parts
    for end in range(len(parts) - len(_EXPERIMENTS), 0, -1):
        if parts[end : end + len(_EXPERIMENTS)] == _EXPERIMENTS:
            return Path(*parts[:end])
    return here


def store_root() -> Path:
    """The store's folder, absolute (it may not exist yet).

    The environment variable STRATA_STORE if set (a relative one counts from the project), else ``.strata`` in
    the project.
    """
    return project_root() / Path(os.environ.get(STORE_VARIABLE) or STORE_FOLDER).expanduser()
