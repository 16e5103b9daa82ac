"""The ten main motifs by name, and how large and how wide each is drawn."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from strata.demo.buildings import bridge, castle, house, windmill
from strata.demo.creatures import bird, fish
from strata.demo.horses import horse
from strata.demo.palettes import Palette
from strata.demo.plants import tree
from strata.demo.surface import Pen
from strata.demo.wares import jug, ship

DRAW: dict[str, Callable[[Pen, Palette, Random], None]] = {
    "windmill": windmill, "ship": ship, "tree": tree, "house": house, "fish": fish, "bird": bird, "jug": jug,
    "castle": castle, "bridge": bridge, "horse": horse,
}  # fmt: skip
# the unit of each frame, as a share of the picture's height (or of 1.2 widths, if less)
UNIT: dict[str, float] = {
    "windmill": 0.72, "ship": 0.72, "tree": 0.72, "house": 0.6, "fish": 0.66, "bird": 0.62, "jug": 0.6,
    "castle": 0.72, "bridge": 0.86, "horse": 0.62,
}  # fmt: skip
