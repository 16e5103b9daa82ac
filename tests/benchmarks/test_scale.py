"""The scale benchmark: projects the stages can run on, what is watched, the exponent, the chart."""

from __future__ import annotations

import hashlib
import io
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from benchmarks import scale
from benchmarks.scaling import measuring, pictures, plan, vectors
from benchmarks.scaling.chart import draw
from benchmarks.scaling.running import Run, StageFailed, run_module
from benchmarks.scaling.table import Grown, exponent, memory_table, rows_said, slope, time_table
from benchmarks.settings import Settings
from strata.collection.tables import read_tables
from strata.maps.features import database_rows, read_layer_array, read_rows

ROOT = Path(__file__).resolve().parents[2]
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def grown(name: str = "pool", power: float = 1.0) -> Grown:
    return Grown(name, {rows: Run(0.5 + rows**power / 1e4, 100 + rows / 1e3, 80.0) for rows in SIZES})


def test_a_straight_line_has_exponent_one_whatever_the_start_up() -> None:
    for start in (0.0, 3.0, 50.0):
        assert exponent({rows: start + rows / 1e3 for rows in SIZES}, 0.3) == pytest.approx(1.0)


@pytest.mark.parametrize("power", [0.5, 1.5, 2.0])
def test_other_powers_are_found(power: float) -> None:
    assert exponent({rows: 1 + (rows / 1e3) ** power for rows in SIZES}, 0.3) == pytest.approx(
        power, abs=0.04
    )


def test_noise_has_no_exponent() -> None:
    assert exponent({1_000: 2.0, 10_000: 2.01, 100_000: 2.2, 1_000_000: 3.0}, 0.3) is None
    assert exponent({1_000: 2.0, 10_000: 20.0}, 0.3) is None


def test_the_slope_is_that_of_the_largest_sizes() -> None:
    assert slope({10: 0.0, 100: 50.0, 200: 60.0}) == pytest.approx(0.1)
    assert slope({10: 7.0}) == 0.0


def test_rows_are_said_shortly() -> None:
    assert [rows_said(rows) for rows in (120, 1_000, 30_000, 1_000_000)] == ["120", "1 k", "30 k", "1 M"]


def test_the_tables_leave_out_what_was_not_measured() -> None:
    short = Grown("probe", {1_000: Run(1.0, 90.0, 80.0)})
    times = time_table([grown(), short]).splitlines()
    assert times[0] == "| stage, seconds | 1 k | 10 k | 100 k | 1 M | exponent |"
    assert times[2].endswith("| 100.5 | 1.00 |")
    assert times[3] == "| probe | 1.0 |  |  |  | - |"
    assert "| 100 (80) |" not in memory_table([short])
    assert memory_table([grown()]).splitlines()[2].endswith("| 1,100 (80) | 0 |")


def test_the_chart_has_two_panels_a_stage_and_stays_inside_itself() -> None:
    names = [f"stage {number}" for number in range(9)]
    svg = ET.fromstring(draw([grown(name, 1 + 0.05 * place) for place, name in enumerate(names)]))
    space = "{http://www.w3.org/2000/svg}"
    shown = [text.text for text in svg.iter(f"{space}text") if text.get("class") == "name"]
    assert shown == names * 2
    for circle in svg.iter(f"{space}circle"):
        assert -0.1 <= float(circle.get("cx", "")) <= 112.1
        assert -0.1 <= float(circle.get("cy", "")) <= 92.1


def test_a_run_is_watched_from_start_to_end(tmp_path: Path) -> None:
    (tmp_path / "hungry.py").write_text("import time\nhold = bytearray(80 << 20)\ntime.sleep(0.3)\n")
    (tmp_path / "frugal.py").write_text("import time\ntime.sleep(0.3)\n")
    hungry, frugal = (run_module(tmp_path, name, []) for name in ("hungry", "frugal"))
    assert hungry.seconds >= 0.3
    assert 75 < hungry.own_mib - frugal.own_mib < 90
    assert hungry.peak_mib >= hungry.own_mib


def test_a_small_child_of_a_large_process_counts_as_small(tmp_path: Path) -> None:
    (tmp_path / "frugal.py").write_text("import time\ntime.sleep(0.2)\n")
    own = np.ones(200 << 17)  # 200 MiB that the system would charge to the child
    assert run_module(tmp_path, "frugal", []).peak_mib < 100
    assert own.sum() > 0


def test_a_stage_that_fails_is_an_error_with_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import sys\nprint('well')\nsys.exit('broken: no such thing')\n")
    with pytest.raises(StageFailed, match="broken ended with 1: broken: no such thing"):
        run_module(tmp_path, "broken", [])


@pytest.mark.parametrize("kind", ["vector", "regions"])
def test_made_up_features_are_what_extract_would_leave(tmp_path: Path, kind: str) -> None:
    vectors.make_project(tmp_path, 300, kind)
    tables, rows = read_tables(tmp_path / "data/tables"), read_rows(tmp_path / "data/features")
    queries = 100 if kind == "regions" else 0
    assert tables.images.num_rows == 300
    assert tables.queries.num_rows == queries
    assert rows.num_rows == 300 + queries
    assert database_rows(rows).sum() == 300
    ids = rows["image_id"].to_pylist()[:300]
    assert ids == sorted(ids)
    array = read_layer_array(tmp_path / "data/features", "made", kind)
    assert array.shape == ((300, 512) if kind == "vector" else (400, 14, 64))


def test_made_up_classes_lie_apart_but_not_too_far(tmp_path: Path) -> None:
    vectors.make_project(tmp_path, 600, "vector")
    points = np.array(read_layer_array(tmp_path / "data/features", "made", "vector"))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    cosine, classes = points @ points.T, np.arange(600) % vectors.CLASSES
    same = classes[:, None] == classes[None, :]
    np.fill_diagonal(same, False)
    assert cosine[same].mean() > cosine[~same].mean() + 0.2
    np.fill_diagonal(cosine, -1)
    assert 0.5 < (classes[cosine.argmax(axis=1)] == classes).mean() <= 1


def test_pictures_are_readable_and_all_different(tmp_path: Path) -> None:
    pictures.make_project(tmp_path, 50)
    files = sorted((tmp_path / "pictures").rglob("*.jpg"))
    assert len({hashlib.sha256(file.read_bytes()).hexdigest() for file in files}) == 50
    for file in files[:9]:
        with Image.open(io.BytesIO(file.read_bytes())) as picture:
            assert np.asarray(picture).shape == (48, 64, 3)


def test_the_stages_are_called_as_the_pipeline_calls_them() -> None:
    pipeline = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    watch = YAML(typ="safe").load((ROOT / "watch/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    known = {
        entry["cmd"].replace("${dataset}", "folder")
        for stages in (pipeline, watch)
        for entry in stages.values()
        if "cmd" in entry
    }
    for part in plan.PARTS.values():
        for stage, arguments in part.stages.items():
            command = f"python -m stages.{stage} {' '.join(arguments)}"
            assert command.replace("data/named", "data/features") in known


def test_what_was_measured_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def pretend(folder: Path, module: str, arguments: list[str]) -> Run:
        called.append(module)
        if len(called) == 4:
            raise StageFailed("killed")
        return Run(1.0, 2.0, 3.0)

    monkeypatch.setattr(measuring, "run_module", pretend)
    with pytest.raises(StageFailed):
        measuring.measure_missing(tmp_path, "pictures", 100)
    assert called == ["benchmarks.scaling.pictures", "stages.scan", "stages.download", "stages.prepare"]
    measuring.measure_missing(tmp_path, "pictures", 100)
    assert called[4:] == ["stages.prepare", "stages.extract"]
    measuring.measure_missing(tmp_path, "pictures", 100)
    assert len(called) == 6
    assert set(measuring.kept(tmp_path)) == {("pictures", stage) for stage in plan.READING}
    assert not list(tmp_path.glob("pictures-*"))


@pytest.mark.slow
def test_every_stage_is_measured_at_every_size(tmp_path: Path) -> None:
    result = scale.run(Settings(rounds=1, small=True, work=tmp_path, pictures=None))
    times = next(remark for remark in result.remarks if remark.startswith("| stage, seconds"))
    names = [line.split("|")[1].strip() for line in times.splitlines()[2:]]
    shown = [stage + part.suffix for part in plan.PARTS.values() for stage in part.shown]
    assert names == shown
    assert all(cell.strip() for line in times.splitlines()[2:] for cell in line.split("|")[1:-1])
