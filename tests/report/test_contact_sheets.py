"""Contact sheets and cluster sheets."""

from __future__ import annotations

import runpy
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from strata.base.errors import StrataError
from strata.base.files import read_table, write_table
from strata.collection.tables import Tables, from_rows, read_tables
from strata.measures.scores import Policy, Scored
from strata.report.cluster_sheets import ACROSS, cluster_sheet
from strata.report.contact_sheets import NEAREST, Query, choose, contact_sheets, is_distance, mark_of
from strata.report.thumbnails import Gallery

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))


def retrieval(layers: list[str], **changed: str) -> Scored:
    """The policies of both tasks; ``changed``: those that are not the usual ones, TASK_POLICY."""
    usual = {
        "detail_match": "region",
        "detail_metric": "cosine",
        "class_match": "global",
        "class_metric": "cosine",
    }
    rows = []
    for layer in layers:
        for name, value in {**usual, **changed}.items():
            task, policy = name.split("_")
            rows.append(Policy(policy, value, layer, task))
    return Scored(policies=rows)


RETRIEVAL, STEM = retrieval(MADE["LAYERS"]), retrieval(["stem"])


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    MADE["make_results"](tmp_path)
    return read_tables(tmp_path / "data" / "tables")


def query(name: str, group: str) -> Query:
    return Query(name, "a.jpg", group, None)


def test_queries_are_taken_from_each_group_in_turn() -> None:
    queries = [query(f"q{i}", "big") for i in range(5)] + [query("z", "small")]
    assert [chosen.query_id for chosen in choose(queries, 4)] == ["q2", "z", "q3", "q4"]


def test_the_order_of_the_table_does_not_choose() -> None:
    queries = [query(f"q{i}", f"g{i % 3}") for i in range(20)]
    assert choose(queries) == choose(reversed(queries))


def test_every_layer_shows_the_same_queries_with_their_nearest(tmp_path: Path, tables: Tables) -> None:
    gallery = Gallery(tables.images)
    sheets = contact_sheets(tmp_path / "data/rankings", RETRIEVAL, ["detail", "class"], tables, gallery)
    assert [sheet.layer for sheet in sheets] == MADE["LAYERS"]
    shown = {tuple(row.query.image_id for task in sheet.tasks for row in task.rows) for sheet in sheets}
    assert len(shown) == 1
    for row in sheets[0].tasks[0].rows:
        assert len(row.nearest) == NEAREST
        assert row.query.box is not None
        assert all(tile.box for tile in row.nearest)
        assert row.hits == sum(tile.mark == "hit" for tile in row.nearest)


def test_each_task_shows_the_scores_that_it_was_ranked_by(tmp_path: Path, tables: Tables) -> None:
    path = tmp_path / "data/rankings/stem/topk.parquet"
    table = read_table(path)
    write_table(path, table.set_column(4, "score", pa.array([-0.05] * len(table), pa.float32())))

    def shown(**policies: str) -> list[tuple[str, set[str]]]:
        stem = retrieval(["stem"], **policies)
        tasks = ["detail", "class"]
        (sheet,) = contact_sheets(tmp_path / "data/rankings", stem, tasks, tables, Gallery(tables.images))
        return [
            (task.score_name, {tile.caption for row in task.rows for tile in row.nearest})
            for task in sheet.tasks
        ]

    similarity, distance = ("similarity", {"-0.050"}), ("distance", {"0.050"})
    assert shown() == [similarity, similarity]
    assert shown(class_metric="euclidean") == [similarity, distance]
    assert shown(class_metric="euclidean", detail_metric="euclidean", detail_match="global") == [
        distance,
        distance,
    ]


def test_boxes_matched_by_region_hold_cosines_beside_whole_pictures_that_do_not() -> None:
    mixed = "region for boxed queries, global for the others"
    found = retrieval(["stem"], detail_metric="euclidean", detail_match=mixed)
    whole = query("q", "g")
    assert is_distance(found, "stem", "detail", whole)
    assert not is_distance(found, "stem", "detail", replace(whole, box=(0, 0, 9, 9)))


def test_class_queries_have_no_box_and_are_titled_by_their_class(tmp_path: Path, tables: Tables) -> None:
    (sheet,) = contact_sheets(tmp_path / "data/rankings", STEM, ["class"], tables, Gallery(tables.images))
    rows = sheet.tasks[0].rows
    assert {row.title for row in rows} == set(MADE["FACETS"]["motif"])
    assert all(tile.box is None for row in rows for tile in (row.query, *row.nearest))


def test_an_own_query_called_like_a_picture_is_not_taken_for_it(tmp_path: Path, tables: Tables) -> None:
    first = tables.queries.to_pylist()[0]
    named = [{**first, "query_id": image_id} for image_id in tables.images["image_id"].to_pylist()]
    tables = replace(tables, queries=from_rows("queries", named))
    (sheet,) = contact_sheets(tmp_path / "data/rankings", STEM, ["class"], tables, Gallery(tables.images))
    assert all(row.query.box is None for row in sheet.tasks[0].rows)


def test_a_missing_ranking_says_what_to_run(tmp_path: Path, tables: Tables) -> None:
    with pytest.raises(StrataError, match="dvc repro"):
        contact_sheets(tmp_path / "nowhere", STEM, ["class"], tables, Gallery(tables.images))


@pytest.mark.parametrize(("grade", "mark"), [("", "miss"), (None, "miss"), ("junk", "junk"), ("easy", "hit")])
def test_grades_become_frames(grade: str | None, mark: str) -> None:
    assert mark_of(grade) == mark


def test_clusters_come_largest_first_with_what_is_nearest_to_their_centre(
    tmp_path: Path, tables: Tables
) -> None:
    names = {name: name for name in MADE["FACETS"]["motif"]}
    sheet = cluster_sheet(tmp_path / "data/clusters", "embedding", names, Gallery(tables.images))
    sizes = [cluster.size for cluster in sheet.clusters]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == 22
    for cluster in sheet.clusters:
        assert len(cluster.tiles) == min(cluster.size, ACROSS)
        assert 0 < cluster.share <= 1
        odd = [tile for tile in cluster.tiles if tile.mark == "miss"]
        assert all(tile.caption and tile.caption != cluster.label for tile in odd)


def test_the_labels_of_all_clusters_are_looked_up_at_once(
    tmp_path: Path, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    looked_up = Gallery.label_pairs

    def counted(self: Gallery, image_ids: pa.Array, class_ids: list[str]) -> object:
        asked.append(len(image_ids))
        return looked_up(self, image_ids, class_ids)

    monkeypatch.setattr(Gallery, "label_pairs", counted)
    cluster_sheet(tmp_path / "data/clusters", "stem", {"castle": "castle"}, Gallery(tables.images))
    assert asked == [22]


def test_without_labels_a_cluster_has_no_word(tmp_path: Path, tables: Tables) -> None:
    sheet = cluster_sheet(tmp_path / "data/clusters", "stem", {}, Gallery(tables.images))
    assert {cluster.label for cluster in sheet.clusters} == {""}
    assert {tile.mark for cluster in sheet.clusters for tile in cluster.tiles} == {""}


def test_a_cluster_is_named_by_its_commonest_class_as_a_loop_counts_them(
    tmp_path: Path, tables: Tables
) -> None:
    names = {name: f"a {name}" for facet in MADE["FACETS"].values() for name in facet}
    labels = dict(
        zip(tables.images["image_id"].to_pylist(), tables.images["labels"].to_pylist(), strict=True)
    )
    rows = read_table(tmp_path / "data/clusters/stem.parquet").to_pylist()
    for cluster in cluster_sheet(tmp_path / "data/clusters", "stem", names, Gallery(tables.images)).clusters:
        members = [row for row in rows if row["cluster"] == cluster.number]
        members.sort(key=lambda row: (row["distance"], row["image_id"]))
        counts = Counter(names[label] for row in members for label in labels[row["image_id"]])
        label, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
        assert (cluster.label, cluster.share) == (label, count / len(members))
        assert [tile.image_id for tile in cluster.tiles] == [row["image_id"] for row in members[:ACROSS]]
