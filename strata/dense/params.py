"""What decides how details are matched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DenseParams:
    """Defaults suit a layer of stride 8 and pictures whose details span a fifth of their long side.

    Of the index: ``size_px``, a picture's long side; ``stride`` of a ViT's patch convolution (None: its own);
    ``dims`` and ``whiten_power`` of the projection. Of the match: ``cells``, the long sides of the templates;
    ``mirror``, a mirrored twin of each; ``focus``, how much more the middle of a box counts than its corners
    (0: not at all; 1: three times as much as a side's middle); ``sample``, how many pictures a template is calibrated on, drawn with
    ``seed``; ``rerank``, how many pictures of the coarse shortlist are matched densely (None: all of the
    collection, no shortlist); ``expand``, how many of the first boxes query as well; ``boxes``, how many boxes a
    picture may have.
    """

    size_px: int = 272
    stride: int | None = None
    dims: int = 64
    whiten_power: float = 0.25
    cells: tuple[int, ...] = (6, 8, 10)
    mirror: bool = True
    focus: float = 1.0
    sample: int = 256
    rerank: int | None = None
    expand: int = 0
    boxes: int = 1
    seed: int = 22
