"""The machine and the versions a figure was measured with."""

from __future__ import annotations

import os
import platform

from benchmarks.settings import device
from strata.base.machine import processor, versions_of
from strata.base.threads import cores

PACKAGES = (
    "torch",
    "open_clip_torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "pyarrow",
    "simplejpeg",
    "pillow",
    "faiss-cpu",
)


def machine() -> str:
    """Processor, cores and memory, in words; our side's device where that is not the processor."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    where = "" if device() == "cpu" else f", clip-strata on {device()}"
    return f"{processor()}, {cores()} cores, {memory:.0f} GiB, Python {platform.python_version()}{where}"


def versions() -> dict[str, str]:
    """Versions of the packages that matter, those that are installed."""
    return versions_of(PACKAGES)
