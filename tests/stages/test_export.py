"""Exported files, read by other eyes: the AP in them is ours, and so is what ``score`` makes of them."""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from stages import export, retrieve, score
from strata.base.errors import StrataError
from strata.base.files import read_table
from strata.descriptors.vectors import read_vectors
from strata.measures.boxes import detection_average_precision
from strata.measures.scores import read_scores, value_of
from strata.results.trec import token
from tests.stages.test_retrieve import LAYERS, write_run
from tests.vector_files import write_vectors

Call = Callable[..., str]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    def run(stage: Any, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [stage.__name__, *arguments])
        found: str = stage.main()
        return found

    return run


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> Callable[..., Path]:
    """A finished run with boxed and class queries, three layers; where it was exported to."""
    monkeypatch.chdir(tmp_path)

    def make(*arguments: str, **changes: Any) -> Path:
        write_run(tmp_path, **changes)
        call(retrieve, "data/rankings")
        write_lock()
        call(export, "out", *arguments)
        return tmp_path / "out"

    return make


def write_lock() -> None:
    """What DVC records of ``retrieve``."""
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load(Path("params.yaml"))
    told = {
        "pool.levels": params["pool"]["levels"],
        "pool.center": params["pool"]["center"],
        "query.view": params["query"]["view"],
        "retrieve": params["retrieve"],
    }
    dataset = f"conf/datasets/{params['dataset']}.yaml"
    protocol = {"protocol": yaml.load(Path(dataset))["protocol"]}
    stage = {"params": {"params.yaml": told, dataset: protocol}}
    YAML().dump({"schema": "2.0", "stages": {"retrieve": stage}}, Path("dvc.lock"))


def trec_eval(run: Path, qrels: Path) -> dict[str, float]:
    """AP as trec_eval defines it: by score, equal ones by item from Z to A; over all that is relevant."""
    relevant, scored = defaultdict(set), defaultdict(list)
    for line in qrels.read_text().splitlines():
        query, _, item, grade = line.split(" ")
        if int(grade) > 0:
            relevant[query].add(item)
    for line in run.read_text().splitlines():
        query, _, item, _, score_, _ = line.split(" ")
        scored[query].append((float(np.float32(score_)), item))
    result = {}
    for query, items in relevant.items():
        found, total = 0, 0.0
        for place, (_, item) in enumerate(sorted(scored[query], reverse=True), 1):
            if item in items:
                found += 1
                total += found / place
        result[query] = total / len(items)
    return result


def ours(layer: str, task: str) -> dict[str, float]:
    """query -> AP of per_query.parquet, of those that have one."""
    rows = read_table(Path("data/rankings") / layer / "per_query.parquet").to_pylist()
    return {
        token(row["query_id"]): row["ap_step"]
        for row in rows
        if (row["task"], row["space"]) == (task, "full") and row["ap_step"] is not None
    }


def tasks_of(out: Path) -> list[str]:
    return [path.stem for path in sorted((out / "qrels").glob("*.txt"))]


@pytest.mark.parametrize(
    "changes", [{}, {"self_match": "include"}, {"junk": "negative"}, {"match": "global"}]
)
def test_an_independent_reader_finds_our_ap(finished: Callable[..., Path], changes: dict[str, str]) -> None:
    out = finished("--depth", "0", **changes)
    assert len(tasks_of(out)) >= 2
    for layer in LAYERS:
        for task in tasks_of(out):
            found = trec_eval(out / layer / f"{task}.run", out / "qrels" / f"{task}.txt")
            wanted = ours(layer, task)
            assert found.keys() == wanted.keys()
            assert wanted
            np.testing.assert_allclose([found[query] for query in wanted], list(wanted.values()), atol=1e-12)


def test_pytrec_eval_finds_our_ap(finished: Callable[..., Path]) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    out = finished("--depth", "0")
    for task in tasks_of(out):
        with (out / "qrels" / f"{task}.txt").open() as qrels, (out / LAYERS[0] / f"{task}.run").open() as run:
            judge = pytrec_eval.RelevanceEvaluator(pytrec_eval.parse_qrel(qrels), {"map"})
            found = judge.evaluate(pytrec_eval.parse_run(run))
        wanted = ours(LAYERS[0], task)
        got = {query: measures["map"] for query, measures in found.items()}
        assert got == pytest.approx({query: wanted[query] for query in got}, abs=1e-6)


def test_score_finds_our_map_interval_and_chance(finished: Callable[..., Path], call: Call) -> None:
    out = finished("--depth", "0")
    files = f"{out}/{LAYERS[0]}/class.run", f"{out}/qrels/class.txt"
    call(score, *files, "--queries", f"{out}/queries/class.csv", "--per-query", "per_query.csv")
    scores = [row for row in read_scores(Path("data/rankings")).scores if row.layer == LAYERS[0]]
    with Path("per_query.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["ap_step"]]
    for metric, column in (("map", "ap_step"), ("p_at_5", "p_at_5"), ("r_precision", "r_precision")):
        mean = float(np.mean([float(row[column]) for row in rows]))
        assert mean == pytest.approx(
            value_of([s for s in scores if s.task == "class" and s.space is None], metric)
        )
    chance = next(row.chance for row in scores if (row.metric, row.task, row.space) == ("map", "class", None))
    assert float(np.mean([float(row["chance_step"]) for row in rows])) == pytest.approx(chance)
    assert {row["group"] for row in rows} == {"c0", "c1", "c2"}


def test_a_run_is_cut_at_its_depth_after_what_takes_no_rank(finished: Callable[..., Path]) -> None:
    out = finished("--depth", "4", "--layers", LAYERS[1])
    assert [path.name for path in out.iterdir() if (path / "class.run").exists()] == [LAYERS[1]]
    lines = (out / LAYERS[1] / "class.run").read_text().splitlines()
    counts = defaultdict(int)
    for line in lines:
        query, _, item, *_ = line.split()
        assert query != item
        counts[query] += 1
    assert set(counts.values()) == {4}


def test_descriptors_come_with_the_names_of_their_rows(finished: Callable[..., Path]) -> None:
    out = finished()
    with (out / "rows.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    vectors = np.load(out / LAYERS[0] / "descriptors.npy", allow_pickle=False)
    assert len(rows) == len(vectors)
    np.testing.assert_array_equal(vectors, read_vectors(Path(f"data/descriptors/{LAYERS[0]}.parquet")).values)
    assert rows[-1]["kind"] == "query"


def test_boxes_found_and_to_be_found_give_our_detection_ap(finished: Callable[..., Path]) -> None:
    out = finished()
    queries, truth, found = (
        list(csv.DictReader((out / name).read_text().splitlines()))
        for name in ("queries/detail.csv", "boxes.csv", f"{LAYERS[0]}/detail.boxes.csv")
    )
    groups = defaultdict(list)
    for query in queries:
        pictures, boxes = boxes_of(found, query["query_id"])
        to_find = boxes_of(truth, query["query_id"])
        groups[query["group"]].append(detection_average_precision(pictures, boxes, *to_find))
    scores = [row for row in read_scores(Path("data/rankings")).scores if row.layer == LAYERS[0]]
    wanted = value_of([s for s in scores if s.task == "detail"], "detection_ap")
    assert np.mean([np.mean(values) for values in groups.values()]) == pytest.approx(wanted)


def boxes_of(rows: list[dict[str, str]], query: str) -> tuple[list[str], Any]:
    """The pictures and the (M, 4) boxes of a query, in order."""
    own = [row for row in rows if row["query_id"] == query]
    return [row["image_id"] for row in own], np.array(
        [[float(row[side]) for side in ("x0", "y0", "x1", "y1")] for row in own]
    ).reshape(-1, 4)


def test_equal_scores_stand_in_our_order_for_others(
    finished: Callable[..., Path], tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pictures alike: ours ranks them by id from A to Z, trec_eval from Z to A."""
    monkeypatch.setattr("tests.stages.test_retrieve.write_vectors", write_equal_vectors)
    out = finished("--depth", "0", match="global")
    found = trec_eval(out / "embedding" / "class.run", out / "qrels" / "class.txt")
    assert found == pytest.approx(ours("embedding", "class"))


def write_equal_vectors(path: Path, rows: Any, vectors: Any) -> None:
    write_vectors(path, rows, np.ones_like(vectors))


def test_a_folder_that_is_there_is_left_alone(finished: Callable[..., Path], call: Call) -> None:
    out = finished()
    with pytest.raises(StrataError, match="out: it is there already; name a new folder"):
        call(export, "out")
    with pytest.raises(StrataError, match=r"no layer 'late'; it has: blocks\.5"):
        call(export, "other", "--layers", "late")
    assert (out / "rows.csv").is_file()
    assert not Path("other").exists()


def test_pycocotools_reads_boxes_and_detections_and_finds_the_same_hits(
    finished: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    out = finished("--depth", "0")
    truth = coco.COCO(str(out / "boxes.coco.json"))
    boxed = [
        row for row in read_table(Path("data/tables/relevance.parquet")).to_pylist() if row["x0"] is not None
    ]
    assert len(truth.anns) == len(boxed)
    layer = next(path.parent for path in out.glob("*/detail.boxes.csv"))
    found = truth.loadRes(str(layer / "detail.coco.json"))
    with (layer / "detail.boxes.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(found.anns) == len(rows)
    first, row = found.anns[1], rows[0]
    assert truth.imgs[first["image_id"]]["image_id"] == row["image_id"]
    assert truth.cats[first["category_id"]]["name"] == row["query_id"]
    x, y, width, height = first["bbox"]
    corners = [float(row[name]) for name in ("x0", "y0", "x1", "y1")]
    np.testing.assert_allclose([x, y, x + width, y + height], corners)


def test_descriptors_have_their_ids_beside_them_in_parquet(finished: Callable[..., Path]) -> None:
    out = finished()
    for layer in LAYERS:
        table = read_table(out / layer / "descriptors.parquet")
        np.testing.assert_array_equal(
            np.stack(table["vector"].to_numpy()), np.load(out / layer / "descriptors.npy")
        )
        assert table["image_id"].to_pylist() == [
            row["image_id"] for row in csv.DictReader((out / "rows.csv").open())
        ]


def test_ir_measures_and_ranx_find_our_ap(finished: Callable[..., Path]) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    ranx = pytest.importorskip("ranx")
    out = finished("--depth", "0")
    for layer in LAYERS:
        for task in tasks_of(out):
            run, qrels = out / layer / f"{task}.run", out / "qrels" / f"{task}.txt"
            wanted = ours(layer, task)
            read = ir_measures.read_trec_qrels(str(qrels)), ir_measures.read_trec_run(str(run))
            found = {value.query_id: value.value for value in ir_measures.iter_calc([ir_measures.AP], *read)}
            assert found == pytest.approx(wanted, abs=1e-6)
            judged = ranx.Qrels.from_file(str(qrels), kind="trec"), ranx.Run.from_file(str(run), kind="trec")
            mean = ranx.evaluate(*judged, "map", make_comparable=True)
            assert mean == pytest.approx(np.mean(list(wanted.values())), abs=1e-6)
