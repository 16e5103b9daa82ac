"""Parameters as people and metric files read them: flat names, words for what JSON or DVC would drop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NO_VALUE = "none"  # DVC would drop a null silently


def flat_params(values: Mapping[str, Any], joint: str = ".") -> dict[str, float | str]:
    """Nested parameters with their path as name; null, booleans and lists become words.

    >>> flat_params({"extract": {"view": "squash", "image_size": None}}, "_")
    {'extract_view': 'squash', 'extract_image_size': 'none'}
    """
    result: dict[str, float | str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            inner = flat_params(value, joint)
            result.update({f"{key}{joint}{name}": found for name, found in inner.items()})
        else:
            result[key] = worded(value)
    return result


def worded(value: Any) -> float | str:
    """A parameter as a metric may hold it: numbers and texts stay, null, booleans and lists become words."""
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return value if isinstance(value, (int, float)) else str(value)
