"""Killed at any moment, ``extract`` goes on where it was, computes nothing twice, ends in the same bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, cycle
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

import pytest
from ruamel.yaml import YAML

from strata.base.checksums import SEAL
from strata.collection.tables import write_tables
from tests.extraction.conftest import contents, read_folder, write_picture
from tests.killable import ARGUMENTS, preloaded

ROOT = Path(__file__).resolve().parents[2]
KILLS = 50
OWN_LAPS = 2  # of runs as `python -m stages.extract`, which are killed while they import, too
OWN_KILLS = 5  # in such a lap, at most
PICTURES = 160
LAYERS = ["stem", "middle", "embedding"]
SEED = 4


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where ``stages.extract`` runs: pictures, some boxes, the embedded network, small shards."""
    for name in ("conf", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    chosen = YAML().load(ROOT / "params.yaml")
    chosen["model"], chosen["layers"] = "demo-rn", LAYERS
    YAML().dump(chosen, tmp_path / "params.yaml")
    (tmp_path / "pictures").mkdir()
    for seed in range(PICTURES):
        write_picture(tmp_path / f"pictures/p{seed:03}.jpg", seed, size=(160, 120))
    boxes = {f"q{seed}": (f"p{seed:03}", (10.0, 10.0, 90.0, 70.0)) for seed in range(0, PICTURES, 9)}
    write_tables(tmp_path / "tables", read_folder(tmp_path / "pictures", boxes))
    for name, value in {"PYTHONPATH": str(ROOT), "STRATA_BATCH": "2", "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@dataclass(frozen=True)
class Runs:
    """Runs of the stage in ``project`` with a store of their own."""

    project: Path
    store: Path

    @property
    def out(self) -> Path:
        return self.project / "features"

    def forked(self, seconds: float | None) -> bool:
        """Run for at most so long, already imported; did it end by itself?"""
        process: BaseProcess = preloaded(self.project)
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        assert process.exitcode in (0, -9)
        return process.exitcode == 0

    def own(self, seconds: float | None) -> bool:
        """The same in a process of its own, from Python's start on."""
        process = subprocess.Popen(
            [sys.executable, "-m", "stages.extract", *ARGUMENTS], cwd=self.project, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        assert process.wait() in (0, -9)
        return process.returncode == 0

    def shards(self) -> dict[str, tuple[int, int]]:
        """Every finished shard and which file it is: one that is computed again is another file."""
        found = ((path, path.stat()) for path in self.store.glob("features/*/*.safetensors"))
        return {path.relative_to(self.store).as_posix(): (it.st_ino, it.st_mtime_ns) for path, it in found}


@pytest.mark.slow
def test_fifty_kills_change_no_byte_and_cost_no_finished_shard(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(project, project / "store")
    monkeypatch.setenv("STRATA_STORE", str(runs.store))
    own = Way(runs.own, uninterrupted(runs.own), most_kills=OWN_KILLS)
    features, shards = contents(runs.out), contents(runs.store / "features")
    seal = {SEAL: features[SEAL]}  # is written last: a kill may leave a whole folder without it
    stored = Way(runs.forked, uninterrupted(runs.forked), empties_store=False)  # the server has imported now
    stored = replace(stored, seconds=uninterrupted(runs.forked))
    shutil.rmtree(runs.store)
    forked = Way(runs.forked, uninterrupted(runs.forked))
    assert contents(runs.out) == features
    random, kills = Random(SEED), 0
    for way in chain([own] * OWN_LAPS, cycle([forked, stored])):
        shutil.rmtree(runs.out)
        if way.empties_store:
            shutil.rmtree(runs.store)
        moments = [
            round(random.uniform(0, way.seconds), 3) for _ in range(min(way.most_kills, KILLS - kills))
        ]
        for seconds in [*moments, None]:
            if ended_within(runs, way, seconds):
                break
            kills += 1
            assert not runs.out.exists() or contents(runs.out) | seal == features
        assert contents(runs.out) == features
        assert not list(project.glob(".*.part"))
        kept = contents(runs.store / "features")
        assert {name: kept[name] for name in kept if not name.endswith(".part")} == shards
        if kills == KILLS:
            break


@dataclass(frozen=True)
class Way:
    """How runs are started, the seconds one takes that nothing stops, whether a lap starts from nothing."""

    start: Callable[[float | None], bool]
    seconds: float
    empties_store: bool = True
    most_kills: int = KILLS


def uninterrupted(start: Callable[[float | None], bool]) -> float:
    """Seconds of a run that nothing stops."""
    began = time.perf_counter()
    assert start(None)
    return time.perf_counter() - began


def ended_within(runs: Runs, way: Way, seconds: float | None) -> bool:
    """Kill a run after so long; did it end before? What was finished may not be made again."""
    done = runs.shards()
    ended = way.start(seconds)
    now = runs.shards()
    print(f"{'ended within' if ended else 'killed after'} {seconds} s: {len(done)} -> {len(now)} shards")
    assert done.items() <= now.items()
    return ended
