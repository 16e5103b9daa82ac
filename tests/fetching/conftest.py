"""A local server and a project of its own for the tests of what is fetched."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SERVER: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "local_server.py"))


@pytest.fixture
def server() -> Iterator[Any]:
    """What a local HTTP server serves (tests/local_server.py)."""
    with SERVER["serving"]() as served:
        yield served


@pytest.fixture
def fault() -> dict[str, Any]:
    """The faults a server can have, by name."""
    return SERVER


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project; no proxy stands between the test and the loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("STRATA_STORE", raising=False)
    return folder
