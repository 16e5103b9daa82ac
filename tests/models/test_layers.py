"""Taps see what a plain forward pass computes, stop at the deepest, and fail early on names that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import Transformer, VisionTransformer
from timm.models.vision_transformer import VisionTransformer as TimmVit
from torch import nn

from stages.settings import model_conf
from strata.base.errors import StrataError
from strata.models.layers import Activation, forward_taps, resolve_layers
from strata.models.loading import LoadedModel, load_model, normalise
from strata.models.networks import ImageOnly, TimmTower, patch_convolution
from strata.models.positions import overlap_patches
from tests.models.tiny_networks import load, write_network

ROOT = Path(__file__).resolve().parents[2]
SAME = {"fp32": 0.9999, "bf16": 0.999}
Outputs = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("networks")
    return lambda kind: root / kind if (root / kind).is_dir() else write_network(root / kind, kind)


def images(model: LoadedModel, count: int = 3) -> torch.Tensor:
    side = model.image_size_px
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)
    return normalise(pixels, model)


def taken(model: LoadedModel, *names: str, aliases: dict[str, str] | None = None) -> dict[str, Activation]:
    return forward_taps(model, images(model), resolve_layers(model, names, aliases or {}))


def assert_same(seen: torch.Tensor | None, expected: torch.Tensor, least: float = SAME["fp32"]) -> None:
    assert seen is not None
    assert seen.shape == expected.shape
    cosine = nn.functional.cosine_similarity(seen.float().flatten(1), expected.float().flatten(1))
    assert cosine.min() >= least


def tokens_of(tokens: torch.Tensor, grid: int, prefix: int) -> torch.Tensor:
    """(B, prefix + grid * grid, C) -> (B, C, grid, grid), by a loop."""
    result = torch.empty(tokens.shape[0], tokens.shape[2], grid, grid, dtype=tokens.dtype)
    for row in range(grid):
        for column in range(grid):
            result[:, :, row, column] = tokens[:, prefix + row * grid + column]
    return result


def plain_resnet(v: ModifiedResNet, x: torch.Tensor) -> Outputs:
    conv1 = v.conv1(x)
    bn1 = v.bn1(conv1)
    conv2 = v.conv2(bn1.relu())
    conv3 = v.conv3(v.bn2(conv2).relu())
    stem = v.avgpool(v.bn3(conv3).relu())
    early = v.layer1(stem)
    middle = v.layer2(early)
    late = v.layer4(v.layer3(middle))
    return {
        "conv1": conv1,
        "bn1": bn1,
        "conv2": conv2,
        "conv3": conv3,
        "stem": stem,
        "early": early,
        "middle": middle,
        "late": late,
        "embedding": v.attnpool(late),
    }


def plain_vit(v: VisionTransformer, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The patch convolution's output and the tokens after every block."""
    conv1 = v.conv1(x)
    tokens = torch.cat([v.class_embedding.expand(len(x), 1, -1), conv1.flatten(2).transpose(1, 2)], dim=1)
    tokens = v.ln_pre(tokens + v.positional_embedding)
    after = []
    for block in v.transformer.resblocks:
        tokens = block(tokens)
        after.append(tokens)
    return conv1, after


@torch.no_grad()
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resnets_layers_are_those_of_a_plain_pass(folders: Callable[[str], Path], precision: str) -> None:
    exact, model = load(folders("rn")), load(folders("rn"), precision=precision)
    expected = plain_resnet(exact.visual, images(exact))  # type: ignore[arg-type]
    for name, seen in taken(model, *expected).items():
        found = seen.vector if name == "embedding" else seen.map
        assert_same(found, expected[name], SAME[precision])
        assert seen.cls is None


@torch.no_grad()
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_vits_layers_are_those_of_a_plain_pass(folders: Callable[[str], Path], precision: str) -> None:
    exact, model = load(folders("vit")), load(folders("vit"), precision=precision)
    conv1, after = plain_vit(exact.visual, images(exact))  # type: ignore[arg-type]
    seen = taken(model, "conv1", "stem", "early", "middle", "late", "transformer.resblocks.2", "embedding")
    least = SAME[precision]
    assert_same(seen["conv1"].map, conv1, least)
    assert_same(seen["stem"].map, conv1, least)
    for name, block in (("early", 0), ("middle", 1), ("transformer.resblocks.2", 2), ("late", 3)):
        assert_same(seen[name].map, tokens_of(after[block], 4, 1), least)
        assert_same(seen[name].cls, after[block][:, 0], least)
    pooled = exact.visual.ln_post(after[-1])[:, 0] @ exact.visual.proj  # type: ignore[operator]
    assert_same(seen["embedding"].vector, pooled, least)
    assert_same(seen["embedding"].vector, exact.clip.encode_image(images(exact)), least)


@torch.no_grad()
def test_blocks_agree_with_open_clips_own_intermediates(folders: Callable[[str], Path]) -> None:
    model = load(folders("vit"))
    found = model.visual.forward_intermediates(images(model), output_extra_tokens=True)  # type: ignore[operator]
    names = [f"transformer.resblocks.{block}" for block in range(4)]
    for block, seen in enumerate(taken(model, *names).values()):
        assert_same(seen.map, found["image_intermediates"][block])
        assert_same(seen.cls, found["image_intermediates_prefix"][block][:, 0])


@torch.no_grad()
def test_a_timm_cnns_layers_with_and_without_the_trunk_prefix(folders: Callable[[str], Path]) -> None:
    model = load(folders("cnn"))
    trunk = model.visual.trunk  # type: ignore[union-attr]
    stem = trunk.conv_stem(images(model))  # type: ignore[operator]
    x = trunk.bn1(stem)  # type: ignore[operator]
    blocks = []
    for block in trunk.blocks:  # type: ignore[union-attr]
        x = block(x)
        blocks.append(x)
    seen = taken(model, "stem", "conv1", "blocks.1", "trunk.blocks.1", "late", "embedding")
    assert_same(seen["stem"].map, stem)
    assert_same(seen["conv1"].map, stem)
    assert_same(seen["blocks.1"].map, blocks[1])
    assert_same(seen["trunk.blocks.1"].map, blocks[1])
    assert_same(seen["late"].map, blocks[-1])
    assert_same(seen["embedding"].vector, model.visual(images(model)))


def timm_vit(folders: Callable[[str], Path], **options: object) -> LoadedModel:
    """A timm transformer of 32 pixels, patches of 8, without text."""
    torch.manual_seed(3)
    sizes = {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "num_classes": 0}
    trunk = TimmVit(**{**sizes, **options}).eval()
    return replace(load(folders("vit")), clip=ImageOnly(TimmTower(trunk, 32, {})).eval(), image_only=True)


@torch.no_grad()
@pytest.mark.parametrize(
    ("options", "prefix"),
    [
        ({"class_token": True}, 1),
        ({"class_token": True, "reg_tokens": 4}, 5),
        ({"class_token": False, "global_pool": "map"}, 0),
        ({"class_token": False, "reg_tokens": 2, "global_pool": "avg"}, 2),
    ],
    ids=["class token", "class token and registers", "none, as SigLIP", "registers alone"],
)
def test_prefix_tokens_never_enter_the_map(
    folders: Callable[[str], Path], options: dict[str, object], prefix: int
) -> None:
    model = timm_vit(folders, **options)
    trunk = model.visual.trunk  # type: ignore[union-attr]
    tokens = trunk.norm_pre(trunk._pos_embed(trunk.patch_embed(images(model))))  # type: ignore[operator]
    tokens = trunk.blocks[0](tokens)  # type: ignore[index]
    seen = taken(model, "blocks.0", "patch_embed", "embedding")
    assert tokens.shape[1] == prefix + 16
    assert_same(seen["blocks.0"].map, tokens_of(tokens, 4, prefix))
    assert_same(seen["patch_embed"].map, trunk.patch_embed.proj(images(model)))  # type: ignore[union-attr]
    if options["class_token"]:
        assert_same(seen["blocks.0"].cls, tokens[:, 0])
    else:
        assert seen["blocks.0"].cls is None
    assert_same(seen["embedding"].vector, trunk(images(model)))  # type: ignore[operator]


def test_a_hybrids_tokens_lie_on_the_grid_behind_its_convolutions(folders: Callable[[str], Path]) -> None:
    """Its patches are 1 x 1 positions of a map of 14 x 14; shapes alone, nothing is computed."""
    with torch.device("meta"):
        trunk = timm.create_model("vit_base_mci_224", num_classes=0).eval()
    clip = ImageOnly(TimmTower(trunk, 224, {}))
    model = replace(load(folders("vit")), clip=clip, image_size_px=224, device=torch.device("meta"))
    (early,) = resolve_layers(model, ["early"], {})
    assert (early.height, early.width, early.has_cls) == (14, 14, True)
    with pytest.raises(StrataError, match="no patch convolution"):
        patch_convolution(model.visual)


@torch.no_grad()
def test_sequences_that_come_first_are_turned(folders: Callable[[str], Path]) -> None:
    model, other = load(folders("vit")), load(folders("vit"))
    visual: VisionTransformer = other.visual  # type: ignore[assignment]
    turned = Transformer(32, 4, 2, 4.0, batch_first=False).eval()
    turned.load_state_dict(visual.transformer.state_dict())
    visual.transformer = turned
    here, there = taken(model, "late", "early"), taken(other, "late", "early")
    for name in here:
        expected_map, expected_cls = here[name].map, here[name].cls
        assert expected_map is not None
        assert expected_cls is not None
        assert_same(there[name].map, expected_map)
        assert_same(there[name].cls, expected_cls)


@torch.no_grad()
def test_an_output_that_is_rectified_in_place_later_is_copied(folders: Callable[[str], Path]) -> None:
    model = load(folders("rn"))
    taps = {tap.name: tap for tap in resolve_layers(model, ["bn1", "conv1", "layer1.0.bn3", "late"], {})}
    assert taps["bn1"].clone
    assert taps["layer1.0.bn3"].clone
    assert not taps["conv1"].clone
    assert not taps["late"].clone
    seen = forward_taps(model, images(model), taps.values())
    assert seen["bn1"].map is not None
    assert (seen["bn1"].map < 0).any()


@pytest.mark.parametrize(
    ("kind", "deepest", "behind"),
    [
        ("vit", "transformer.resblocks.1", "transformer.resblocks.2"),
        ("vit", "conv1", "ln_pre"),
        ("rn", "layer2", "layer3"),
        ("rn", "conv2", "bn2"),
        ("cnn", "blocks.1", "trunk.blocks.2"),
    ],
)
def test_the_pass_stops_at_the_deepest_layer(
    folders: Callable[[str], Path], kind: str, deepest: str, behind: str
) -> None:
    model = load(folders(kind))
    calls = []
    modules = dict(model.visual.named_modules())
    modules[behind].register_forward_hook(lambda *_: calls.append(behind))
    taps = resolve_layers(model, [deepest, "stem"] if deepest != "conv1" else [deepest], {})
    if kind == "rn" and deepest == "conv2":
        taps = taps[:1]
    calls.clear()
    forward_taps(model, images(model), taps)
    assert calls == []
    forward_taps(model, images(model), resolve_layers(model, ["embedding"], {}))
    assert calls


def test_hooks_are_gone_afterwards_even_if_the_pass_fails(folders: Callable[[str], Path]) -> None:
    model = load(folders("vit"))
    taps = resolve_layers(model, ["late"], {})
    with pytest.raises(RuntimeError):
        forward_taps(model, torch.zeros(1, 4, 32, 32), taps)
    assert not any(module._forward_hooks for module in model.visual.modules())


def test_a_network_that_cannot_run_at_its_size_says_so(folders: Callable[[str], Path]) -> None:
    model = replace(load(folders("rn")), image_size_px=96)
    with pytest.raises(StrataError, match=r"extract\.image_size: local-dir:.* cannot run on 96 pixels \("):
        resolve_layers(model, ["embedding"], {})


@torch.no_grad()
@pytest.mark.parametrize(("kind", "name"), [("vit", "late"), ("timm-vit", "late"), ("registers", "late")])
def test_a_transformer_takes_any_shape(folders: Callable[[str], Path], kind: str, name: str) -> None:
    """A wide picture has a cell for every patch; on the own size everything is as it was before and after."""
    model = load(folders(kind))
    taps = resolve_layers(model, [name], {})
    before = forward_taps(model, images(model), taps)[name].map
    assert before is not None
    side, patch = model.image_size_px, model.image_size_px // taps[0].height
    wide = torch.cat([images(model)] * 2, dim=3)[:, :, : side - patch]
    seen = forward_taps(model, wide, taps)[name].map
    assert seen is not None
    assert seen.shape[2:] == (taps[0].height - 1, 2 * taps[0].width)
    assert torch.equal(before, forward_taps(model, images(model), taps)[name].map)  # type: ignore[arg-type]


@torch.no_grad()
def test_interpolated_positions_are_those_of_a_model_of_that_size(folders: Callable[[str], Path]) -> None:
    larger = load(folders("vit"), image_size_px=48)
    pixels = images(larger)
    expected = forward_taps(larger, pixels, resolve_layers(larger, ["late"], {}))["late"].map
    own = load(folders("vit"))
    assert_same(forward_taps(own, pixels, resolve_layers(own, ["late"], {}))["late"].map, expected)  # type: ignore[arg-type]


@torch.no_grad()
@pytest.mark.parametrize("kind", ["vit", "timm-vit"])
def test_patches_at_half_their_stride_are_twice_as_many_a_side(
    folders: Callable[[str], Path], kind: str
) -> None:
    model = load(folders(kind))
    (before,) = resolve_layers(model, ["early"], {})
    patch = model.image_size_px // before.height
    overlap_patches(model.visual, patch // 2)
    (after,) = resolve_layers(model, ["early"], {})
    assert (after.height, after.width) == (2 * before.height, 2 * before.width)


def test_patches_at_an_odd_distance_are_refused(folders: Callable[[str], Path]) -> None:
    with pytest.raises(StrataError, match=r"dense\.stride = 3: patches of 8 pixels"):
        overlap_patches(load(folders("vit")).visual, 3)


def test_taps_know_the_shapes(folders: Callable[[str], Path]) -> None:
    early, embedding = resolve_layers(load(folders("vit")), ["early", "embedding"], {})
    assert (early.kind, early.channels, early.height, early.width) == ("map", 32, 4, 4)
    assert early.has_cls
    assert (embedding.kind, embedding.channels, embedding.has_cls) == ("vector", 24, False)


def test_aliases_of_the_yaml_win_over_derived_ones(folders: Callable[[str], Path]) -> None:
    (tap,) = resolve_layers(load(folders("vit")), ["late"], {"late": "ln_pre"})
    assert tap.module == "ln_pre"


def test_two_names_of_one_module_are_both_read(folders: Callable[[str], Path]) -> None:
    seen = taken(load(folders("vit")), "late", "transformer.resblocks.3")
    assert seen["late"].map is not None
    assert seen["transformer.resblocks.3"].map is not None
    assert torch.equal(seen["late"].map, seen["transformer.resblocks.3"].map)


def test_an_unknown_name_lists_those_that_exist(folders: Callable[[str], Path]) -> None:
    with pytest.raises(StrataError) as caught:
        resolve_layers(load(folders("vit")), ["conv1", "transformer.resblocks.9"], {})
    line = str(caught.value)
    assert "no layer 'transformer.resblocks.9'" in line
    assert "there are: embedding, stem, early, middle, late; modules: conv1, " in line
    assert "transformer.resblocks.0..3" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("vit", "transformer.resblocks.0.attn.out_proj", "never runs by itself"),
        ("rn", "attnpool.q_proj", "never runs by itself"),
        ("timm-vit", "blocks.0.attn.q_norm", "no map, tokens or vector"),
    ],
)
def test_a_module_without_a_usable_output_is_refused(
    folders: Callable[[str], Path], kind: str, name: str, reason: str
) -> None:
    with pytest.raises(StrataError, match=reason):
        resolve_layers(load(folders(kind)), [name], {})


@torch.no_grad()
def test_a_dense_stride_gives_conv1_alone(folders: Callable[[str], Path]) -> None:
    """(32 - 8) / 3 + 1 = 9 positions a side."""
    model = load(folders("vit"), conv1_stride=3)
    weight = model.visual.conv1.weight  # type: ignore[union-attr]
    expected = nn.functional.conv2d(images(model), weight, stride=3)  # type: ignore[arg-type]
    assert expected.shape[2:] == (9, 9)
    for name in ("conv1", "stem"):
        assert_same(taken(model, name)[name].map, expected)
    for name in ("early", "embedding"):
        with pytest.raises(StrataError, match="only conv1 does"):
            resolve_layers(model, ["conv1", name], {})


def test_the_stem_of_rn50_and_the_patches_of_vit_b_32_have_their_published_shapes(
    folders: Callable[[str], Path],
) -> None:
    """The widths of RN50 and ViT-B/32 at 224; fewer blocks behind them change nothing here."""
    tiny = load(folders("rn"))
    tower = ModifiedResNet([1, 1, 1, 1], output_dim=8, heads=32, image_size=224, width=64).eval()
    rn50 = replace(tiny, clip=ImageOnly(tower), image_size_px=224)
    shapes = {tap.name: (tap.channels, tap.height, tap.width) for tap in resolve_layers(
        rn50, ["conv1", "conv2", "conv3", "stem"], {}
    )}  # fmt: skip
    assert shapes == {
        "conv1": (32, 112, 112), "conv2": (32, 112, 112), "conv3": (64, 112, 112), "stem": (64, 56, 56)
    }  # fmt: skip
    vit = VisionTransformer(224, 32, width=768, layers=1, heads=12, mlp_ratio=4.0).eval()
    b32 = replace(tiny, clip=ImageOnly(vit), image_size_px=224)
    conv1, block = resolve_layers(b32, ["conv1", "transformer.resblocks.0"], {})
    assert (conv1.channels, conv1.height, conv1.width) == (768, 7, 7)
    assert (block.channels, block.height, block.width, block.has_cls) == (768, 7, 7, True)


@pytest.mark.parametrize("name", ["demo-rn", "demo-vit"])
def test_the_demo_models_have_their_aliases(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    conf = model_conf(name)
    if not Path(str(conf.weights.path)).is_dir():
        pytest.skip(f"{conf.weights.path} is not there: {conf.weights.source} makes it")
    model = load_model(conf, device="cpu", name=name)
    names = [*conf.aliases, "embedding"]
    taps = resolve_layers(model, names, conf.aliases)
    assert [tap.name for tap in taps] == names
    assert all(tap.height > 1 for tap in taps[:-1])
    stock = model.clip.encode_image(images(model))
    assert_same(forward_taps(model, images(model), taps)["embedding"].vector, stock)
