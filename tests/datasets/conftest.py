"""Data sets from a local server, by their own YAML: what the pipeline's first two stages do with them."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stages.settings import read_yaml
from strata.base.files import make_in_place
from strata.base.track import no_track
from strata.collection.tables import Tables, read_tables, write_tables
from strata.datasets import adaptor
from strata.settings.params import DatasetConf, parse

ROOT = Path(__file__).resolve().parents[2]
MADE: dict[str, Any] = runpy.run_path(str(ROOT / "tests/made_archives.py"))
SERVER: dict[str, Any] = runpy.run_path(str(ROOT / "tests/local_server.py"))


@pytest.fixture
def made() -> dict[str, Any]:
    """What makes archives (tests/made_archives.py); skips where the true ground truth is not there."""
    if not MADE["TRUTH"].is_dir():
        pytest.skip("STRATA_TEST_DATA does not name a folder with groundtruth/")
    return MADE


@pytest.fixture
def archives() -> dict[str, Any]:
    """The same, for tests that need no true ground truth."""
    return MADE


@pytest.fixture
def server() -> Iterator[Any]:
    """What a local HTTP server serves (tests/local_server.py)."""
    with SERVER["serving"]() as served:
        yield served


@pytest.fixture
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project; no proxy stands between the test and the loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("STRATA_STORE", raising=False)
    return folder


class Source:
    """One data set served locally: its YAML with addresses of the local server, and what was warned."""

    def __init__(self, name: str, server: Any) -> None:
        self.name, self.server = name, server
        self.said: list[str] = []
        self.raw = Path("data/raw") / name

    def conf(self, **sources: Any) -> DatasetConf:
        values = read_yaml(ROOT / f"conf/datasets/{self.name}.yaml")
        for file in values["sources"].get("files", []):
            file.update(urls=[f"{self.server.url}/{file['name']}"], bytes=None, sha256=None)
        values["sources"].update(sources)
        return parse(DatasetConf, values, self.name)

    def serve(self, files: Mapping[str, bytes]) -> None:
        self.server.files |= {f"/{name}": content for name, content in files.items()}

    def download(self, **sources: Any) -> int:
        found: list[int] = []
        conf = self.conf(**sources)

        def fill(out: Path) -> None:
            found.append(
                adaptor(self.name).download(
                    conf, Path("none.tsv"), out, track=no_track, warn=self.said.append
                )
            )

        make_in_place(self.raw, fill)
        return found[0]

    def tables(self) -> Tables:
        """Built, written with all checks, read again."""
        built = adaptor(self.name).build(self.raw, self.conf(), track=no_track, warn=self.said.append)
        write_tables(Path("data/tables"), built)
        return read_tables(Path("data/tables"))


@pytest.fixture
def source(server: Any, empty_project: Path) -> Callable[[str], Source]:
    """Makes the source of a data set."""
    return lambda name: Source(name, server)
