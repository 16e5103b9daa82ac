"""What is known of a collection, typed: words, labels, captions, query pictures; duplicates left out."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from conftest import Project

pytestmark = pytest.mark.slow

FOLDER, PATHS = "conf/datasets/folder.yaml", "conf/paths/folder.yaml"


def metrics(project: Project, name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((project.root / f"metrics/{name}.json").read_text())
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve noise pictures, one of them twice; labels.csv names them as another system would."""
    folder = tmp_path / "own"
    folder.mkdir()
    generator = np.random.default_rng(3)
    rows = []
    for number in range(12):
        pixels = generator.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        kind = ("n1", "fox squirrel") if number % 2 else ("n2", "sea cow")
        split = "query" if number < 2 else ""
        rows += [(f".\\{number}.png ", *kind, split, f"{kind[1]} {number}, {word}") for word in ("a", "b")]
    (folder / "12.png").write_bytes((folder / "11.png").read_bytes())
    with (folder / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file", "label", "name", "split", "caption"), *rows, ("12.png", "n2")])
    return folder


def test_a_csv_and_words_are_typed_and_no_yaml_is_edited(project: Project, folder: Path) -> None:
    own = ("-S", "dataset=folder", "-S", f'{PATHS}:path="{folder}"')
    table = ("-S", f"{FOLDER}:labels.from=csv", "-S", f"{FOLDER}:labels.file=labels.csv")
    layers = ("-S", "layers=[late,embedding]")
    result = project.run("dvc", "exp", "run", *own, *table, *layers)
    assert result.line("prepare").startswith("prepare: 13 pictures (0 not usable, 1 duplicates), 2 classes")
    assert "1 duplicates kept" in result.line("retrieve")
    assert metrics(project, "retrieval")["late"]["own_n_queries"] == 2
    assert metrics(project, "retrieval")["late"]["own_n_database"] == 11
    assert metrics(project, "duplicates")["between_labels"]["n_exact"] == 1
    assert metrics(project, "captions")["picture_to_text"]["n_texts"] == 20
    assert {"label", "label_a"} <= set(metrics(project, "zeroshot"))

    words = ("-S", f"{PATHS}:words=[sea cow,dog]", "-S", f'{PATHS}:templates=["a photo of a {{name}}."]')
    result = project.run("dvc", "exp", "run", *words)
    assert "zeroshot" in result.ran
    assert not {"prepare", "extract", "cluster", "retrieve"} & set(result.ran)  # words do not change k
    assert metrics(project, "zeroshot")["words"]["classes"] == 2
    assert metrics(project, "clusters")["late"]["k"] == 2

    result = project.run("dvc", "exp", "run", "-S", "retrieve.duplicates=drop")
    assert "1 duplicates left out" in result.line("retrieve")
    assert metrics(project, "retrieval")["late"]["own_n_database"] == 10
