"""Taps of a list of pictures are what open_clip computes, whatever form picture and model come in."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

import strata
from strata.base.errors import StrataError
from strata.models.weights import CONFIG

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def model() -> strata.Model:
    return strata.load_model(ROOT / "models" / "demo-vit")


def noise(seed: int, height: int = 70, width: int = 110) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_embedding_is_that_of_open_clip(model: strata.Model) -> None:
    clip, _, transform = open_clip.create_model_and_transforms(f"local-dir:{ROOT / 'models' / 'demo-vit'}")
    clip.eval()
    pictures = [noise(1), noise(2)]
    with torch.no_grad():
        wanted = clip.encode_image(torch.stack([transform(Image.fromarray(one)) for one in pictures]))
    found = strata.tap(model, ["embedding"], pictures)["embedding"]
    assert found.dtype == np.float32
    cosine = torch.nn.functional.cosine_similarity(torch.from_numpy(found), wanted)
    assert cosine.min() > 0.999


def test_maps_are_channels_first_and_vectors_flat(model: strata.Model) -> None:
    seen = strata.tap(model, ["stem", "late", "embedding"], [noise(1)] * 3)
    side = model.taps(["late"])[0].height
    assert {name: values.ndim for name, values in seen.items()} == {"stem": 4, "late": 4, "embedding": 2}
    assert seen["late"].shape == (3, model.taps(["late"])[0].channels, side, side)


def test_batches_change_no_order(model: strata.Model) -> None:
    pictures = [noise(seed) for seed in range(5)]
    alone = np.concatenate([strata.tap(model, ["late"], [one])["late"] for one in pictures])
    np.testing.assert_allclose(strata.tap(model, ["late"], pictures, batch=2)["late"], alone, atol=1e-4)


def test_a_picture_is_the_same_as_file_bytes_image_and_array(model: strata.Model, tmp_path: Path) -> None:
    picture, stream = noise(3), io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    forms = [
        picture,
        Image.fromarray(picture),
        stream.getvalue(),
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
    ]
    seen = strata.tap(model, ["embedding"], forms)["embedding"]
    np.testing.assert_allclose(seen, np.broadcast_to(seen[:1], seen.shape), atol=1e-5)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I;16"])
def test_a_pillow_image_of_any_mode_is_a_picture(model: strata.Model, mode: str) -> None:
    image = Image.new(mode, (40, 30))
    assert np.isfinite(strata.tap(model, ["embedding"], [image])["embedding"]).all()


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.zeros((4, 4), np.uint8), r"\(H, W, 3\) uint8, not \(4, 4\) uint8"),
        (np.zeros((4, 4, 3)), r"not \(4, 4, 3\) float64"),
        ("no such file.png", "no such file.png: No such file"),
        (b"words", "not a picture"),
        (Image.new("F", (4, 4)), "floating-point pixels have no agreed range"),
        (Image.new("HSV", (4, 4)), "a Pillow image of mode HSV: cannot write mode HSV"),
    ],
)
def test_what_is_no_picture_is_one_line(model: strata.Model, picture: object, said: str) -> None:
    with pytest.raises(StrataError, match=said):
        strata.tap(model, ["embedding"], [picture])


def test_nothing_to_tap_is_one_line(model: strata.Model) -> None:
    with pytest.raises(StrataError, match="at least one layer and one picture"):
        strata.tap(model, ["embedding"], [])


def test_an_unknown_layer_lists_those_that_exist(model: strata.Model) -> None:
    with pytest.raises(StrataError, match=r"no layer 'latest'; there are: embedding, stem"):
        strata.tap(model, ["latest"], [noise(1)])


def test_folder_yaml_and_architecture_with_a_weights_file_are_one_model() -> None:
    by_folder = strata.load_model("models/demo-rn")
    by_yaml = strata.load_model("conf/models/demo-rn.yaml")
    assert by_folder.loaded.sha256 == by_yaml.loaded.sha256
    assert [tap.module for tap in by_folder.taps(["late"])] == [tap.module for tap in by_yaml.taps(["late"])]


def test_a_name_open_clip_lacks_is_one_line() -> None:
    with pytest.raises(StrataError, match="open_clip knows no architecture 'ViT-Q'"):
        strata.load_model("ViT-Q", "openai")


def test_a_folder_without_a_description_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=f"no {CONFIG} in this folder"):
        strata.load_model(tmp_path)


def test_a_yaml_that_is_not_there_is_one_line() -> None:
    with pytest.raises(StrataError, match=r"conf/models/none\.yaml: no such file"):
        strata.load_model("conf/models/none.yaml")
