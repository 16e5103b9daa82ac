"""The machine and the versions a figure was measured with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from strata.ahead import cores

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
    """Processor, cores and memory, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {cores()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def versions() -> dict[str, str]:
    """Versions of the packages that matter, those that are installed."""
    found = {name: _version(name) for name in PACKAGES}
    return {name: text for name, text in found.items() if text is not None}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's own name and whether it multiplies bf16 matrices (AMX) in hardware."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in info.read_text().splitlines())
    found = {name.strip(): value.strip() for name, _, value in pairs}
    amx = " with AMX bf16" if "amx_bf16" in found.get("flags", "") else ""
    return found.get("model name", platform.machine()) + amx
