"""The study's data sets from archives of the true layout to the metrics, by the real DVC."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from conftest import Project

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_archives.py"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MADE["TRUTH"].is_dir(), reason="STRATA_TEST_DATA names no groundtruth/"),
]


def supply(project: Project, dataset: str, files: dict[str, bytes]) -> None:
    """Put archives where a user puts them; generated ones have not the size of the true ones."""
    for name, content in files.items():
        path = project.root / "data/incoming" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    yaml = YAML()
    conf = project.root / f"conf/datasets/{dataset}.yaml"
    content = yaml.load(conf)
    for file in content["sources"]["files"]:
        file.update(bytes=None, sha256=None)
    yaml.dump(content, conf)
    project.commit("generated archives")


def metrics(project: Project, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.read(f"metrics/{name}.json"))
    return found


def test_brueghel_from_its_archive_to_its_metrics(fresh: Callable[[], Project]) -> None:
    project = fresh()
    supply(project, "brueghel", MADE["brueghel"]())
    result = project.run("dvc", "exp", "run", "-S", "dataset=brueghel")
    assert "download: brueghel, 1587 pictures" in result.line("download")
    assert "273 queries, 9292 relevance rows" in result.line("prepare")
    assert sum(metrics(project, "headline")[f"pictures_{what}"] for what in ("used", "rejected")) == 1587
    stem = metrics(project, "retrieval")["stem"]
    assert (stem["detail_n_queries"], stem["detail_map_n_groups"]) == (273, 10)


def test_artphoto_in_an_experiments_own_copy(fresh: Callable[[], Project]) -> None:
    project = fresh()
    supply(project, "artphoto", MADE["artphoto"]())
    result = project.run("dvc", "exp", "run", "--temp", "-S", "dataset=artphoto")
    assert "download: artphoto, 806 pictures" in result.said
    assert "zeroshot: 3 prompt sets" in result.said
    assert not (project.root / ".dvc/tmp/exps/.strata").exists()
    assert (project.root / ".strata/downloads").is_dir()


def test_roxford_is_scored_easy_medium_and_hard(fresh: Callable[[], Project]) -> None:
    project = fresh()
    pictures, truth = MADE["revisited"]("roxford5k")
    del pictures[min(pictures)]  # one that the ground truth names
    archives = {"oxbuild_images-v1.tgz": MADE["tgz_of"](pictures), "gnd_roxford5k.pkl": truth}
    supply(project, "roxford5k", archives)
    result = project.run("dvc", "exp", "run", "-S", "dataset=roxford5k", "-S", "retrieve.class_every=50")
    assert "1 not usable" in result.line("prepare")
    stem = metrics(project, "retrieval")["stem"]
    for task in ("easy", "medium", "hard"):
        assert stem[f"{task}_n_queries"] == 70
        assert stem[f"{task}_n_database"] == 4992
        assert stem[f"{task}_ap"] == "trapezoid"
