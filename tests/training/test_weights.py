"""Claims about the weights that are in the repository."""

from __future__ import annotations

from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import load_file

from training import captions as said
from training import towers

MODELS = Path(__file__).resolve().parents[2] / "models"


@pytest.fixture(params=towers.MODELS)
def folder(request: pytest.FixtureRequest) -> Path:
    return MODELS / str(request.param)


def test_weights_load_through_open_clip(folder: Path) -> None:
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(["a painting of a ship."])
    with torch.inference_mode():
        assert model.eval().encode_text(tokens).shape == (1, 128)
        assert model.encode_image(torch.zeros(1, 3, towers.IMAGE_PX, towers.IMAGE_PX)).shape == (1, 128)
    assert transform is not None


def test_weights_are_half_precision_and_small(folder: Path) -> None:
    state = load_file(folder / towers.WEIGHTS)
    assert {v.dtype for v in state.values() if v.is_floating_point()} == {torch.float16}
    assert all(torch.isfinite(v).all() for v in state.values())
    assert (folder / towers.WEIGHTS).stat().st_size < 10_000_000


def test_tokens_never_said_have_zero_rows(folder: Path) -> None:
    table = load_file(folder / towers.WEIGHTS)["token_embedding.weight"]
    known = towers.known_tokens(c.text for c in said.all_captions())
    filled = table.abs().sum(1) > 0
    assert torch.equal(filled.nonzero().ravel(), known)


def test_configuration_is_the_one_that_training_writes(folder: Path) -> None:
    import json

    assert json.loads((folder / towers.CONFIG).read_text()) == towers.model_config(folder.name)


@pytest.mark.slow
def test_demo_models_name_the_motifs(folder: Path, tmp_path: Path) -> None:
    from strata.demo.collection import DEFAULT_PICTURES, DEFAULT_SEED, write_collection
    from training.judge import zero_shot_accuracy
    from training.train import NEEDED

    write_collection(tmp_path, seed=DEFAULT_SEED, pictures=DEFAULT_PICTURES, damaged=False)
    accuracy = zero_shot_accuracy(folder, tmp_path)
    assert accuracy["motif"] >= NEEDED[folder.name]
    assert min(accuracy["medium"], accuracy["mood"]) >= 0.5  # chance is 0.25
