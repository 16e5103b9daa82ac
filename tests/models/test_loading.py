"""Models load through open_clip's own path, exactly the file that was meant, or say in one line why not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import image_transform
from PIL import Image
from safetensors.torch import load_file, save_file

from stages.settings import model_conf
from strata.base.errors import StrataError
from strata.base.hashing import sha256_file
from strata.base.locks import first_seen
from strata.models import weights
from strata.models.layers import forward_taps, resolve_layers
from strata.models.loading import load_model, normalise, pick_device
from strata.models.networks import LINEAR_STEM
from strata.settings.params import ModelConf
from tests.models.tiny_networks import PREPROCESS, conf_of, load, write_network

ROOT = Path(__file__).resolve().parents[2]
HUB_MODELS = [
    "rn50",
    "vit-b-32",
    "vit-b-16",
    "vit-l-14",
    "laion2b-vit-b-32",
    "laion2b-vit-l-14",
    "siglip-vit-b-16",
    "siglip2-vit-b-16",
    "siglip2-vit-so400m-14",
    "pe-core-b-16",
    "pe-core-l-14",
    "mobileclip2-s0",
    "mobileclip2-s4",
    "metaclip-vit-b-16",
    "metaclip-vit-l-14",
    "eva02-vit-b-16",
    "eva02-vit-l-14",
]
TIMM_MODELS = ["dinov2-vit-b-14", "dinov3-vit-s-16", "dinov3-vit-b-16"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("models") / "a tiny [ViT], größer", "vit")


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("models") / "rn", "rn")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_hub_unreachable", lambda: True)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A hub that has one file, whatever is asked for."""
    file = tmp_path / "hub.safetensors"
    monkeypatch.setattr(weights, "_download", lambda repository, name, offline: file)
    return file


def test_a_folder_loads_with_what_its_config_says(folder: Path) -> None:
    model = load(folder)
    assert model.image_size_px == 32
    assert model.mean == pytest.approx(tuple(PREPROCESS["mean"]))
    assert model.fill == (102, 128, 153)
    assert model.sha256 == sha256_file(folder / "open_clip_model.safetensors")
    assert model.logit_scale == pytest.approx(float(model.clip.logit_scale.exp()))
    assert model.logit_bias is None
    assert not model.clip.training


def test_it_is_open_clips_own_forward_pass_on_open_clips_own_pixels(folder: Path) -> None:
    """uint8 normalised on the device against ToTensor + Normalize, then both through encode_image."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
    stock = open_clip.create_model(f"local-dir:{folder}").eval()
    transform = image_transform(32, is_train=False, mean=PREPROCESS["mean"], std=PREPROCESS["std"])
    expected = stock.encode_image(transform(picture)[None])
    model = load(folder)
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    assert torch.allclose(normalise(pixels, model), transform(picture)[None], atol=1e-6)
    assert torch.allclose(model.clip.encode_image(normalise(pixels, model)), expected, atol=1e-5)


def test_without_pixel_norm_pixels_are_only_divided(folder: Path) -> None:
    pixels = torch.arange(3 * 32 * 32, dtype=torch.uint8).reshape(1, 3, 32, 32)
    assert torch.equal(normalise(pixels, load(folder), "none"), pixels / 255)


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_precision_casts_the_weights(folder: Path, precision: str, dtype: torch.dtype) -> None:
    model = load(folder, precision=precision)
    pixels = torch.full((2, 3, 32, 32), 90, dtype=torch.uint8)
    seen = model.clip.encode_image(normalise(pixels, model))
    assert seen.dtype == dtype
    exact = load(folder)
    expected = exact.clip.encode_image(normalise(pixels, exact))
    assert torch.nn.functional.cosine_similarity(seen.float(), expected).min() >= 0.999
    assert model.logit_scale == exact.logit_scale


@pytest.mark.parametrize("size_px", [48, 24])
def test_another_size_interpolates_a_vits_positions_as_open_clip_does(folder: Path, size_px: int) -> None:
    model = load(folder, image_size_px=size_px)
    stock = open_clip.create_model(f"local-dir:{folder}", force_image_size=size_px).eval()
    pixels = normalise(torch.randint(0, 255, (1, 3, size_px, size_px), dtype=torch.uint8), model)
    assert model.image_size_px == size_px
    assert torch.allclose(model.clip.encode_image(pixels), stock.encode_image(pixels), atol=1e-6)


def test_another_size_of_weights_stored_in_half_precision(folder: Path, tmp_path: Path) -> None:
    """torch interpolates no float16 on a CPU; OpenAI's and the demo's weights are stored so."""
    half = shutil.copytree(folder, tmp_path / "half")
    weights_file = half / "open_clip_model.safetensors"
    stored = {name: v.half() if v.is_floating_point() else v for name, v in load_file(weights_file).items()}
    save_file(stored, weights_file)
    model = load(half, image_size_px=48)
    assert model.clip.encode_image(torch.zeros(1, 3, 48, 48)).shape == (1, 24)


@pytest.mark.parametrize("size_px", [96, 50, 64])
def test_another_size_interpolates_a_resnets_attention_pool(resnet: Path, size_px: int) -> None:
    native, model = load(resnet), load(resnet, image_size_px=size_px)
    pixels = normalise(torch.randint(0, 255, (2, 3, size_px, size_px), dtype=torch.uint8), model)
    assert model.clip.encode_image(pixels).shape == (2, 24)
    old, new = (m.visual.attnpool.positional_embedding for m in (native, model))  # type: ignore[union-attr]
    assert torch.equal(old[0], new[0])
    assert len(new) == (size_px // 32) ** 2 + 1
    if size_px == 64:
        assert torch.equal(old, new)


def test_a_resnet_refuses_fewer_pixels_than_its_stride(resnet: Path) -> None:
    with pytest.raises(StrataError, match="at least 32 pixels"):
        load(resnet, image_size_px=16)


def test_a_linear_stem_is_the_sequence_of_convolutions_and_batch_norms(resnet: Path) -> None:
    model = load_model(conf_of(resnet, linear_stem=True), device="cpu")
    visual: Any = load(resnet).visual
    pixels = torch.rand(1, 3, 64, 64)
    expected = pixels
    for name in LINEAR_STEM:
        expected = getattr(visual, name)(expected)
    taps = resolve_layers(model, ["stem"], {"stem": "bn3"})
    seen = forward_taps(model, pixels, taps)["stem"].map
    assert seen is not None
    assert torch.allclose(seen, expected, atol=1e-5)
    assert seen.min() < 0
    assert seen.shape == (1, 8, 32, 32)


def test_behind_a_linear_stem_nothing_can_be_asked_for(resnet: Path) -> None:
    model = load_model(conf_of(resnet, linear_stem=True), device="cpu")
    for layer in ("layer1", "avgpool", "embedding"):
        with pytest.raises(StrataError, match=r"without its ReLUs .* ask for: conv1, bn1"):
            resolve_layers(model, [layer], {})


def test_a_vit_has_no_linear_stem(folder: Path) -> None:
    with pytest.raises(StrataError, match="linear_stem is for CLIP's ResNets"):
        load_model(conf_of(folder, linear_stem=True), device="cpu")


def test_a_dense_stride_changes_the_patch_convolution_only(folder: Path) -> None:
    assert load(folder, conv1_stride=3).visual.conv1.stride == (3, 3)  # type: ignore[union-attr]


def test_a_dense_stride_without_a_patch_convolution_is_refused(resnet: Path) -> None:
    with pytest.raises(StrataError, match="no patch convolution"):
        load(resnet, conv1_stride=3)


def test_a_sigmoid_model_has_a_bias(tmp_path: Path) -> None:
    model = load(write_network(tmp_path / "siglip", "vit", init_logit_bias=-10))
    assert model.logit_bias == pytest.approx(-10, abs=0.1)


def test_the_tokenizer_has_the_models_context(folder: Path) -> None:
    assert load(folder).tokenizer()(["a cat"]).shape == (1, 16)


def test_a_weights_file_needs_and_uses_the_architecture(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"nothing")
    with pytest.raises(StrataError, match="architecture must say"):
        load_model(conf_of(file), device="cpu")
    with pytest.raises(StrataError, match="cannot be loaded as ViT-S-32-alt"):
        load_model(conf_of(file, architecture="ViT-S-32-alt"), device="cpu")


def test_pickled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "touched",)  # type: ignore[return-value]

    shutil.copy(folder / "open_clip_config.json", tmp_path)
    torch.save({"state_dict": Hostile()}, tmp_path / "model.bin")
    with pytest.raises(StrataError, match="pickles are refused"):
        load(tmp_path)
    assert not (tmp_path / "touched").exists()


def test_weights_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "x")
    state = load_file(tmp_path / "x/open_clip_model.safetensors")
    state.pop("visual.ln_post.weight")
    save_file(state, tmp_path / "x/open_clip_model.safetensors")
    with pytest.raises(StrataError, match="cannot be loaded") as caught:
        load(tmp_path / "x")
    assert "\n" not in str(caught.value)


def test_a_missing_folder_says_where_it_comes_from(tmp_path: Path) -> None:
    conf = conf_of(tmp_path / "gone", source="python -m training.train")
    with pytest.raises(StrataError, match=r"gone: no such file .* python -m training\.train"):
        load_model(conf, device="cpu", name="mine")


def test_a_folder_without_config_or_with_several_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"no open_clip_config\.json"):
        load(tmp_path)
    shutil.copy(folder / "open_clip_config.json", tmp_path)
    with pytest.raises(StrataError, match="found none"):
        load(tmp_path)
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).touch()
    with pytest.raises(StrataError, match=r"found a\.safetensors, b\.safetensors"):
        load(tmp_path)


def test_openai_weights_in_a_network_without_quickgelu_are_an_error() -> None:
    with pytest.raises(StrataError, match="use architecture: ViT-B-32-quickgelu"):
        load_model(conf_of(None, architecture="ViT-B-32", tag="openai"), device="cpu")
    with pytest.raises(StrataError, match="use architecture: RN50-quickgelu"):
        load_model(conf_of(None, architecture="RN50", tag="openai"), device="cpu")


def test_quickgelu_is_checked_for_a_weights_file_too(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").touch()
    conf = conf_of(tmp_path / "w.safetensors", architecture="ViT-B-32", tag="openai")
    with pytest.raises(StrataError, match="QuickGELU"):
        load_model(conf, device="cpu")


@pytest.mark.parametrize(
    ("architecture", "tag", "reason"),
    [
        ("ViT-B-33", "openai", "no architecture 'ViT-B-33'; near it are: ViT-B-32, "),
        ("ViT-B-32", "closedai", "no weights 'closedai' for ViT-B-32; near it are: openai, "),
    ],
)
def test_unknown_architectures_and_tags_are_refused(architecture: str, tag: str, reason: str) -> None:
    with pytest.raises(StrataError, match=reason):
        load_model(conf_of(None, architecture=architecture, tag=tag), device="cpu", name="x")


@pytest.mark.parametrize("name", [*HUB_MODELS, *TIMM_MODELS])
@pytest.mark.usefixtures("offline")
def test_without_network_the_error_says_which_file_to_put_where(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.chdir(ROOT)
    with pytest.raises(StrataError) as caught:
        load_model(model_conf(name), device="cpu", name=name)
    line = str(caught.value)
    assert line.startswith(f"conf/models/{name}.yaml: ")
    assert "safetensors" in line
    assert "weights.path" in line
    assert "model=local" in line
    assert "\n" not in line


@pytest.mark.parametrize("name", HUB_MODELS)
def test_the_published_models_agree_with_open_clips_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    conf: ModelConf = model_conf(name)
    entry = weights.tag_entry(conf, name)
    assert entry is not None
    assert entry["hf_hub"]


def test_a_pinned_hash_is_checked_before_anything_is_loaded(folder: Path) -> None:
    right = sha256_file(folder / "open_clip_model.safetensors")
    assert load_model(conf_of(folder, sha256=right), device="cpu").sha256 == right
    with pytest.raises(StrataError, match=r"conf/models/tiny\.yaml pins 0{64}"):
        load_model(conf_of(folder, sha256="0" * 64), device="cpu", name="tiny")


def test_the_first_download_is_recorded_and_a_later_change_is_an_error(hub: Path, tmp_path: Path) -> None:
    conf, record = (
        conf_of(None, architecture="ViT-B-32", tag="laion2b_s34b_b79k"),
        tmp_path / "store/weights.tsv",
    )
    hub.write_bytes(b"first")
    found = weights.find_weights(conf, "x")
    first = weights.check_hash(found, conf, "x", record)
    assert first_seen(record, "ViT-B-32:laion2b_s34b_b79k") == first
    assert weights.check_hash(found, conf, "x", record) == first
    hub.write_bytes(b"another")
    with pytest.raises(
        StrataError, match=r"the hub's file has changed; to accept it delete the line in .*weights\.tsv"
    ):
        weights.check_hash(found, conf, "x", record)


def test_your_own_folder_may_change(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    record = tmp_path / "weights.tsv"
    before = load(own, hash_record=record).sha256
    state = load_file(own / "open_clip_model.safetensors")
    state["logit_scale"] += 1
    save_file(state, own / "open_clip_model.safetensors")
    assert load(own, hash_record=record).sha256 != before


@pytest.mark.parametrize("size_px", [None, 96])
def test_an_image_only_network_comes_from_timm_and_has_no_tokenizer(
    tmp_path: Path, size_px: int | None
) -> None:
    import timm

    torch.manual_seed(0)
    trunk = timm.create_model("test_vit", num_classes=0)
    save_file(trunk.state_dict(), tmp_path / "dino.safetensors")
    conf = conf_of(tmp_path / "dino.safetensors", architecture="timm/test_vit", image_only=True)
    model = load_model(conf, device="cpu", image_size_px=size_px)
    pixels = torch.zeros(1, 3, model.image_size_px, model.image_size_px)
    assert model.image_size_px == (size_px or 160)
    if size_px is None:
        assert torch.allclose(model.clip.encode_image(pixels), trunk.eval()(pixels), atol=1e-6)
    assert model.clip.encode_image(pixels).shape == (1, 64)
    with pytest.raises(StrataError, match="no text tower"):
        model.tokenizer()


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(StrataError, match="device 'abacus' cannot be used"):
        pick_device("abacus")
