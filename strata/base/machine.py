"""What a figure was measured on, or a value computed with: the processor, the versions of packages."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")


def processor(cpuinfo: Path = CPUINFO) -> str:
    """The processor's own name and whether it multiplies bf16 matrices (AMX) in hardware; without
    ``cpuinfo``, what Python knows of it."""
    found = _entries(cpuinfo)
    if not found:
        return platform.processor() or platform.machine()
    amx = " with AMX bf16" if cpu_with(("amx_bf16",), cpuinfo) else ""
    return found.get("model name", platform.machine()) + amx


def cpu_vendor(cpuinfo: Path = CPUINFO) -> str:
    """Who made the processor, as it says itself; where it does not, what it is (arm64)."""
    return _entries(cpuinfo).get("vendor_id", platform.machine())


def cpu_with(flags: tuple[str, ...], cpuinfo: Path = CPUINFO) -> list[str]:
    """Those of Linux's ``flags`` that the processor has."""
    own = _entries(cpuinfo).get("flags", "").split()
    return [flag for flag in flags if flag in own]


def free_memory(meminfo: Path = MEMINFO) -> int:
    """Bytes that programs can still have, what the system would give back for them included; where the system
    does not say, 2 GiB."""
    kib = _entries(meminfo).get("MemAvailable", "").split()
    return int(kib[0]) * 1024 if kib else 2**31


def told_apart(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, str]:
    """How two records of what a value was computed with differ, in words for each; empty where they do not.

    >>> told_apart({"batch": 16, "torch": "2.9"}, {"batch": 8, "torch": "2.9"})
    ('batch 16', 'batch 8')
    """
    names = differing(before, now)
    old, new = (", ".join(f"{name} {some[name]}" for name in names if name in some) for some in (before, now))
    return (old or "no record of how", new or "no record of how") if names else ("", "")


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names that the two records do not agree on."""
    return [name for name in {**now, **before} if before.get(name) != now.get(name)]


def _entries(cpuinfo: Path) -> dict[str, str]:
    """Name -> value, of the last core; nothing where the system has no such file."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    """Package -> version, in the order given, of those that are installed."""
    found = {name: _version(name) for name in packages}
    return {name: text for name, text in found.items() if text is not None}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
