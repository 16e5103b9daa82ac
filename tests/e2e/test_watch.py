"""A folder that changes is noticed by DVC; one that does not costs a scan and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("check", "download", "prepare")
NAME = "some (dir), [x] üml"

pytestmark = pytest.mark.slow

Dvc = Callable[..., list[str]]


@pytest.fixture
def project(git: Callable[..., str], tmp_path: Path) -> Path:
    """The project's own code and DVC files in a new repository, cut to the stages that make the tables."""
    for name in ("strata", "stages", "conf", "watch"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "dvc.lock")
        )
    for name in ("params.yaml", ".gitignore", ".dvcignore", "models"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path / name)
    for name in ("folder", "local"):
        (tmp_path / f"conf/paths/{name}.yaml").write_text("path: null\n")
    yaml = YAML(typ="safe", pure=True)
    pipeline = yaml.load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    kept = {name: pipeline["stages"][name] for name in STAGES}
    with (tmp_path / "dvc.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump({"vars": pipeline["vars"], "stages": kept}, stream)
    demo = yaml.load((ROOT / "conf/datasets/demo.yaml").read_text(encoding="utf-8"))
    demo["sources"]["pictures"] = 12
    with (tmp_path / "conf/datasets/demo.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(demo, stream)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=tmp_path, check=True)
    shutil.copy(ROOT / ".dvc/config", tmp_path / ".dvc/config")
    git("add", "-A")
    git("commit", "-qm", "start")
    return tmp_path


@pytest.fixture
def dvc(project: Path, monkeypatch: pytest.MonkeyPatch) -> Dvc:
    """Run DVC; returns the stages whose commands really ran."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")

    def run(*arguments: str) -> list[str]:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return re.findall(r"^Running stage '(?:watch/dvc\.yaml:)?(\w+)'", done.stdout, re.MULTILINE)

    return run


def draw(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (shade, 0, 0)).save(path)


def test_changes_of_a_folder_are_noticed(
    dvc: Dvc, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pictures = tmp_path_factory.mktemp("outside") / NAME
    for i in range(3):
        draw(pictures / f"cat/{i}.jpg", 40 * i)
    assert dvc("repro") == ["check", "download", "prepare"]
    assert dvc("repro") == [], "the demo does not look at a folder"
    setting = f'conf/paths/folder.yaml:path="{pictures}"'
    assert dvc("exp", "run", "-S", "dataset=folder", "-S", setting)[1:] == ["folder", "download", "prepare"]
    listing = project / "data/check/dataset/folder/listing.tsv"
    before = listing.read_bytes()
    assert before.decode().startswith(f"# root\t{pictures}\n")
    assert dvc("repro") == ["folder"], "nothing changed: the scan alone"
    assert listing.read_bytes() == before
    draw(pictures / "dog/new.jpg", 200)
    assert dvc("repro") == ["folder", "download", "prepare"], "added"
    draw(pictures / "dog/new.jpg", 100)
    assert dvc("repro") == ["folder", "download", "prepare"], "changed"
    os.utime(pictures / "dog/new.jpg")
    assert dvc("repro") == ["folder", "download"], "touched: the hashes are the same"
    (pictures / "cat/0.jpg").unlink()
    assert dvc("repro") == ["folder", "download", "prepare"], "removed"
    assert dvc("exp", "run", "-S", "dataset=demo") == ["check"], "back to the demo from the cache"
    assert dvc("repro") == []


def test_an_experiments_copy_finds_a_relative_folder_and_the_store(dvc: Dvc, project: Path) -> None:
    draw(project / ".git/pictures/a.jpg", 1)  # beside the tracked files, so not in the copy
    setting = 'conf/paths/folder.yaml:path=".git/pictures"'
    assert dvc("exp", "run", "--temp", "-S", "dataset=folder", "-S", setting)[-1] == "prepare"
    assert (project / ".strata/sha256.tsv").is_file()
