"""What dvc.yaml declares for a stage is what the stage reads: no file and no key more, and none less.

Each stage runs where nothing but its declared deps exists and must give the same bytes; then again without
one of them, which it must miss. The keys it is handed are noted when they are read.
"""

from __future__ import annotations

import importlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import BaseModel
from ruamel.yaml import YAML

from stages import scan, settings
from strata.base.files import read_table
from strata.settings.params import Strict

ROOT = Path(__file__).resolve().parents[2]
PIPELINE: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
NAMES = {"dataset": "demo", "model": "demo-rn", "pool.whiten": "paris", "dense.fit": "self"}
CHANGES = {
    "params.yaml": {
        "dataset": "demo",
        "model": "demo-rn",
        "layers": ["stem", "middle", "embedding"],
        "pool.whiten": "self",
        "query.view": "roi",
        "retrieve.match": "dense",
        "retrieve.expand": 1,
        "dense.size_px": 136,
        "dense.cells": [4, 6],
        "grid.max_queries": 20,
    },
    "conf/datasets/demo.yaml": {"sources.pictures": 40},
    "conf/models/demo-rn.yaml": {"weights.path": str(ROOT / "models/demo-rn")},
}
UNDECLARED = {"check": ["conf/whitening", "conf/projection"]}
"""Read without being declared: ``check`` lists what there is; ``pool`` depends on the one that is chosen."""
UNREAD = {
    ("check", "conf/paths"): "read for the data set folder and the model local",
    ("download", "data/check/dataset/demo"): "check comes first; lists a folder of the user's",
    ("extract", "data/check/model/demo-rn"): "says what local weights hold, or which pair was typed",
    ("zeroshot", "data/check/model/demo-rn"): "the same",
    ("retrieve", "data/check/model/demo-rn"): "the same",
    ("index", "conf/projection/self"): "says that another collection's projection was not chosen",
    ("report", "data/check/model/demo-rn"): "the same",
}
METHODS = "retrieve.methods."  # read as a whole by the method that is chosen
UNREAD_KEYS = {
    "weights.source": "said where weights are missing",
    "architecture": "for demo-rn it stands beside the weights",
    "classes": "the demo knows its own; see the folder below",
    "labels": "the same",
}
UNREAD_OF_A_FOLDER = {
    "download": {"sources"},  # scan has read them
    "prepare": {"labels.file"},  # labels is null elsewhere: its keys cannot be declared one by one
}


def resolved(text: str) -> str:
    return re.sub(r"\$\{([\w.]+)\}", lambda found: NAMES[found[1]], text)


def data_deps(stage: str) -> list[str]:
    deps = [resolved(dep) for dep in PIPELINE[stage]["deps"]]
    return [dep for dep in deps if not dep.startswith(("stages/", "strata/"))]


def param_files(stage: str) -> set[str]:
    named = [entry for entry in PIPELINE[stage].get("params", []) if isinstance(entry, dict)]
    return {"params.yaml", *(resolved(file) for entry in named for file in entry)}


def outs(stage: str) -> list[str]:
    entries = [*PIPELINE[stage].get("outs", []), *PIPELINE[stage].get("metrics", [])]
    return [resolved(next(iter(entry)) if isinstance(entry, dict) else entry) for entry in entries]


DEPS = [(stage, dep) for stage in PIPELINE for dep in data_deps(stage) if (stage, dep) not in UNREAD]


def run(stage: str, folder: Path) -> None:
    """The stage's command, in ``folder``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("STRATA_STORE", str(folder / "store"))
        patch.setattr("sys.argv", resolved(PIPELINE[stage]["cmd"]).split()[2:])
        importlib.import_module(f"stages.{stage}").main()


def copy(source: Path, target: Path, names: list[str]) -> None:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        made = shutil.copytree if (source / name).is_dir() else shutil.copy
        made(source / name, target / name)


def alone(stage: str, project: Path, folder: Path, without: str | None = None) -> Path:
    """A folder with what the stage declares, and nothing else."""
    deps = [dep for dep in data_deps(stage) if dep != without]
    copy(project, folder, [*deps, *UNDECLARED.get(stage, []), *(param_files(stage) - set(deps))])
    return folder


def contents(folder: Path, names: list[str]) -> dict[str, bytes]:
    """Every file of these outs."""
    files = [
        path for name in names for path in [folder / name, *(folder / name).rglob("*")] if path.is_file()
    ]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def change(path: Path, values: dict[str, Any]) -> None:
    yaml = YAML()
    content = yaml.load(path)
    for key, value in values.items():
        *parents, last = key.split(".")
        inner = content
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    yaml.dump(content, path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo, with a whitening of its own, after a run of every stage."""
    folder = tmp_path_factory.mktemp("project")
    copy(ROOT, folder, ["params.yaml", "conf"])
    for name, values in CHANGES.items():
        change(folder / name, values)
    for stage in PIPELINE:
        if stage == "pool":
            use_own_whitening(folder)
        run(stage, folder)
    return folder


def use_own_whitening(folder: Path) -> None:
    """Go on as a collection that uses the whitening ``paris`` (exported from this run itself)."""
    run("pool", folder)
    shutil.move(folder / "data/descriptors/whitening", folder / "conf/whitening/paris")
    shutil.rmtree(folder / "data/descriptors")
    change(folder / "params.yaml", {"pool.whiten": "paris"})


class Keys:
    """Notes which of the keys that ``stages.settings`` hands out are read; kept by name, not by value."""

    def __init__(self) -> None:
        self.names: dict[tuple[int, str], str] = {}
        self.leaves: set[str] = set()
        self.read: set[str] = set()
        self.kept: list[Strict] = []  # an id is one object's as long as that lives

    def hand_out(self, values: Strict, prefix: str = "") -> None:
        self.kept.append(values)
        for name, value in vars(values).items():
            self.names[id(values), name] = prefix + name
            if isinstance(value, Strict):
                self.hand_out(value, f"{prefix}{name}.")
            else:
                self.leaves.add(prefix + name)

    def dumped(self, values: Strict) -> None:
        for name, value in vars(values).items():
            if (key := self.names.get((id(values), name))) is not None:
                self.read.add(key)
            if isinstance(value, Strict):
                self.dumped(value)

    def listen(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between the stages and their settings."""
        only, dump = settings.only, BaseModel.model_dump

        def handed(values: Any, keys: Any) -> Any:
            result = only(values, keys)
            self.hand_out(result)
            return result

        def noted(values: Any, name: str) -> Any:
            if (key := self.names.get((id(values), name))) is not None:
                self.read.add(key)
            return object.__getattribute__(values, name)

        def dumped(values: Any, **options: Any) -> Any:
            self.dumped(values)
            return dump(values, **options)

        patch.setattr(settings, "only", handed)
        patch.setattr(Strict, "__getattribute__", noted, raising=False)
        patch.setattr(Strict, "model_dump", dumped)


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_stage_needs_nothing_it_does_not_declare(stage: str, project: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        keys = Keys()
        keys.listen(patch)
        run(stage, alone(stage, project, tmp_path))
    assert contents(tmp_path, outs(stage)) == contents(project, outs(stage)) != {}
    unread = {key for key in keys.leaves - keys.read - set(UNREAD_KEYS) if not key.startswith(METHODS)}
    named = {key for key in PIPELINE[stage].get("params", []) if isinstance(key, str)}
    assert {key for key in unread if key in named or not key.startswith("dense.")} == set(), (
        "`dense` of a data set's file is null elsewhere: its keys cannot be declared one by one"
    )


def test_a_folder_of_ones_own_needs_nothing_that_is_not_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys that the demo has no use for, and the list that ``scan`` makes."""
    project, pictures = tmp_path / "project", tmp_path / "pictures"
    pictures.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (40, 30)).save(pictures / name)
    (pictures / "labels.csv").write_text("file,kind\na.png,cat\nb.png,dog\n")
    copy(ROOT, project, ["params.yaml", "conf"])
    change(project / "params.yaml", {"dataset": "folder"})
    change(project / "conf/models/demo-rn.yaml", CHANGES["conf/models/demo-rn.yaml"])
    change(project / "conf/paths/folder.yaml", {"path": str(pictures)})
    labels = {"from": "csv", "file": "labels.csv", "file_column": "file", "label_columns": {"label": "kind"}}
    classes = {"label": [{"id": "cat", "name": "house cat"}, {"id": "dog"}]}
    change(project / "conf/datasets/folder.yaml", {"labels": labels, "classes": classes})
    monkeypatch.setitem(NAMES, "dataset", "folder")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setattr("sys.argv", ["scan", "folder", "data/check/dataset/folder/listing.tsv"])
        scan.main()
    for stage in ("check", "download", "prepare"):
        keys = Keys()
        with pytest.MonkeyPatch.context() as patch:
            keys.listen(patch)
            run(stage, alone(stage, project, tmp_path / stage))
        copy(tmp_path / stage, project, outs(stage))
        assert keys.leaves - keys.read == UNREAD_OF_A_FOLDER.get(stage, set())
    named = read_table(project / "data/tables/classes.parquet")["name"].to_pylist()
    assert named == ["house cat", "dog"]


@pytest.mark.parametrize(("stage", "dep"), DEPS)
def test_a_stage_misses_every_dep_it_declares(stage: str, dep: str, project: Path, tmp_path: Path) -> None:
    try:
        run(stage, alone(stage, project, tmp_path, without=dep))
    except Exception:
        return
    assert contents(tmp_path, outs(stage)) != contents(project, outs(stage))
