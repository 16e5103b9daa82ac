"""How cost grows with the number of rows, as an exponent."""

from __future__ import annotations

import math
from collections.abc import Mapping

FLAT = 0.15  # growth below this share of the smallest size's value is noise


def exponent(values: Mapping[int, float], least: float) -> float | None:
    """The exponent p of value = start + c * (rows - rows0)^p over the two largest sizes.

    ``values`` : rows -> seconds or MiB, at three sizes or more. What the smallest size took counts as
    start-up and is subtracted, its rows with it, so that a straight line gives exactly 1. None where the
    middle size's growth is below ``least`` or 15 % of the start-up: noise has no exponent.
    """
    if len(values) < 3:
        return None
    first, *_, middle, last = sorted(values)
    start = values[first]
    near, far = values[middle] - start, values[last] - start
    if near < max(least, FLAT * start) or far <= 0:
        return None
    return math.log(far / near) / math.log((last - first) / (middle - first))


def slope(values: Mapping[int, float]) -> float:
    """Growth a row between the two largest sizes; 0 for one size."""
    *_, middle, last = [min(values), *sorted(values)]
    return (values[last] - values[middle]) / max(last - middle, 1)
