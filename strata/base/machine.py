"""What a figure was measured on: the processor, the versions of packages."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's own name and whether it multiplies bf16 matrices (AMX) in hardware; without
    ``cpuinfo``, what Python knows of it."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    amx = " with AMX bf16" if "amx_bf16" in found.get("flags", "").split() else ""
    return found.get("model name", platform.machine()) + amx


def versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    """Package -> version, in the order given, of those that are installed."""
    found = {name: _version(name) for name in packages}
    return {name: text for name, text in found.items() if text is not None}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
