"""Oxford5k and Paris6k, original and revisited: the published counts from archives of the true layout."""

from __future__ import annotations

import os
import pickle
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.settings import read_yaml
from strata.base.errors import StrataError
from strata.collection.tables import Tables
from strata.datasets.landmarks import PARIS_DAMAGED, label_of, read_ground_truth
from strata.datasets.revisited import landmark_of, read_revisited

ROOT = Path(__file__).resolve().parents[2]


def grades(tables: Tables) -> Counter[str]:
    return Counter(tables.relevance["grade"].to_pylist())


def oxford(made: dict[str, Any]) -> dict[str, bytes]:
    pictures, texts = made["landmarks"]("oxford5k")
    return {"oxbuild_images-v1.tgz": made["tgz_of"](pictures), "gt_files_170407.tgz": made["tgz_of"](texts)}


def paris_pictures(made: dict[str, Any], pictures: dict[str, bytes]) -> dict[str, bytes]:
    """Twelve folders in two archives, damaged pictures among them."""
    all_of_them = {**pictures, **dict.fromkeys(PARIS_DAMAGED, b"damaged")}
    parts: list[dict[str, bytes]] = [{}, {}]
    for name, content in all_of_them.items():
        parts[label_of(name) > "louvre"][f"paris/{label_of(name)}/{name}"] = content
    return {f"paris_{number}.tgz": made["tgz_of"](part) for number, part in enumerate(parts, 1)}


@pytest.mark.slow
def test_oxford5k_has_the_published_counts(source: Callable[[str], Any], made: dict[str, Any]) -> None:
    collection = source("oxford5k")
    collection.serve(oxford(made))
    assert collection.download() == 5063
    tables = collection.tables()
    assert tables.images.num_rows == 5063
    assert (tables.queries.num_rows, len(set(tables.queries["group"].to_pylist()))) == (55, 11)
    counted = grades(tables)
    assert (counted["good"] + counted["ok"], counted["junk"]) == (2840, 1495)
    labels = Counter(label for own in tables.images["labels"].to_pylist() for label in own)
    assert len(labels) == tables.classes.num_rows == 17
    assert labels["oxford"] == 1502
    assert tables.queries["x1"].to_pylist()[0] == 648.5
    assert collection.said == []


@pytest.mark.slow
def test_paris6k_has_the_published_counts(source: Callable[[str], Any], made: dict[str, Any]) -> None:
    collection = source("paris6k")
    pictures, texts = made["landmarks"]("paris6k")
    truth = made["tgz_of"]({f"paris/{name}": content for name, content in texts.items()})
    collection.serve({**paris_pictures(made, pictures), "paris_120310.tgz": truth})
    collection.download()
    tables = collection.tables()
    assert tables.images.num_rows == 6392
    counted = grades(tables)
    assert (counted["good"] + counted["ok"], counted["junk"]) == (8955, 8245)
    assert tables.queries.num_rows == 55
    assert tables.classes.num_rows == 12
    assert collection.said == ["20 pictures that the collection's page lists as damaged are left out"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "database"), [("roxford5k", 4993), ("rparis6k", 6322)])
def test_the_revisited_sets_take_70_queries_out(
    source: Callable[[str], Any], made: dict[str, Any], name: str, database: int
) -> None:
    collection = source(name)
    pictures, truth = made["revisited"](name)
    archives = {"oxbuild_images-v1.tgz": made["tgz_of"](pictures)}
    collection.serve({**archives, **paris_pictures(made, pictures), f"gnd_{name}.pkl": truth})
    collection.download()
    tables = collection.tables()
    splits = Counter(tables.images["split"].to_pylist())
    assert splits == {None: database, "query": 70}
    assert tables.queries.num_rows == 70
    assert grades(tables) == {"easy": 140, "hard": 70, "junk": 140}


@pytest.mark.parametrize("name", ["oxford5k", "paris6k"])
def test_the_true_ground_truth_reads_as_corners(made: dict[str, Any], tmp_path: Path, name: str) -> None:
    _, texts = made["landmarks"](name)
    for file, content in texts.items():
        (tmp_path / file).write_bytes(content)
    queries, relevance = read_ground_truth(tmp_path)
    assert len(queries) == 55
    landmarks = Counter(row["group"] for row in queries)
    assert list(landmarks.values()) == [5] * 11
    positives: dict[str, list[str]] = defaultdict(list)
    for row in relevance:
        if row["grade"] != "junk":
            positives[row["query_id"]].append(row["image_id"])
    assert all(landmark_of(row["image_id"], positives[row["query_id"]]) == row["group"] for row in queries)
    assert all(not row["image_id"].startswith("oxc1_") for row in queries)
    counted = Counter(row["grade"] for row in relevance)
    wanted = {"oxford5k": (2840, 1495), "paris6k": (8955, 8245)}[name]
    assert (counted["good"] + counted["ok"], counted["junk"]) == wanted
    if name == "oxford5k":  # read as x, y, width, height, 24 boxes would leave their 1024 x 1024
        beyond = [row for row in queries if row["x0"] + row["x1"] > 1024 or row["y0"] + row["y1"] > 1024]
        assert len(beyond) >= 24
        assert all(row["x1"] <= 1025 and row["y1"] <= 1025 for row in queries)


NAMES = ("all_souls_000001.jpg", "all_souls_000002.jpg", "oxford_000003.jpg", "new_000004.jpg")


def small(archives: dict[str, Any], **changed: list[str]) -> dict[str, bytes]:
    """Four photographs and one query."""
    texts = {
        "all_souls_1_query.txt": ["oxc1_all_souls_000001 1.5 2 30 20.5"],
        "all_souls_1_good.txt": ["all_souls_000001", "all_souls_000002"],
        "all_souls_1_ok.txt": ["new_000004"],
        "all_souls_1_junk.txt": ["oxford_000003"],
    }
    texts |= {f"all_souls_1_{name}.txt": lines for name, lines in changed.items()}
    pictures = {name: archives["jpeg"]() for name in NAMES}
    return {
        "oxbuild_images-v1.tgz": archives["tgz_of"](pictures),
        "gt_files_170407.tgz": archives["tgz_of"](archives["texts"](texts)),
    }


def test_a_query_its_grades_and_its_label(source: Callable[[str], Any], archives: dict[str, Any]) -> None:
    collection = source("oxford5k")
    collection.serve(small(archives))
    assert collection.download() == 4
    tables = collection.tables()
    assert tables.queries.to_pylist() == [
        {"query_id": "all_souls_1", "image_id": NAMES[0], "x0": 1.5, "y0": 2.0, "x1": 30.0, "y1": 20.5}
        | {"group": "all_souls"}
    ]
    assert grades(tables) == {"good": 2, "ok": 1, "junk": 1}
    labels = [label for own in tables.images["labels"].to_pylist() for label in own]
    assert labels == ["all_souls", "all_souls", "new", "oxford"]


def test_a_box_read_as_x_y_w_h_is_refused(source: Callable[[str], Any], archives: dict[str, Any]) -> None:
    collection = source("oxford5k")
    collection.serve(small(archives, query=["oxc1_all_souls_000001 20 10 30 200"]))
    collection.download()
    with pytest.raises(StrataError, match="leaves its picture"):
        collection.tables()


def test_a_named_picture_that_is_missing_is_said(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    collection = source("oxford5k")
    collection.serve(small(archives, ok=["new_000099"]))
    collection.download()
    tables = collection.tables()
    assert grades(tables)["ok"] == 1
    assert "not in the archive" in tables.images["status"].to_pylist()
    assert "'new_000099.jpg'" in collection.said[0]


def test_a_query_line_of_another_shape_is_one_line(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    collection = source("oxford5k")
    collection.serve(small(archives, query=["oxc1_all_souls_000001 1.5 2 30"]))
    collection.download()
    with pytest.raises(StrataError, match=r"all_souls_1_query\.txt: expected `name xmin"):
        collection.tables()


def revisited_pickle(**changed: Any) -> bytes:
    judged = {"bbx": [1.0, 2.0, 30.0, 20.0], "easy": [0], "hard": [1], "junk": [2]}
    names = [Path(name).stem for name in NAMES]
    return pickle.dumps({"imlist": names[1:], "qimlist": names[:1], "gnd": [judged], **changed}, protocol=2)


def test_the_query_is_no_part_of_the_revisited_database(
    source: Callable[[str], Any], archives: dict[str, Any]
) -> None:
    collection = source("roxford5k")
    collection.serve({**small(archives), "gnd_roxford5k.pkl": revisited_pickle()})
    collection.download()
    tables = collection.tables()
    assert tables.images["split"].to_pylist() == ["query", None, None, None]
    assert tables.queries["group"].to_pylist() == ["all_souls"]
    pairs = zip(*(tables.relevance[c].to_pylist() for c in ("image_id", "grade")), strict=True)
    assert list(pairs) == [(NAMES[1], "easy"), (NAMES[2], "hard"), (NAMES[3], "junk")]


def test_both_oxford_sets_share_one_download(source: Callable[[str], Any], archives: dict[str, Any]) -> None:
    first, second = source("oxford5k"), source("roxford5k")
    first.serve({**small(archives), "gnd_roxford5k.pkl": revisited_pickle()})
    first.download()
    second.download()
    asked = [path for path, _ in first.server.asked]
    assert asked.count("/oxbuild_images-v1.tgz") == 1
    pictures = [s.raw / "oxbuild_images-v1.tgz" / NAMES[0] for s in (first, second)]
    assert os.path.samefile(*pictures)


class Hostile:
    def __reduce__(self) -> Any:
        return os.system, ("touch hostile",)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pickle.dumps(Hostile()), "it asks for STACK_GLOBAL"),
        (b"\x80\x04K", "refused"),
        (pickle.dumps([1, 2]), "valid dictionary"),
        (revisited_pickle(gnd=[]), "1 queries but 0 judgements"),
        (revisited_pickle(imlist=["a"]), "names a picture beyond the 1 of imlist"),
    ],
)
def test_a_pickle_of_anything_else_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "gnd.pkl"
    path.write_bytes(content)
    with pytest.raises(StrataError, match=why):
        read_revisited(path)
    assert not Path("hostile").exists()


def test_data_sets_of_the_same_pictures_say_the_same() -> None:
    for first, second in (("oxford5k", "roxford5k"), ("paris6k", "rparis6k")):
        one, two = (read_yaml(ROOT / f"conf/datasets/{name}.yaml") for name in (first, second))
        assert one["classes"] == two["classes"]
        assert one["prompts"] == two["prompts"]
        files = [{file["name"]: file for file in conf["sources"]["files"]} for conf in (one, two)]
        shared = files[0].keys() & files[1].keys()
        assert shared
        assert all(files[0][name] == files[1][name] for name in shared)
