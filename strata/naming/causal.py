"""A causal text tower reads only what stands before the end of a text: what comes behind is not computed.

CLIP fills every text up to its context (77 tokens, a prompt has about a dozen). Its attention looks back only
and its vector is read at the end token, so the filling cannot change it: the first positions, up to the end
token, give the same vector. Towers of which this is not known to hold (SigLIP's, CoCa's, those of the hub)
are given the whole context.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from open_clip import CLIP, CustomTextCLIP
from open_clip.transformer import TextTransformer
from torch import nn

Call = tuple[tuple[Any, ...], dict[str, Any]]


class _Encoder(nn.Module):
    """``encode_text`` as a module's forward, for ``functional_call``."""

    def __init__(self, clip: Any) -> None:
        super().__init__()
        self.clip = clip

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.clip.encode_text(tokens)
        return vectors


@dataclass(frozen=True)
class TextTower:
    """The text tower of ``clip``. ``sliced``: what has a row a position, by name; empty: it is not causal.
    ``end``: the id of the end token, None: the largest of a text."""

    clip: Any
    sliced: dict[str, torch.Tensor]
    end: int | None

    def positions(self, tokens: torch.Tensor) -> torch.Tensor:
        """(T, context) tokens -> (T,): how many of the first positions decide about each text's vector."""
        if not self.sliced:
            return torch.full((len(tokens),), tokens.shape[1])
        ends = tokens if self.end is None else (tokens == self.end).int()
        return ends.argmax(dim=1) + 1

    def encode(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, n) the first n tokens of texts that need no more -> (B, D): their vectors."""
        length = tokens.shape[1]
        first = {
            name: value[:length, :length] if name.endswith("attn_mask") else value[:length]
            for name, value in self.sliced.items()
        }
        vectors: torch.Tensor = torch.func.functional_call(_Encoder(self.clip), first, (tokens,))
        return vectors


def describe_text_tower(clip: Any) -> TextTower:
    """Find out whether the text tower of an open_clip network is causal and read at the end token."""
    tower, prefix, pool = clip, "clip.", getattr(clip, "text_pool_type", None)
    end = getattr(clip, "text_eos_id", None)
    if type(clip) is CustomTextCLIP and type(clip.text) is TextTransformer and clip.text.cls_emb is None:
        tower, prefix, pool, end = clip.text, "clip.text.", clip.text.pool_type, clip.text.eos_id
    elif type(clip) is not CLIP:
        return TextTower(clip, {}, None)
    if pool not in ("argmax", "eos") or not _looks_back_only(tower.attn_mask):
        return TextTower(clip, {}, None)
    sliced = {f"{prefix}{name}": getattr(tower, name) for name in ("positional_embedding", "attn_mask")}
    return TextTower(clip, sliced, end if pool == "eos" else None)


@contextlib.contextmanager
def fused_attention(tower: TextTower) -> Iterator[None]:
    """In here a causal tower's attention gets its mask as booleans, which torch computes in one go.

    With a mask of floats it multiplies by a copy of the weights for every position, which in bf16 takes
    longer than all the rest.
    """
    modules = tower.clip.modules() if tower.sliced else ()
    attentions = [module for module in modules if isinstance(module, nn.MultiheadAttention)]
    handles = [module.register_forward_pre_hook(_boolean_mask, with_kwargs=True) for module in attentions]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _boolean_mask(_attention: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    """0 and minus infinity become False and True (not to be looked at)."""
    mask = kwargs.get("attn_mask")
    return (args, kwargs) if mask is None else (args, {**kwargs, "attn_mask": mask < 0})


def _looks_back_only(mask: torch.Tensor | None) -> bool:
    """Is it a mask of 0, with minus infinity for every later position?"""
    if mask is None:
        return False
    later = torch.ones_like(mask, dtype=torch.bool).triu(1)
    return bool(torch.equal(mask, torch.zeros_like(mask).masked_fill(later, float("-inf"))))
