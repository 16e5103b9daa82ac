"""What decides how details are matched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DenseParams:
    """``size_px``: long side a picture is resized to; ``stride``: of a ViT's patch convolution, None its own;
    ``dims`` and ``whiten_power``: of the projection; ``cells``: long sides of the templates; ``mirror``: a
    mirrored twin of each; ``sample``: pictures a template is calibrated on; ``expand``: first boxes that
    query as well; ``rerank``: pictures matched densely behind the coarse shortlist, None: all.
    """

    size_px: int = 272
    stride: int | None = None
    dims: int = 64
    whiten_power: float = 0.25
    cells: tuple[int, ...] = (6, 8, 10)
    mirror: bool = True
    sample: int = 256
    expand: int = 0
    rerank: int | None = None
    seed: int = 22
