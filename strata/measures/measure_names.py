"""What the measures of a ranking are called: known without numpy, to those who only name them."""

from __future__ import annotations

REVISITED = "mp_revisited_at_10"
MEASURES = (
    "ap_step",
    "ap_trapezoid",
    "p_at_1",
    "p_at_5",
    "p_at_10",
    "hit_at_5",
    "hit_at_10",
    "recall_at_10",
    "r_precision",
    REVISITED,
)
"""The measures of a ranking (see ``average_precision``), in the order of their columns."""
