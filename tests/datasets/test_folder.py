"""Your own pictures: read in place, hashed once, every name exact."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ruamel.yaml import YAML

from strata.base import hashing
from strata.base.errors import StrataError
from strata.base.files import read_json, read_table
from strata.base.track import no_track
from strata.collection.listing import listing_bytes, scan_folder, table_files
from strata.collection.tables import Tables, validate
from strata.datasets import adaptor, folder
from strata.settings.params import DatasetConf, parse

ROOT = Path(__file__).resolve().parents[2]
ODD = [
    "a b.jpg",
    "c, [x] (y); 'q' \"d\".jpg",
    "colon: % back\\slash.jpg",
    "Gemälde/ü 絵.jpg",
    "line\nend.jpg",
]


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_STORE", str(tmp_path / "store"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "pictures, [x] ü"


def draw(root: Path, *names: str) -> None:
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40 + i, 30), (i, 0, 0)).save(root / name, "JPEG")


def conf(**changes: Any) -> DatasetConf:
    """conf/datasets/folder.yaml as it is committed, with some keys of its sections replaced."""
    values = YAML(typ="safe", pure=True).load(
        (ROOT / "conf/datasets/folder.yaml").read_text(encoding="utf-8")
    )
    for key, change in changes.items():
        values[key] = {**values[key], **change} if isinstance(values[key], dict) else change
    return parse(DatasetConf, values, "folder.yaml")


Run = Callable[..., Tables]


@pytest.fixture
def run(tmp_path: Path, root: Path) -> Run:
    """Scan, download and build; warnings go to ``run.warnings``."""

    def work(**changes: Any) -> Tables:
        wanted = conf(**changes)
        listing = scan_folder(root, wanted.sources["extensions"], table_files(wanted))
        (tmp_path / "folder.tsv").write_bytes(listing_bytes(listing))
        raw = tmp_path / "raw"
        raw.mkdir(exist_ok=True)
        warn = warnings.append
        folder.download(wanted, tmp_path / "folder.tsv", raw, track=no_track, warn=warn)
        tables = folder.build(raw, wanted, track=no_track, warn=warn)
        validate(tables, raw)
        return tables

    warnings: list[str] = []
    work.warnings = warnings  # type: ignore[attr-defined]
    return work


def test_odd_names_arrive_byte_for_byte_and_open(root: Path, run: Run) -> None:
    draw(root, *ODD)
    images = run().images.to_pylist()
    assert {image["image_id"] for image in images} == set(ODD)
    for image in images:
        assert image["path"] == f"{root}/{image['image_id']}"
        assert image["status"] == "ok"
        with Image.open(image["path"]) as picture:
            assert picture.size == (image["width"], image["height"])


def test_a_name_that_is_no_text_is_listed_with_the_reason(root: Path, run: Run) -> None:
    draw(root, "a.jpg", os.fsdecode(b"latin-\xfc.jpg"))
    images = {image["image_id"]: image["status"] for image in run().images.to_pylist()}
    assert images == {"a.jpg": "ok", "latin-\\xfc.jpg": "its name is not UTF-8; rename it"}


def test_broken_pictures_stay_with_their_reason(root: Path, run: Run) -> None:
    draw(root, "a.jpg")
    (root / "empty.jpg").touch()
    (root / "text.png").write_text("hello")
    images = {image["image_id"]: image for image in run().images.to_pylist()}
    assert {name: image["status"] for name, image in images.items()} == {
        "a.jpg": "ok",
        "empty.jpg": "empty file",
        "text.png": "not a picture",
    }
    assert images["text.png"]["width"] is None
    assert len(images["text.png"]["sha256"]) == 64


def test_sub_folders_are_labels(root: Path, run: Run) -> None:
    draw(root, "cat/a.jpg", "sea_cow/b.jpg", "c.jpg")
    tables = run()
    labels = {image["image_id"]: image["labels"] for image in tables.images.to_pylist()}
    assert labels == {"c.jpg": [], "cat/a.jpg": ["cat"], "sea_cow/b.jpg": ["sea_cow"]}
    assert tables.classes.column("name").to_pylist() == ["cat", "sea cow"]
    assert tables.classes.column("facet").to_pylist() == ["label", "label"]


def test_no_labels_but_classes_to_ask_for(root: Path, run: Run) -> None:
    draw(root, "cat/a.jpg")
    tables = run(labels={"from": "none"}, classes={"animal": [{"id": "cat"}, {"id": "dog"}]})
    assert tables.images.column("labels").to_pylist() == [[]]
    assert tables.classes.column("class_id").to_pylist() == ["cat", "dog"]


def test_csv_files_give_labels_queries_and_relevance(root: Path, run: Run, tmp_path: Path) -> None:
    draw(root, "a b.jpg", "c, d.jpg")
    (root / "labels.csv").write_text('file,label\na b.jpg,x\n"c, d.jpg",x;y\n')
    (root / "q.csv").write_text("query_id,file,x0,y0,x1,y1,group\nq,a b.jpg,1,1,9,9,\n")
    (tmp_path / "r.csv").write_text('query_id,file,grade\nq,"c, d.jpg",good\n')
    queries = {"file": "q.csv", "relevance_file": str(tmp_path / "r.csv")}
    tables = run(labels={"from": "csv", "file": "labels.csv"}, queries=queries)
    assert tables.images.column("labels").to_pylist() == [["x"], ["x", "y"]]
    assert tables.queries.to_pylist()[0]["group"] == "q"
    assert tables.relevance.to_pylist()[0]["image_id"] == "c, d.jpg"
    shown = read_json(tmp_path / "raw/root.json")
    assert shown["tables"]["relevance"] == f"{tmp_path}/r.csv"
    assert shown["others"] == {}


def test_query_pictures_stand_beside_the_collection(root: Path, run: Run) -> None:
    draw(root, "a.jpg", "b.jpg", "q.jpg")
    (root / "l.csv").write_text(
        "file,label,name,split\n./a.jpg,n1,tench,\nb.jpg ,n2,crane,\nq.jpg,n1,,query\n"
    )
    tables = run(labels={"from": "csv", "file": "l.csv"})
    assert tables.images.column("split").to_pylist() == [None, None, "query"]
    assert tables.classes.column("name").to_pylist() == ["tench", "crane"]
    assert [(row["query_id"], row["image_id"]) for row in tables.relevance.to_pylist()] == [
        ("q.jpg", "a.jpg")
    ]
    assert not vars(run)["warnings"]


def test_errors_name_the_users_own_table(root: Path, run: Run) -> None:
    draw(root, "a.jpg")
    (root / "q.csv").write_text("query_id,file\nq,b.jpg\n")
    with pytest.raises(StrataError, match=r"pictures, \[x\] ü/q\.csv: 1 of 1 rows name no picture"):
        run(queries={"file": "q.csv"})


def test_touching_changes_nothing_and_reads_nothing_twice(
    root: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(root, "a.jpg", "b.jpg")
    run()
    before = (tmp_path / "raw/listing.parquet").read_bytes()
    opened: list[str] = []

    def counting(path: str, *rest: Any, **more: Any) -> Any:
        opened.append(os.path.basename(path))
        return open(path, *rest, **more)

    monkeypatch.setattr(hashing, "open", counting, raising=False)
    run()
    assert opened == []
    os.utime(root / "a.jpg", ns=(1, 1))
    run()
    assert opened == ["a.jpg"]
    assert (tmp_path / "raw/listing.parquet").read_bytes() == before
    draw(root, "b.jpg")
    run()
    assert (tmp_path / "raw/listing.parquet").read_bytes() != before


def test_pictures_that_vanish_after_the_scan_are_left_out(root: Path, run: Run, tmp_path: Path) -> None:
    draw(root, "a.jpg", "b.jpg")
    listing = listing_bytes(scan_folder(root, [".jpg"], {}))
    (tmp_path / "l.tsv").write_bytes(listing)
    (root / "a.jpg").unlink()
    warnings: list[str] = []
    (tmp_path / "raw").mkdir()
    count = folder.download(
        conf(), tmp_path / "l.tsv", tmp_path / "raw", track=no_track, warn=warnings.append
    )
    assert count == 1
    assert warnings == ["1 pictures vanished since the folder was listed and are left out"]
    assert read_table(tmp_path / "raw/listing.parquet")["file"].to_pylist() == ["b.jpg"]
    (root / "b.jpg").unlink()
    with pytest.raises(StrataError, match="every listed picture is gone"):
        folder.download(conf(), tmp_path / "l.tsv", tmp_path / "raw", track=no_track, warn=warnings.append)


def test_more_pictures_than_a_piece_keep_their_order(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{i:02d}.jpg" for i in range(11)]
    draw(root, *names)
    monkeypatch.setattr(folder, "_PIECE", 4)
    assert run().images.column("image_id").to_pylist() == names


def test_data_sets_are_found_by_name() -> None:
    assert adaptor("folder") is folder  # type: ignore[comparison-overlap]
    with pytest.raises(StrataError, match="dataset = 'nobody' has no adaptor; there are: demo, folder"):
        adaptor("nobody")
