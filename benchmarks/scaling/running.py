"""Run one stage in a process of its own and watch its time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scaling.settings import ROOT

LOOK_EVERY_S = 0.01


@dataclass(frozen=True)
class Run:
    """``seconds`` from start to end of the process. ``peak_mib``: the most it held in memory, pages of files
    it had mapped among them. ``own_mib``: the most without those (the system may drop them at any time)."""

    seconds: float
    peak_mib: float
    own_mib: float


class StageFailed(Exception):
    """A stage ended with an error; the message is its last line of errors."""


def run_module(folder: Path, module: str, arguments: Sequence[str]) -> Run:
    """``python -m MODULE ARGUMENTS...`` in ``folder``. Raises StageFailed."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment["STRATA_STORE"] = str(folder / ".strata")
    errors = folder / "errors.txt"
    with open(errors, "wb") as stream:
        started = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )
        peak, own = _watch(child)
        seconds = time.perf_counter() - started
    if child.returncode:
        last = errors.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        raise StageFailed(f"{module} ended with {child.returncode}: {last}")
    return Run(seconds, peak / 2**20, own / 2**20)


def _watch(child: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Bytes: peak resident memory and peak anonymous memory, until ``child`` has ended.

    The system's own record of a child (``wait4``) begins with what its parent held when it was started, so it
    only counts where the process cannot be looked at (no /proc).
    """
    peak = own = 0
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            unit = 1 if sys.platform == "darwin" else 1024
            return peak or usage.ru_maxrss * unit, own or usage.ru_maxrss * unit
        found = _memory(child.pid)
        peak, own = max(peak, found.get("VmHWM", 0)), max(own, found.get("RssAnon", 0))
        time.sleep(LOOK_EVERY_S)


def _memory(pid: int) -> dict[str, int]:
    """Bytes by name from /proc/PID/status; nothing where there is none."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name: int(value.split()[0]) * 1024 for name, _, value in pairs if name.startswith(("Vm", "Rss"))}
