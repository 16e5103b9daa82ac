"""What a user can get wrong: DVC stops at the stage that knows, which says one line."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from conftest import Project, Result

pytestmark = pytest.mark.slow


def refused(project: Project, stage: str) -> str:
    """The one line of the stage at which ``dvc repro`` stopped."""
    result: Result = project.run("dvc", "repro", check=False)
    assert result.code != 0
    assert result.ran[-1] == stage, result.said
    assert "Traceback" not in result.said
    lines = [line for line in result.said.splitlines() if ": error: " in line]
    assert len(lines) == 1, result.said
    assert "unexpected" not in lines[0]
    return lines[0]


def pictures(folder: Path, labels: dict[str, int], seed: int = 1) -> None:
    """Small noise pictures, ``labels``: sub-folder -> how many."""
    generator = np.random.default_rng(seed)
    for label, count in labels.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")


@pytest.fixture
def own(project: Project, tmp_path: Path) -> Callable[..., Project]:
    """The project, set to a folder of the user's own."""

    def choose(labels: dict[str, int]) -> Project:
        folder = tmp_path / "own (pictures), [1] ü"
        folder.mkdir()
        pictures(folder, labels)
        project.choose(dataset="folder")
        (project.root / "conf/paths/folder.yaml").write_text(
            f'path: "{folder}"\nwords: null\ntemplates: null\n', encoding="utf-8"
        )
        return project

    return choose


@pytest.mark.parametrize(
    ("key", "value", "stage", "said"),
    [
        ("pooling", "maximum", "check", "pooling = 'maximum' is wrong"),
        ("retrieve__class_every", 0, "check", "retrieve.class_every = 0 is wrong"),
        ("pool__whiten", "oxford", "check", "there are: none, self"),
        ("layers", ["stem", " "], "check", "is no layer name"),
        ("layers", ["stem", "layer9"], "extract", "layer9"),
        ("pooling", "cls", "pool", "cls"),
        ("extract__conv1_stride", 3, "extract", "conv1_stride"),
    ],
)
def test_a_wrong_value_is_one_line(project: Project, key: str, value: object, stage: str, said: str) -> None:
    project.choose(**{key: value})
    assert said in refused(project, stage)


@pytest.mark.parametrize(("key", "folder"), [("dataset", "datasets"), ("model", "models")])
def test_an_unknown_data_set_or_model_is_named(project: Project, key: str, folder: str) -> None:
    project.choose(**{key: "nope"})
    result = project.run("dvc", "repro", check=False)
    assert result.code != 0
    assert f"conf/{folder}/nope.yaml" in result.said
    known = ", ".join(sorted(path.stem for path in (project.root / "conf" / folder).glob("*.yaml")))
    direct = project.run("python", "-m", "stages.check", "data/a.txt", "data/b.txt", check=False)
    assert direct.code == 1
    assert f"; there are: {known}" in direct.said


def test_missing_weights_say_how_to_get_them(project: Project) -> None:
    (project.root / "models/demo-rn/open_clip_model.safetensors").unlink()
    (project.root / "models/demo-rn/open_clip_config.json").unlink()
    (project.root / "models/demo-rn").rmdir()
    project.choose(pooling="avg")
    assert "python -m training.train --model demo-rn" in refused(project, "check")


def test_own_pictures_run_and_a_new_one_costs_itself(own: Callable[..., Project], tmp_path: Path) -> None:
    project = own({"cat": 6, "dog": 6})
    assert "12 views computed" in project.run("dvc", "repro").line("extract")
    assert "extract" not in project.run("dvc", "repro").ran
    pictures(next(tmp_path.glob("own*")), {"bird": 1}, seed=2)
    assert "1 views computed and 12 from the store" in project.run("dvc", "repro").line("extract")
    next(tmp_path.glob("own*/bird/*")).unlink()
    assert "extract" not in project.run("dvc", "repro").ran  # DVC remembers the run without it


def test_a_folder_path_with_odd_signs_is_set_with_S(own: Callable[..., Project], tmp_path: Path) -> None:
    project = own({"cat": 4, "dog": 4})
    folder = next(tmp_path.glob("own*"))
    (project.root / "conf/paths/folder.yaml").write_text("path: null\nwords: null\ntemplates: null\n")
    project.commit("own pictures")
    setting = f'conf/paths/folder.yaml:path="{folder}"'
    result = project.run("dvc", "exp", "run", "-S", "dataset=folder", "-S", setting)
    assert result.line("download").startswith("download: folder, 8 pictures")


def test_a_folder_without_pictures_is_one_line(own: Callable[..., Project]) -> None:
    project = own({})
    assert "own (pictures), [1] ü" in refused(project, "folder")


def test_a_folder_that_is_not_there_is_one_line(own: Callable[..., Project], tmp_path: Path) -> None:
    project = own({})
    next(tmp_path.glob("own*")).rmdir()
    result = project.run("dvc", "repro", check=False)
    lines = [line for line in result.said.splitlines() if ": error: " in line]
    assert len(lines) == 1
    assert "own (pictures), [1] ü" in lines[0]


def test_broken_pictures_alone_are_one_line(own: Callable[..., Project], tmp_path: Path) -> None:
    project = own({"cat": 2})
    for path in tmp_path.glob("own*/cat/*"):
        path.write_bytes(b"no picture")
    result = project.run("dvc", "repro", check=False)
    lines = [line for line in result.said.splitlines() if ": error: " in line]
    assert result.code != 0
    assert len(lines) == 1
    assert "unexpected" not in lines[0]


def test_a_box_outside_its_picture_names_the_row(own: Callable[..., Project], tmp_path: Path) -> None:
    project = own({"cat": 3, "dog": 3})
    with (next(tmp_path.glob("own*")) / "queries.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["query_id", "file", "x0", "y0", "x1", "y1", "group"])
        rows.writerow(["q", "cat/0.png", 10, 10, 500, 20, "g"])
    project.edit(
        "conf/datasets/folder.yaml", "  file: null                # CSV", "  file: queries.csv  # CSV"
    )
    assert "500" in refused(project, "prepare")


def test_one_class_is_explained_and_does_not_stop_the_run(own: Callable[..., Project]) -> None:
    project = own({"cat": 6})
    result = project.run("dvc", "repro", check=False)
    lines = [line for line in result.said.splitlines() if ": error: " in line]
    assert "Traceback" not in result.said
    assert result.code == 0 or len(lines) == 1


def test_more_clusters_than_pictures_is_one_line(own: Callable[..., Project]) -> None:
    project = own({"cat": 3, "dog": 3})
    project.choose(cluster__k=50)
    assert "50" in refused(project, "cluster")


def test_more_components_than_pictures_are_cut(own: Callable[..., Project]) -> None:
    project = own({"cat": 3, "dog": 3})
    result = project.run("dvc", "repro")
    assert "reduce: warning: " in result.said
