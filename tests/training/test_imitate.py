"""Claims about dense imitation."""

from __future__ import annotations

import torch

from training import towers
from training.imitate import LEVELS, dense_loss, new_heads, pupil_blocks, teacher_maps, watched


def test_levels_fit_the_two_models() -> None:
    pictures = torch.zeros(2, 3, towers.IMAGE_PX, towers.IMAGE_PX)
    teacher, pupil = (towers.build(name, 10).eval() for name in ("demo-rn", "demo-vit"))
    with torch.no_grad(), watched(teacher_maps(teacher)) as maps, watched(pupil_blocks(pupil)) as tokens:
        teacher.encode_image(pictures)
        pupil.encode_image(pictures)
        loss = dense_loss(maps, tokens, new_heads(pupil.visual.conv1.out_channels))
    assert set(maps) == set(tokens) == set(LEVELS)
    assert torch.isfinite(loss)


def test_perfect_imitation_costs_nothing() -> None:
    torch.manual_seed(0)
    patches = torch.randn(4, 9, 128)
    patches = (patches - patches.reshape(-1, 128).mean(0)) / patches.reshape(-1, 128).std(0)
    maps = {"layer2": patches.transpose(1, 2).reshape(4, 128, 3, 3)}
    tokens = {"layer2": torch.cat([torch.zeros(4, 1, 128), patches], 1)}
    head = torch.nn.Linear(128, 128)
    torch.nn.init.eye_(head.weight)
    torch.nn.init.zeros_(head.bias)
    heads = torch.nn.ModuleDict({"layer2": head})
    assert dense_loss(maps, tokens, heads).item() < 1e-6
    torch.nn.init.zeros_(head.weight)
    assert 0.9 < dense_loss(maps, tokens, heads).item() < 1.1


def test_hooks_are_gone_after_the_block() -> None:
    layer = torch.nn.Linear(2, 2)
    with watched({"a": layer}) as outputs:
        layer(torch.zeros(1, 2))
    assert list(outputs) == ["a"]
    assert not layer._forward_hooks
