"""A tiny network with random weights in open_clip's form, and a folder of small pictures as tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from strata.collection.tables import SCHEMAS, Tables, from_rows
from strata.extraction.network import Network, open_network
from strata.extraction.run import Place, Request
from strata.settings.params import ExtractParams, ModelConf, Weights

CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 1, "layers": 1},
}
LAYERS = ("conv1", "transformer.resblocks.0", "embedding")
PARAMS = ExtractParams(
    view="center_crop",
    image_size=None,
    pixel_norm="model",
    precision="fp32",
    decode="full",
    levels=3,
    position_l2=False,
    conv1_stride=None,
    gem_p=3.0,
)

Box = tuple[float, float, float, float]


def write_picture(path: Path, seed: int, size: tuple[int, int] = (48, 36)) -> None:
    noise = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path, quality=95)


def read_folder(folder: Path, boxes: dict[str, tuple[str, Box]] | None = None) -> Tables:
    """Tables of all JPEGs of a folder; ``boxes``: query_id -> picture and box."""
    images = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            width, height = image.size
        images.append(
            {
                "image_id": path.stem,
                "path": str(path),
                "width": width,
                "height": height,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "labels": [],
                "status": "ok",
            }
        )
    queries = [
        {
            "query_id": name,
            "image_id": image,
            "group": name,
            **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
        }
        for name, (image, box) in (boxes or {}).items()
    ]
    empty: Callable[[str], Any] = lambda name: SCHEMAS[name].empty_table()  # noqa: E731
    return Tables(
        from_rows("images", images), from_rows("queries", queries), empty("relevance"), empty("classes")
    )


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny-clip")
    torch.manual_seed(5)
    network = open_clip.CLIP(**CONFIG)
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    preprocess = {"mean": [0.5, 0.4, 0.3], "std": [0.3, 0.3, 0.3]}
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": CONFIG, "preprocess_cfg": preprocess})
    )
    return folder


@pytest.fixture
def request_of(weights: Path) -> Callable[..., Request]:
    """A request for the tiny network; keywords change the parameters."""

    def make(layers: tuple[str, ...] = LAYERS, query_view: Any = "whole", **changes: Any) -> Request:
        conf = ModelConf(
            title="tiny",
            architecture=None,
            weights=Weights(path=str(weights), tag=None, sha256=None, source=None),
            aliases={},
            image_only=False,
        )
        return Request("tiny", conf, layers, PARAMS.model_copy(update=changes), query_view)

    return make


def open_for(request: Request, batch: int | None, workers: int) -> Network:
    """The network of a request, on the CPU."""
    return open_network(
        request.conf,
        request.model,
        request.layers,
        request.params,
        device="cpu",
        batch=batch,
        workers=workers,
        hash_record=None,
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "store", batch=4, workers=2)


@pytest.fixture
def elsewhere(place: Place, tmp_path: Path) -> Place:
    """The same place with another, empty store."""
    return replace(place, store=tmp_path / "store-2")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """22 good pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(22):
        write_picture(folder / f"p{seed:02}.jpg", seed)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
