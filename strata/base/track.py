"""How work says how far it is and what it noticed, without the library printing anything.

A stage passes a ``Track``, which the library wraps its loops in (the default does nothing), and a ``Warn``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")

Warn = Callable[[str], None]
"""Takes one line that the user should read while the work goes on."""


class Track(Protocol):
    """Wraps an iterable of ``total`` items called ``desc`` and reports progress while it is consumed."""

    def __call__(self, items: Iterable[T], *, total: int, desc: str) -> Iterator[T]: ...


def no_track(items: Iterable[T], *, total: int, desc: str) -> Iterator[T]:
    """The silent ``Track``."""
    return iter(items)
