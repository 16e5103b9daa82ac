"""From a folder to the tables, stage by stage; bad input is one clear line and exit code 1."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import download, prepare, scan
from stages.running import run_stage
from strata.collection.tables import read_tables

ROOT = Path(__file__).resolve().parents[2]
MODULES: dict[str, ModuleType] = {"scan": scan, "download": download, "prepare": prepare}
STEPS = {
    "scan": ("scan", "folder", "data/check/dataset/folder/listing.tsv"),
    "download": ("download", "data/check/dataset/folder", "data/raw/folder"),
    "prepare": ("prepare", "data/raw/folder", "data/tables"),
}


def change(path: Path, keys: str, value: Any) -> None:
    """Set a dotted key of a YAML file."""
    yaml = YAML(typ="safe", pure=True)
    content = yaml.load(path.read_text(encoding="utf-8"))
    *above, last = keys.split(".")
    place = content
    for key in above:
        place = place[key]
    place[last] = value
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(content, stream)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three pictures of two classes."""
    root = tmp_path / "pictures, [x] (ü)"
    for i, name in enumerate(("cat/a b.jpg", "cat/c.jpg", "dog/d.jpg")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (40 * i, 0, 0)).save(root / name)
    return root


@pytest.fixture
def project(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own whose data set is ``pictures``."""
    folder = tmp_path / "project"
    for name in ("params.yaml", "conf/datasets/folder.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    for name, value in (("folder", str(pictures)), ("local", None)):
        path = folder / f"conf/paths/{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("path: null\n")
        change(path, "path", value)
    change(folder / "params.yaml", "dataset", "folder")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("STRATA_STORE", raising=False)
    return folder


Do = Callable[..., str]


@pytest.fixture
def do(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Do:
    """Run steps in this process; returns what the last one said."""

    def run(*steps: str) -> str:
        for step in steps:
            name, *arguments = STEPS[step]
            monkeypatch.setattr(sys, "argv", [name, *arguments])
            run_stage(name, MODULES[name].main)
        return capsys.readouterr().out.strip().splitlines()[-1]

    return run


def refusal(do: Do, *steps: str) -> str:
    """The one line of the last step, which must fail with exit code 1 (``sys.exit`` of a text)."""
    for step in steps[:-1]:
        do(step)
    with pytest.raises(SystemExit) as caught:
        do(steps[-1])
    message = str(caught.value.code)
    assert message.startswith(f"{steps[-1]}: error: ")
    assert "\n" not in message
    assert "unexpected" not in message
    return message


def outside(step: str, project: Path) -> subprocess.CompletedProcess[str]:
    """The step as DVC runs it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"stages.{STEPS[step][0]}", *STEPS[step][1:]]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_the_steps_run_as_commands(project: Path, pictures: Path) -> None:
    said = [outside(step, project) for step in STEPS]
    assert [done.returncode for done in said] == [0, 0, 0], said
    assert said[0].stdout.startswith(f"scan: 3 pictures in {pictures} (")
    assert said[1].stdout.startswith("download: folder, 3 pictures (")
    assert said[2].stdout.startswith(
        "prepare: 3 pictures (0 not usable, 0 duplicates), 2 classes in 1 facets, 0 queries, "
    )
    tables = read_tables(project / "data/tables")
    assert tables.images["image_id"].to_pylist() == ["cat/a b.jpg", "cat/c.jpg", "dog/d.jpg"]


def test_a_failing_command_says_one_line_and_leaves_nothing(project: Path) -> None:
    change(project / "conf/paths/folder.yaml", "path", None)
    done = outside("scan", project)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "scan: error: conf/paths/folder.yaml: path is not set; "
        "use -S 'conf/paths/folder.yaml:path=\"/where/it/is\"' or edit the file\n"
    )
    assert not (project / "data").exists()


def test_outs_depend_on_the_pictures_alone(do: Do, project: Path) -> None:
    def outs() -> dict[str, bytes]:
        files = [path for path in (project / "data").rglob("*") if path.is_file()]
        return {path.name: path.read_bytes() for path in files}

    do(*STEPS)
    first = outs()
    do(*STEPS)
    assert outs() == first
    assert {"listing.parquet", "root.json", "images.parquet", "listing.tsv"} <= set(first)


def test_duplicates_are_kept_and_counted(do: Do, pictures: Path) -> None:
    (pictures / "dog/again.jpg").write_bytes((pictures / "dog/d.jpg").read_bytes())
    assert do(*STEPS).startswith("prepare: 4 pictures (0 not usable, 1 duplicates)")


def test_a_relative_path_counts_from_the_project(do: Do, project: Path, pictures: Path) -> None:
    change(project / "conf/paths/folder.yaml", "path", f"../{pictures.name}")
    assert do("scan").startswith(f"scan: 3 pictures in {pictures}")


def test_an_edited_table_is_noticed(do: Do, project: Path, pictures: Path) -> None:
    (pictures / "labels.csv").write_text("file,label\ncat/c.jpg,cat\n")
    change(project / "conf/datasets/folder.yaml", "labels.from", "csv")
    change(project / "conf/datasets/folder.yaml", "labels.file", "labels.csv")
    do("scan")
    before = (project / STEPS["scan"][2]).read_bytes()
    (pictures / "labels.csv").write_text("file,label\ncat/c.jpg,lion\n")
    do(*STEPS)
    assert (project / STEPS["scan"][2]).read_bytes() != before
    assert read_tables(project / "data/tables").classes["class_id"].to_pylist() == ["lion"]


def test_a_missing_or_empty_folder_is_refused(do: Do, project: Path, tmp_path: Path) -> None:
    change(project / "conf/paths/folder.yaml", "path", "/no/such folder")
    assert "/no/such folder: no such folder; mend path in conf/paths/folder.yaml" in refusal(do, "scan")
    (tmp_path / "empty").mkdir()
    change(project / "conf/paths/folder.yaml", "path", str(tmp_path / "empty"))
    assert "empty: no pictures there" in refusal(do, "scan")
    (tmp_path / "empty/notes.txt").write_text("no picture")
    assert "no pictures there (names ending in .jpg, " in refusal(do, "scan")


def test_local_weights_must_be_set_and_exist(project: Path, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "scan", ("scan", "local", "data/check/model/local/weights.tsv"))
    assert "conf/paths/local.yaml: path is not set" in refusal(do, "scan")
    change(project / "conf/paths/local.yaml", "path", "weights.safetensors")
    assert f"{project}/weights.safetensors: no such file or folder" in refusal(do, "scan")
    (project / "weights.safetensors").write_bytes(b"w")
    assert do("scan").startswith(f"scan: weights of {project}/weights.safetensors")
    assert (project / "data/check/model/local/weights.tsv").read_text().startswith("weights.safetensors\t1\t")


def test_pictures_that_are_all_broken_are_refused_with_the_first_reasons(do: Do, pictures: Path) -> None:
    for path in pictures.rglob("*.jpg"):
        path.write_bytes(b"")
    (pictures / "dog/d.jpg").write_text("text")
    assert refusal(do, *STEPS) == (
        "prepare: error: no usable picture among 3; cat/a b.jpg: empty file; cat/c.jpg: empty file; "
        "dog/d.jpg: not a picture"
    )
    assert not Path("data/tables").exists()


def with_queries(project: Path, pictures: Path, text: str | bytes) -> None:
    (pictures / "q.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    change(project / "conf/datasets/folder.yaml", "queries.file", "q.csv")


HEADER = "query_id,file,x0,y0,x1,y1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{HEADER}q,cat/c.jpg,5,5,20,20\nr,cat/c.jpg,0,0,40,300\n",
            "data/tables/queries.parquet: columns x0..y1, row 1 (query 'r'): box (0.0, 0.0, 40.0, 300.0) "
            "leaves its picture 'cat/c.jpg' (40 x 30); boxes are x0, y0, x1, y1 in pixels",
        ),
        (f"{HEADER}q,cat/z.jpg,,,,\n", "q.csv: 1 of 1 rows name no picture of the folder: 'cat/z.jpg'"),
        ("query_id,picture\nq,cat/c.jpg\n", "q.csv: no column 'file'; the columns are query_id, picture"),
        (
            "query_id,file\nü,cat/c.jpg\n".encode("latin-1"),
            "q.csv: not UTF-8 (byte 14); save it as CSV UTF-8",
        ),
        ("query_id,file\nq,cat/c.jpg\nq,dog/d.jpg\n", "column query_id, row 1: 'q' stands there twice"),
    ],
    ids=["box outside", "unknown file", "missing column", "not UTF-8", "twice"],
)
def test_wrong_queries_are_refused(
    do: Do, project: Path, pictures: Path, text: str | bytes, message: str
) -> None:
    with_queries(project, pictures, text)
    assert message in refusal(do, *STEPS)
    assert not Path("data/tables").exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("labels.from", "csv", "labels.from is csv but labels.file is null; name the CSV file"),
        ("queries.relevance_file", "r.csv", "queries.relevance_file is set but queries.file is null"),
        (
            "queries.file",
            "none.csv",
            "none.csv: no such file; mend the queries file in conf/datasets/folder.yaml",
        ),
        ("sources.extensions", ".jpg", "sources: extensions = '.jpg' is wrong"),
    ],
)
def test_a_wrong_yaml_is_refused_by_the_scan(
    do: Do, project: Path, key: str, value: str, message: str
) -> None:
    change(project / "conf/datasets/folder.yaml", key, value)
    assert message in refusal(do, "scan")


def test_labels_that_name_no_picture_are_refused(do: Do, project: Path, pictures: Path) -> None:
    (pictures / "labels.csv").write_text("file,label\nc.jpg,cat\n")
    change(project / "conf/datasets/folder.yaml", "labels.from", "csv")
    change(project / "conf/datasets/folder.yaml", "labels.file", "labels.csv")
    assert "labels.csv: 1 of 1 rows name no picture of the folder: 'c.jpg' (line 2)" in refusal(do, *STEPS)


def test_a_facet_that_gives_a_metric_two_meanings_is_refused(do: Do, project: Path, pictures: Path) -> None:
    (pictures / "labels.csv").write_text("file,label,chance\ncat/c.jpg,cat,yes\n")
    change(project / "conf/datasets/folder.yaml", "labels.from", "csv")
    change(project / "conf/datasets/folder.yaml", "labels.file", "labels.csv")
    change(
        project / "conf/datasets/folder.yaml",
        "labels.label_columns",
        {"animal": "label", "chance": "chance"},
    )
    change(project / "conf/datasets/folder.yaml", "labels.name_columns", {})
    assert refusal(do, *STEPS) == (
        "prepare: error: conf/datasets/folder.yaml: a facet cannot be called 'chance': ami_chance in "
        "metrics/*.json would mean two things; give it another name"
    )
    assert not Path("data/tables").exists()
