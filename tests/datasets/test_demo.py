"""The demo's tables: labels of three facets, every boxed detail a query."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.base.files import read_json
from strata.base.track import no_track
from strata.collection.tables import Tables, validate
from strata.datasets import demo
from strata.settings.params import DatasetConf, parse

ROOT = Path(__file__).resolve().parents[2]
PICTURES = 16


def conf(**sources: int) -> DatasetConf:
    values = YAML(typ="safe", pure=True).load((ROOT / "conf/datasets/demo.yaml").read_text(encoding="utf-8"))
    values["sources"].update(sources)
    return parse(DatasetConf, values, "demo.yaml")


def no_warning(message: str) -> None:
    raise AssertionError(message)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    few = conf(pictures=PICTURES)
    assert demo.download(few, Path("unused"), folder, track=no_track, warn=no_warning) == PICTURES + 6
    return folder


@pytest.fixture(scope="module")
def tables(raw: Path) -> Tables:
    built = demo.build(raw, conf(), track=no_track, warn=no_warning)
    validate(built, raw)
    return built


def test_every_painting_and_odd_file_is_a_picture(raw: Path, tables: Tables) -> None:
    images = {image["image_id"]: image for image in tables.images.to_pylist()}
    assert len(images) == PICTURES + 6
    assert all(Path(image["path"]).is_file() for image in images.values())
    assert {image_id for image_id, image in images.items() if image["status"] != "ok"} == {"odd-empty"}
    assert images["odd-empty"]["status"] == "empty file"
    drawn = read_json(raw / "annotations.json")["pictures"][0]
    first = images[drawn["id"]]
    assert (first["width"], first["height"]) == (drawn["width"], drawn["height"])


def test_labels_are_motif_medium_and_mood(raw: Path, tables: Tables) -> None:
    labels = dict(zip(*(tables.images[name].to_pylist() for name in ("image_id", "labels")), strict=True))
    drawn = read_json(raw / "annotations.json")
    for entry in drawn["pictures"]:
        assert labels[entry["id"]] == [entry["motif"], entry["medium"], entry["mood"]]
    for entry in drawn["odd"]:
        assert len(labels[entry["id"]]) == (3 if entry["usable"] else 0)


def test_classes_come_facet_by_facet_with_words_to_say(tables: Tables) -> None:
    classes = tables.classes.to_pylist()
    assert list(dict.fromkeys(entry["facet"] for entry in classes)) == ["motif", "medium", "mood"]
    assert [sum(entry["facet"] == facet for entry in classes) for facet in ("motif", "medium", "mood")] == [
        10,
        4,
        4,
    ]
    by_id = {entry["class_id"]: entry for entry in classes}
    assert by_id["oil"]["name"] == "oil painting"
    assert by_id["ship"]["synonyms"] == ["boat", "sailboat"]
    assert all(entry["description"] for entry in classes)


def test_every_painting_has_two_captions(raw: Path, tables: Tables) -> None:
    captions = tables.captions.to_pylist()
    drawn = read_json(raw / "annotations.json")["pictures"]
    assert [row["image_id"] for row in captions] == [entry["id"] for entry in drawn for _ in range(2)]
    for entry, row in zip(drawn, captions[::2], strict=True):
        words = [entry["motif"], entry["mood"], *(detail["kind"] for detail in entry["details"])]
        assert all(word in row["caption"] for word in words)


def test_every_detail_is_a_query_of_its_kind(raw: Path, tables: Tables) -> None:
    drawn = [
        (entry["id"], detail["kind"], *detail["box"])
        for entry in read_json(raw / "annotations.json")["pictures"]
        for detail in entry["details"]
    ]
    asked = [
        (query["image_id"], query["group"], query["x0"], query["y0"], query["x1"], query["y1"])
        for query in tables.queries.to_pylist()
    ]
    assert asked == drawn
    assert len(drawn) >= 20
    assert tables.queries["query_id"][0].as_py() == f"{drawn[0][0]}/{drawn[0][1]}/0"


def test_positives_are_all_other_boxes_of_the_kind(tables: Tables) -> None:
    queries = tables.queries.to_pylist()
    for query in queries:
        expected = [
            (other["image_id"], other["x0"], other["y1"], "good")
            for other in queries
            if other["group"] == query["group"] and other["image_id"] != query["image_id"]
        ]
        found = [
            (row["image_id"], row["x0"], row["y1"], row["grade"])
            for row in tables.relevance.to_pylist()
            if row["query_id"] == query["query_id"]
        ]
        assert found == expected
        assert found


def test_wrong_sources_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"conf/datasets/demo\.yaml: sources: pictures = 0 is wrong"):
        demo.download(conf(pictures=0), Path("unused"), tmp_path, track=no_track, warn=no_warning)
