"""Real photographs and real weights, where they are on this disk: STRATA_TEST_DATA names their folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from strata.base.errors import StrataError
from strata.extraction.run import Place, Request, extract
from strata.maps.features import read_layer_array
from strata.settings.params import ModelConf, Precision, Weights
from tests.extraction.conftest import PARAMS, read_folder

DATA = os.environ.get("STRATA_TEST_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="STRATA_TEST_DATA is not set")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in sorted((Path(str(DATA)) / "animals").glob("*.jpg"))[:24]:
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def real_weights() -> Path:
    return Path(str(DATA)) / "weights" / "mobilenetv2-inlabel"


def request_for(weights: Path, precision: Precision) -> Request:
    conf = ModelConf(
        title="real",
        architecture=None,
        weights=Weights(path=str(weights), tag=None, sha256=None, source=None),
        aliases={},
        image_only=False,
    )
    params = PARAMS.model_copy(update={"precision": precision})
    return Request("real", conf, ("trunk.conv_stem", "trunk.blocks.3", "embedding"), params, "whole")


def test_the_embedding_is_stock_open_clips(tmp_path: Path, pictures: Path, real_weights: Path) -> None:
    import open_clip

    extract(
        tmp_path / "out",
        read_folder(pictures),
        request_for(real_weights, "fp32"),
        Place(tmp_path / "s", batch=8),
    )
    ours = np.asarray(read_layer_array(tmp_path / "out", "embedding", "vector"))
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{real_weights}")
    model.eval()
    batch = torch.stack([transform(Image.open(path)) for path in sorted(pictures.glob("*.jpg"))])
    with torch.no_grad():
        theirs = model.encode_image(batch).numpy()
    cosine = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosine.min() >= 0.9999


def test_a_network_that_bf16_blurs_is_refused(tmp_path: Path, pictures: Path, real_weights: Path) -> None:
    """This one's narrow linear bottlenecks keep only a cosine of about 0.996."""
    with pytest.raises(StrataError, match=r"layer trunk\.blocks\.3: extract\.precision bf16 is not exact"):
        extract(
            tmp_path / "out", read_folder(pictures), request_for(real_weights, "bf16"), Place(tmp_path / "s")
        )
    assert not (tmp_path / "out").exists()
