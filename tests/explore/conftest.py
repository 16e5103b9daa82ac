"""An explorer of the library's small finished run, served on a free port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn

import strata
from strata.explore.explorer import Explorer
from strata.explore.server import make_app
from tests.library.conftest import finished

__all__ = ["finished"]


class Served(NamedTuple):
    """Where it listens, what answers there, and the folder of its marks."""

    port: int
    explorer: Explorer
    marks: Path


@pytest.fixture(scope="module")
def served(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("explored")
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    explorer = Explorer(strata.open_run(finished), folder / "kept", folder / "marks")
    server = uvicorn.Server(uvicorn.Config(make_app(explorer, port), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield Served(port, explorer, folder / "marks")
    server.should_exit = True
    thread.join()
