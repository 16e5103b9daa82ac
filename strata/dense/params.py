"""What decides how details are matched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from strata.base.errors import StrataError
from strata.settings.params import EMBEDDING, DenseSettings, DenseSetup

CONTEXT = 4  # cells around a box that the network sees as well
LARGEST = 18  # cells a side: the codes of more could add up to more than float32 holds exactly


@dataclass(frozen=True)
class DenseParams:
    """Defaults suit a layer of stride 8 and pictures whose details span a fifth of their long side.

    Of the index: ``size_px``, a picture's long side; ``stride`` of a ViT's patch convolution (None: its own);
    ``dims`` and ``whiten_power`` of the projection. Of the match: ``cells``, the long sides of the templates
    (the box's own size comes to them); ``mirror``, a mirrored twin of each; ``focus``, how much more the
    middle of a box counts than its corners (0: not at all; see ``templates.cell_weights``); ``sample``, how
    many pictures a template is calibrated on, drawn with ``seed``; ``rerank``, how many pictures of the
    coarse shortlist are matched densely (None: all of the collection, no shortlist); ``expand``, how many of
    the first boxes query as well; ``boxes``, how many boxes a picture may have.
    """

    size_px: int = 272
    stride: int | None = None
    dims: int = 64
    whiten_power: float = 0.25
    cells: tuple[int, ...] = (6, 7, 8, 10)
    mirror: bool = True
    focus: float = 0.7
    sample: int = 256
    rerank: int | None = None
    expand: int = 0
    boxes: int = 1
    seed: int = 22

    def __post_init__(self) -> None:
        if not self.cells or not all(1 <= cells <= LARGEST for cells in self.cells):
            raise StrataError(
                f"dense.cells = {list(self.cells)}: at least one size, each of 1 to {LARGEST} cells"
            )


def dense_params(
    told: DenseSettings, dataset: DenseSetup | None, keys: Iterable[str], expand: int = 0
) -> DenseParams:
    """These ``keys``: what a run is told, else what the data set's file says, else the default.

    >>> from strata.settings.params import DenseSetup
    >>> dense_params(DenseSetup(dims=32), DenseSetup(dims=96, cells=[5, 7]), ["dims", "cells"]).cells
    (5, 7)
    """
    values: dict[str, Any] = {}
    for key in keys:
        value = _said(told, dataset, key)
        if value is not None:
            values[key] = tuple(value) if isinstance(value, list) else value
    return DenseParams(**values, expand=expand)


def dense_layers(told: DenseSettings, dataset: DenseSetup | None, layers: Sequence[str]) -> list[str]:
    """Those of ``layers`` that are matched densely: of ``all``, those that may have a map."""
    wanted = _said(told, dataset, "layers") or []
    return [layer for layer in layers if layer != EMBEDDING and (wanted == "all" or layer in wanted)]


def is_every_layer(told: DenseSettings, dataset: DenseSetup | None) -> bool:
    """Are all layers asked for, and those without a map to be left out?"""
    return bool(_said(told, dataset, "layers") == "all")


def _said(told: DenseSetup, dataset: DenseSetup | None, key: str) -> Any:
    value = getattr(told, key)
    return getattr(dataset, key, None) if value is None else value
