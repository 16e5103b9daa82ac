"""Texts are cut where their vectors end to depend on them: the same vectors as from the whole context."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from strata.models.loading import LoadedModel
from strata.naming import text
from strata.naming.causal import describe_text_tower, fused_attention
from tests.models.tiny_networks import TEXT, load, write_network

CAUSAL: dict[str, dict[str, Any]] = {
    "inside the network": {},
    "a tower of its own": {"custom_text": True},
    "read at a named end token": {"text_cfg": {**TEXT, "pool_type": "eos", "eos_id": 49407}},
    "in a QuickGELU network": {"quick_gelu": True},
}
WHOLE: dict[str, dict[str, Any]] = {
    "looks both ways": {"text_cfg": {**TEXT, "no_causal_mask": True}},
    "read at the last position": {"text_cfg": {**TEXT, "pool_type": "last"}},
    "read at the last position, a tower of its own": {
        "custom_text": True,
        "text_cfg": {**TEXT, "pool_type": "last", "no_causal_mask": True},
    },
    "read at a token put behind": {"custom_text": True, "text_cfg": {**TEXT, "embed_cls": True}},
}
TEXTS = ["a cat", "", "a painting of an owl in the rain.", "word " * 30, "the owl", "a cat"]


def build(folder: Path, options: dict[str, Any], **more: Any) -> LoadedModel:
    return load(write_network(folder / "network", "vit", **options), **more)


@torch.no_grad()
def whole(model: LoadedModel, texts: list[str]) -> np.ndarray:
    """One text after the other, as open_clip does it."""
    tokenizer = model.tokenizer()
    rows = [model.clip.encode_text(tokenizer([one]), normalize=True) for one in texts]
    return torch.cat(rows).float().numpy()


@pytest.mark.parametrize("options", [*CAUSAL.values(), *WHOLE.values()], ids=[*CAUSAL, *WHOLE])
def test_vectors_are_those_of_the_whole_context(tmp_path: Path, options: dict[str, Any]) -> None:
    model = build(tmp_path, options)
    seen = text.encode_texts(model, TEXTS)
    assert seen == pytest.approx(whole(model, TEXTS), abs=1e-6)
    assert len(np.unique(seen.round(4), axis=0)) == len(set(TEXTS)), "different texts, different vectors"


@pytest.mark.parametrize("options", CAUSAL.values(), ids=CAUSAL)
def test_a_causal_tower_reads_up_to_the_end_token(tmp_path: Path, options: dict[str, Any]) -> None:
    model = build(tmp_path, options)
    positions = describe_text_tower(model.clip).positions(model.tokenizer()(TEXTS))
    assert positions.tolist() == [4, 2, 11, 16, 4, 4]


@pytest.mark.parametrize("options", WHOLE.values(), ids=WHOLE)
def test_any_other_tower_reads_everything(tmp_path: Path, options: dict[str, Any]) -> None:
    model = build(tmp_path, options)
    tokens = model.tokenizer()(TEXTS)
    assert describe_text_tower(model.clip).positions(tokens).tolist() == [tokens.shape[1]] * len(TEXTS)


def test_a_network_that_is_not_open_clips_own_reads_everything() -> None:
    class Foreign(torch.nn.Module):
        text_pool_type = "argmax"

        def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
            return tokens.float().cumsum(1)[:, -1:]

    tower, tokens = describe_text_tower(Foreign()), torch.tensor([[5, 9, 0, 0]])
    assert tower.positions(tokens).tolist() == [4]
    assert tower.encode(tokens).tolist() == [[14.0]]


def test_another_mask_is_not_taken_for_causal(tmp_path: Path) -> None:
    model = build(tmp_path, {})
    model.clip.attn_mask[0, 5] = 0
    assert describe_text_tower(model.clip).sliced == {}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_fused_attention_computes_the_same(tmp_path: Path, precision: Any) -> None:
    model = build(tmp_path, {}, precision=precision)
    tower, tokens = describe_text_tower(model.clip), model.tokenizer()(TEXTS)
    with torch.inference_mode():
        plain = tower.encode(tokens).float()
        with fused_attention(tower):
            fused = tower.encode(tokens).float()
        assert torch.equal(tower.encode(tokens).float(), plain), "nothing is left behind"
    assert float(torch.cosine_similarity(plain, fused).min()) > (0.999999 if precision == "fp32" else 0.9995)


def test_batches_hold_the_budget_and_every_text_comes_back_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(tmp_path, {})
    texts = [f"{'very ' * (number % 5)}small thing {number}" for number in range(40)]
    monkeypatch.setattr(text, "BATCH_TOKENS", 32)
    seen = []

    def watch(items: Any, *, total: int, desc: str) -> Any:
        rows = list(items)
        seen.extend(len(batch) for batch in rows)
        assert (len(rows), desc) == (total, "texts")
        return iter(rows)

    assert text.encode_texts(model, texts, watch) == pytest.approx(whole(model, texts), abs=1e-6)
    assert sum(seen) == 40
    assert 1 < max(seen) <= 8
