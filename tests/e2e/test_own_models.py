"""Models of one's own: a copied file, weights that change, a pair of open_clip's; nothing else is needed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import open_clip
import pytest
from ruamel.yaml import YAML
from safetensors.torch import save_file

if TYPE_CHECKING:
    from conftest import Project

pytestmark = pytest.mark.slow


def test_a_copied_model_runs(project: Project) -> None:
    shutil.copy(project.root / "conf/models/demo-rn.yaml", project.root / "conf/models/mine.yaml")
    result = project.run("dvc", "exp", "run", "-S", "model=mine")
    assert " 0 views computed" in result.line("extract")
    assert project.run("dvc", "repro").nothing_to_do
    assert project.run("dvc", "exp", "run", "-S", "model=demo-rn").ran == ["check"], "back from the cache"


def test_changed_weights_of_ones_own_are_noticed(project: Project, tmp_path: Path) -> None:
    own = shutil.copytree(project.root / "models/demo-vit", tmp_path / "own")
    setting = f"conf/paths/local.yaml:path={own}"
    first = project.run("dvc", "exp", "run", "-S", "model=local", "-S", setting)
    assert first.ran[:3] == ["check", "local", "extract"]
    assert project.run("dvc", "repro").ran == ["local"], "nothing changed: the look alone"
    for file in (project.root / "models/demo-rn").iterdir():
        shutil.copy(file, own / file.name)
    second = project.run("dvc", "repro")
    assert second.ran[:2] == ["local", "extract"]
    assert " 0 views computed" in second.line("extract"), "demo-rn's, from the store"


def test_a_pair_of_open_clips_runs_and_another_is_noticed(project: Project, tmp_path: Path) -> None:
    """Random weights in place of the published ones, which are not on this disk."""
    file = tmp_path / "random.safetensors"
    network = open_clip.create_model("ViTamin-S", load_weights=False)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, file)
    yaml, conf = YAML(), project.root / "conf/models/open_clip.yaml"
    content = yaml.load(conf)
    content["weights"]["path"] = str(file)
    yaml.dump(content, conf)
    typed = [f"conf/paths/open_clip.yaml:{it}" for it in ("architecture=ViTamin-S", "pretrained=datacomp1b")]
    result = project.run("dvc", "exp", "run", "-S", "model=open_clip", "-S", typed[0], "-S", typed[1])
    assert result.ran[:2] == ["check", "extract"]
    assert "ViTamin-S (datacomp1b)" in project.read("report/index.html").decode()
    assert project.run("dvc", "repro").nothing_to_do
    project.edit("conf/paths/open_clip.yaml", "datacomp1b", "nothing")
    refused = project.run("dvc", "repro", check=False)
    assert "open_clip lists no weights 'nothing' for ViTamin-S; near it are: datacomp1b" in refused.said
    project.edit("conf/paths/open_clip.yaml", "ViTamin-S", "ViTamin-B")
    project.edit("conf/paths/open_clip.yaml", "nothing", "datacomp1b")
    another = project.run("dvc", "repro", check=False)
    assert another.ran == ["check", "extract"]
    assert "cannot be loaded as ViTamin-B" in another.said
