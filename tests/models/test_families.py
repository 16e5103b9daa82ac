"""Every family of towers that open_clip lists: its usual layers are those of its own pass."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import pytest
import timm
import torch
from open_clip.model import _build_vision_tower

from stages.settings import MODELS, model_conf
from strata.models.layers import forward_taps, resolve_layers
from strata.models.loading import LoadedModel
from strata.models.networks import ImageOnly, TimmTower
from strata.models.towers import derived_aliases
from strata.models.weights import TIMM
from tests.models.tiny_networks import load, write_network

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
USUAL = ("stem", "early", "middle", "late")
FAMILIES = {  # the smallest of each -> sides of its maps at its own size
    "RN50": (56, 56, 28, 7),
    "ViT-S-32-alt": (7, 7, 7, 7),
    "ViT-B-32-quickgelu": (7, 7, 7, 7),
    "ViT-L-14-CLIPA": (16, 16, 16, 16),
    "coca_ViT-B-32": (7, 7, 7, 7),
    "roberta-ViT-B-32": (7, 7, 7, 7),
    "xlm-roberta-base-ViT-B-32": (7, 7, 7, 7),
    "mt5-base-ViT-B-32": (7, 7, 7, 7),
    "nllb-clip-base": (7, 7, 7, 7),
    "nllb-clip-base-siglip": (24, 24, 24, 24),
    "ViT-B-16-SigLIP": (14, 14, 14, 14),
    "ViT-B-32-SigLIP2-256": (8, 8, 8, 8),
    "EVA02-B-16": (14, 14, 14, 14),
    "PE-Core-T-16-384": (24, 24, 24, 24),
    "ViTamin-S": (112, 14, 14, 14),
    "convnext_tiny": (56, 56, 28, 7),
    "MobileCLIP-S1": (64, 64, 32, 8),
    "MobileCLIP-B": (56, 14, 14, 14),
    "MobileCLIP2-S0": (64, 64, 32, 8),
    "swin_base_patch4_window7_224": (56, 56, 28, 7),
    "vit_medium_patch16_gap_256": (16, 16, 16, 16),
    "vit_relpos_medium_patch16_cls_224": (14, 14, 14, 14),
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """open_clip warns of every network without weights."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    yield
    logging.disable(level)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A loaded model to put other networks into."""
    return load(write_network(tmp_path_factory.mktemp("networks") / "vit", "vit"))


def network(name: str, folder: Path) -> Any:
    """open_clip's network with random weights; its text tower is a small one that needs no file of a hub."""
    config = open_clip.get_model_config(name)
    own = config["text_cfg"]
    if "hf_model_name" in own or "hf_tokenizer_name" in own:
        own = {"context_length": 16}
    text = {**own, "vocab_size": 128, "width": own.get("width", 64), "heads": 1, "layers": 1}
    content = {"model_cfg": {**config, "text_cfg": text}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(content), encoding="utf-8")
    torch.manual_seed(5)
    clip = open_clip.create_model(f"local-dir:{folder}", load_weights=False).eval().requires_grad_(False)
    for weight in clip.parameters():
        if weight.numel() <= 10_000:  # a layer's scale that starts at nearly zero hides its block
            weight += 0.02 * torch.randn_like(weight)
    return clip


def side_px(visual: Any) -> int:
    size = visual.image_size
    return size if isinstance(size, int) else int(size[0])


def block_of(path: str) -> int:
    """``trunk.blocks.5`` -> 5; a ResNet's ``layer2`` -> 2, behind its stem."""
    return int(path.rpartition(".")[2].removeprefix("layer"))


def intermediates(visual: Any, pixels: torch.Tensor, blocks: list[int]) -> list[torch.Tensor]:
    """The tower's own maps (B, C, H, W) after some blocks."""
    found = visual.forward_intermediates(pixels, indices=blocks)["image_intermediates"]
    assert len(found) == len(blocks)
    return list(found)


@torch.no_grad()
@pytest.mark.parametrize("name", FAMILIES)
def test_a_familys_layers_are_those_of_its_own_pass(name: str, tiny: LoadedModel, tmp_path: Path) -> None:
    clip = network(name, tmp_path)
    side = side_px(clip.visual)
    model = replace(tiny, clip=clip, image_size_px=side)
    pixels = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    taps = resolve_layers(model, [*USUAL, "embedding"], {})
    assert tuple(tap.height for tap in taps[:4]) == FAMILIES[name]
    assert tuple(tap.width for tap in taps[:4]) == FAMILIES[name]
    seen = forward_taps(model, pixels, taps)
    own = intermediates(clip.visual, pixels, [block_of(tap.module) for tap in taps[1:4]])
    for layer, expected in zip(USUAL[1:], own, strict=True):
        found = seen[layer].map
        assert found is not None
        assert expected.std() > 0
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert seen["embedding"].vector is not None
    torch.testing.assert_close(seen["embedding"].vector, clip.encode_image(pixels, normalize=False))


def without_values(visual: Any, tiny: LoadedModel) -> LoadedModel:
    """A tower that has shapes alone, of any size at no cost."""
    clip = ImageOnly(visual.eval())
    return replace(tiny, clip=clip, image_size_px=side_px(visual), device=torch.device("meta"))


def shapes_of(name: str) -> Any:
    """The image tower of an open_clip architecture or a timm network, without values."""
    with torch.device("meta"):
        if name.startswith(TIMM):
            trunk = timm.create_model(name.removeprefix(TIMM), num_classes=0)
            return TimmTower(trunk, trunk.default_cfg["input_size"][-1], {})
        config = open_clip.get_model_config(name)
        return _build_vision_tower(config["embed_dim"], config["vision_cfg"], bool(config.get("quick_gelu")))


TOWERS = {
    json.dumps([config["embed_dim"], config["vision_cfg"]], sort_keys=True): name
    for name in reversed(open_clip.list_models())
    if (config := open_clip.get_model_config(name))
}


@pytest.mark.parametrize("name", sorted(TOWERS.values()))
def test_every_tower_that_open_clip_lists_has_the_usual_layers(name: str, tiny: LoadedModel) -> None:
    taps = resolve_layers(without_values(shapes_of(name), tiny), [*USUAL, "embedding"], {})
    assert [tap.kind for tap in taps] == ["map"] * 4 + ["vector"]
    assert all(tap.height == tap.width >= 4 for tap in taps[:4])
    heights = [tap.height for tap in taps[:4]]
    assert heights == sorted(heights, reverse=True)


OTHERS = {"demo-rn", "demo-vit", "local", "open_clip", "demo-rn-linear-stem", "rn50-linear-stem"}


@pytest.mark.parametrize("name", sorted({path.stem for path in (ROOT / MODELS).glob("*.yaml")} - OTHERS))
def test_the_aliases_of_a_published_model_are_the_derived_ones(
    name: str, tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    conf = model_conf(name)
    assert conf.architecture is not None
    model = without_values(shapes_of(conf.architecture), tiny)
    assert not conf.aliases or conf.aliases == derived_aliases(model.visual)
    assert len(resolve_layers(model, [*USUAL, "embedding"], conf.aliases)) == 5
