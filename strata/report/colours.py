"""The report's one colour ramp: light to dark blue, readable in grey and for every kind of colour vision."""

from __future__ import annotations

STOPS = ((247, 250, 253), (205, 223, 239), (126, 178, 214), (46, 116, 174), (9, 52, 104))
DARK_FROM = 0.69  # from here on white text reads better


def ramp(share: float) -> str:
    """0 to 1 -> ``#rrggbb``; what lies outside is clipped."""
    place = min(max(share, 0.0), 1.0) * (len(STOPS) - 1)
    start = min(int(place), len(STOPS) - 2)
    part = place - start
    mixed = (round(a + (b - a) * part) for a, b in zip(STOPS[start], STOPS[start + 1], strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def is_dark(share: float) -> bool:
    """Should text on ``ramp(share)`` be white?"""
    return share >= DARK_FROM
