"""How long work says how far it is, without the library printing anything.

A stage passes a ``Track``; the library wraps its loops in it. The default does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Wraps an iterable of ``total`` items called ``desc`` and reports progress while it is consumed."""

    def __call__(self, items: Iterable[T], *, total: int, desc: str) -> Iterator[T]: ...


def no_track(items: Iterable[T], *, total: int, desc: str) -> Iterator[T]:
    """The silent ``Track``."""
    return iter(items)
