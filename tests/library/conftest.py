"""A small finished run, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.library.small_run import STAGES, run_stages, write_lock, write_project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder after its run. Only to be read."""
    folder = tmp_path_factory.mktemp("finished")
    params = write_project(folder, {"retrieve": {"match": "global"}})
    run_stages(folder, list(STAGES))
    write_lock(folder, params)
    return folder
