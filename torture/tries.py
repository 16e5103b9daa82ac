"""What campaigns share: one named try after the other until the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable


def repeated(one: Callable[[str], str | None], seed: int, until: float) -> tuple[int, list[str]]:
    """``one(name)`` until ``time.monotonic()`` is ``until``: how many tries, and what went wrong in them.

    A try draws all it needs from its name, ``SEED.NUMBER``, and can be repeated alone.
    """
    tries, failures = 0, []
    while time.monotonic() < until:
        failure = one(f"{seed}.{tries}")
        tries += 1
        if failure:
            failures.append(failure)
    return tries, failures
