"""Two things timed against each other in one run: A B A B ..., ratios of neighbours, their median.

A shared machine is fast one minute and slow the next. A ratio of two runs that lie next to each other cancels
most of that; a ratio of two averages does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

ROUNDS = 5
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Paired:
    """``ours_s``, ``theirs_s``: median seconds. ``ratio``: how many times as fast ours is, the median over
    the rounds of theirs / ours; ``low`` and ``high`` are its extremes."""

    ours_s: float
    theirs_s: float
    ratio: float
    low: float
    high: float
    rounds: int


def paired(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int = ROUNDS, *, warm: bool = True
) -> Paired:
    """Call both in turn, ``rounds`` times, after an unmeasured round if ``warm``; each gives its seconds."""
    if warm:
        ours(), theirs()
    seconds = [(ours(), theirs()) for _ in range(rounds)]
    ratios = [slow / fast for fast, slow in seconds]
    return Paired(
        ours_s=median(fast for fast, _ in seconds),
        theirs_s=median(slow for _, slow in seconds),
        ratio=median(ratios),
        low=min(ratios),
        high=max(ratios),
        rounds=rounds,
    )


def check_cosine(label: str, peer: str, ours: Floats, theirs: Floats, least: float) -> None:
    """Raise ValueError where a row of ``ours`` (N, D) and ``peer``'s have a smaller cosine than ``least``."""
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    cosine = float(((ours * theirs).sum(axis=1) / lengths).min())
    if not cosine >= least:
        raise ValueError(f"{label}: a cosine of {cosine:.5f} with {peer}")


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """``work`` as something that returns the wall-clock seconds it took."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run
