"""Every recipe of docs/extending.md fits the files as they are and does what it says in a copy of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.docs.recipes import ROOT, Recipe, recipes
from tests.e2e.conftest import Project, copy_project

RECIPES = recipes()
NAMES = ["A pooling", "A layer kind", "A data set", "A model", "A metric", "A stage"]
READS_PICTURES = {"download", "prepare", "extract", "zeroshot"}
UNGRIDDED = """
import dataclasses, numpy as np, torch, strata
from strata.models.networks import ImageOnly

class Halves(torch.nn.Module):
    preprocess_cfg, image_size = {}, 32
    def __init__(self):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 8, 8, 8)
        self.every_third = torch.nn.MaxPool1d(3)
        self.turned = torch.nn.Identity()
    def forward(self, image):
        tokens = self.patches(image).flatten(2)
        return self.turned(self.every_third(tokens).transpose(1, 2)).mean(1)

loaded = strata.load_model("models/demo-rn").loaded
loaded = dataclasses.replace(loaded, clip=ImageOnly(Halves()).eval(), image_size_px=32)
model = strata.Model(loaded, {})
seen = strata.tap(model, ["turned"], [np.zeros((32, 32, 3), np.uint8)])
print(seen["turned"].shape)
"""


def test_there_is_a_recipe_for_each_thing() -> None:
    assert list(RECIPES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_short(name: str) -> None:
    assert RECIPES[name].touched <= 3
    assert RECIPES[name].changed_lines <= 10


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_fits_the_files_as_they_are(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    for path, _ in recipe.diffs:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    for path, _ in recipe.files:
        assert not (ROOT / path).exists()
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    recipe.apply(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was run once. Only to be read."""
    project = copy_project(tmp_path_factory.mktemp("finished"))
    project.run("dvc", "repro")
    project.commit("results")
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    shutil.copytree(finished.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


def follow(recipe: Recipe, project: Project) -> list[str]:
    """Apply the recipe, run its commands, return the stages that ran."""
    recipe.apply(project.root)
    ran = []
    for command in recipe.commands:
        words = command.split()
        if words[:3] == ["dvc", "exp", "run"]:  # as a run in place: what it leaves is looked at
            project.choose(**dict(word.split("=", 1) for word in words[4::2]))
            words = ["dvc", "repro"]
        ran += project.run(*words).ran
    return ran


@pytest.mark.slow
def test_a_pooling_reads_no_picture_again(project: Project) -> None:
    ran = follow(RECIPES["A pooling"], project)
    assert {"pool", "retrieve", "summarize"} <= set(ran)
    assert not READS_PICTURES & set(ran)
    assert json.loads(project.read("metrics/retrieval.json"))["late"]["pooling"] == "mixed"
    said = "import numpy, strata; print(strata.pool(numpy.ones((1, 2, 3, 3)), 'mixed', normalize=False))"
    assert project.run("python", "-c", said).said == "[[1. 1.]]\n"


@pytest.mark.slow
def test_the_code_of_a_pooling_alone_runs_pool_again_and_no_stage_before_it(project: Project) -> None:
    RECIPES["A pooling"].apply(project.root)
    ran = project.run("dvc", "repro", "--dry").ran
    assert "pool" in ran
    assert not READS_PICTURES & set(ran)


@pytest.mark.slow
def test_a_layer_kind_is_read_as_a_map(project: Project) -> None:
    refused = project.run("python", "-c", UNGRIDDED, check=False)
    assert "no map, tokens or vector" in refused.said
    follow(RECIPES["A layer kind"], project)
    assert project.run("python", "-c", UNGRIDDED).said == "(1, 8, 1, 5)\n"


@pytest.mark.slow
def test_a_data_set_goes_through_every_stage(project: Project) -> None:
    ran = follow(RECIPES["A data set"], project)
    assert {"download", "prepare", "extract", "pool", "retrieve", "report"} <= set(ran)
    assert json.loads(project.read("metrics/headline.json"))["pictures_used"] == 12
    assert json.loads(project.read("metrics/retrieval.json"))["late"]["dataset"] == "squares"


@pytest.mark.slow
def test_a_model_is_one_yaml(project: Project) -> None:
    assert RECIPES["A model"].touched == 1
    assert "extract" in follow(RECIPES["A model"], project)
    assert json.loads(project.read("metrics/retrieval.json"))["late"]["model"] == "mine"


@pytest.mark.slow
def test_a_metric_is_scored_without_a_vector_made_again(project: Project) -> None:
    ran = follow(RECIPES["A metric"], project)
    assert "retrieve" in ran
    assert not {"extract", "pool", "reduce", "cluster"} & set(ran)
    late = json.loads(project.read("metrics/retrieval.json"))["late"]
    assert 0 < late["class_reciprocal_rank"] <= 1
    assert late["class_reciprocal_rank"] >= late["class_p_at_1"]


@pytest.mark.slow
def test_a_stage_runs_by_its_name_alone(project: Project) -> None:
    assert follow(RECIPES["A stage"], project) == ["hubs"]
    written = {path.name for path in (project.root / "data" / "hubs").iterdir()}
    assert written == {"stem.parquet", "late.parquet", "embedding.parquet", "checksums.tsv"}
    assert project.run("dvc", "repro").nothing_to_do
