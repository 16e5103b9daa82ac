"""What decides how details are matched."""

from __future__ import annotations

from dataclasses import dataclass

from strata.base.errors import StrataError

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
