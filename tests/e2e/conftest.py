"""A copy of this project in a folder of its own, its demo cut to 40 pictures, run by the real DVC."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PICTURES = 40
RESULTS = ("dvc.lock", "data/computed.json")


@dataclass(frozen=True)
class Result:
    """What a command said, stdout and stderr together."""

    code: int
    said: str

    @property
    def ran(self) -> list[str]:
        """The stages DVC ran, in order."""
        lines = [line for line in self.said.splitlines() if line.startswith("Running stage '")]
        return [line.split("'")[1].rpartition(":")[2] for line in lines]

    @property
    def nothing_to_do(self) -> bool:
        """Did DVC find everything up to date?"""
        return not self.ran and "Data and pipelines are up to date." in self.said

    def line(self, stage: str) -> str:
        """A stage's summary: the line that ends with its seconds (warnings and progress do not)."""
        (line,) = [it for it in self.said.splitlines() if it.startswith(f"{stage}: ") and it.endswith(" s)")]
        return line


@dataclass(frozen=True)
class Project:
    """A git and DVC repository with this project's files."""

    root: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> Result:
        """Run ``dvc ...``, ``python ...`` or ``git ...`` of this environment in the project's folder."""
        variables = {**clean_environment(), **environment}
        done = subprocess.run(
            command, cwd=self.root, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert not check or done.returncode == 0, done.stdout
        return Result(done.returncode, done.stdout)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands in a file exactly once."""
        text = (self.root / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file}: {old!r} stands there {text.count(old)} times"
        (self.root / file).write_text(text.replace(old, new), encoding="utf-8")

    def choose(self, **values: object) -> None:
        """Set parameters; ``cluster__k`` is ``cluster.k``."""
        yaml = YAML()
        content = yaml.load(self.root / "params.yaml")
        for key, value in values.items():
            *parents, last = key.split("__")
            inner = content
            for parent in parents:
                inner = inner[parent]
            inner[last] = value
        yaml.dump(content, self.root / "params.yaml")

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def read(self, file: str) -> bytes:
        """A file's bytes."""
        return (self.root / file).read_bytes()


def clean_environment() -> dict[str, str]:
    """This environment's tools first, nobody's git or DVC settings, no store of the user."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_", "STRATA_"))
    }
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in IDENTITY},
    }


IDENTITY = (("NAME", "Test"), ("EMAIL", "test@example.org"))


def copy_project(target: Path) -> Project:
    """Copy what git tracks or would track, without the results, and commit it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if name not in RESULTS and not name.startswith("metrics/") and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    project = Project(target)
    project.choose(dataset="demo", model="demo-rn", pooling="max", layers=["stem", "late", "embedding"])
    project.choose(pool__whiten="none", cluster__k=None, dense__size_px=136)
    project.edit("conf/datasets/demo.yaml", "pictures: 320", f"pictures: {PICTURES}")
    project.edit("conf/datasets/demo.yaml", "- middle ", "- late ")
    project.run("git", "init", "-q", "-b", "main")
    project.commit("the project, with a small demo")
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Result]:
    """A project that was run once, its results committed, and what the run said. Only to be read."""
    project = copy_project(tmp_path_factory.mktemp("finished"))
    result = project.run("dvc", "repro")
    project.commit("results")
    return project, result


@pytest.fixture
def project(finished: tuple[Project, Result], tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    shutil.copytree(finished[0].root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Project]:
    """Make a project that was never run."""
    return lambda: copy_project(tmp_path / "fresh")
