"""What stages share: one summary line, progress, errors of one line, a log for the report's provenance."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from strata.base.checksums import seal, unseal
from strata.base.errors import StrataError, one_line

T = TypeVar("T")
LOGS = Path("logs")
PLAIN_EVERY_S = 10.0

# Modules are no garbage: looking for some after every 700 objects is a tenth of a network's start. A stage
# imports this module first.
gc.set_threshold(100_000, 50, 50)

# Odd metadata of a picture, or a transparent palette, is no concern of a run over thousands.
warnings.filterwarnings("ignore", module=r"PIL\.")


def run_stage(name: str, work: Callable[[], str], *, sealed: int = 0) -> None:
    """Run ``work`` (it returns its summary), print one line, exit 1 with one line on an error.

    ``sealed``: so many of the last paths of the command line are outs, folders that get checksums.

    ``--debug`` on the command line or STRATA_DEBUG=1 shows the traceback.
    """
    started, outs = time.perf_counter(), paths()[-sealed:] if sealed else []
    try:
        for out in outs:
            unseal(out)
        summary = work()
        for out in outs:
            seal(out)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debugging():
            traceback.print_exc()
        sys.exit(f"{name}: error: {_said(error)}")
    seconds = time.perf_counter() - started
    _log(name, {"seconds": round(seconds, 2), "summary": summary})
    print(f"{name}: {summary} ({seconds:.1f} s)", flush=True)
    if _is_program(name):
        sys.stderr.flush()
        os._exit(0)  # everything is written; taking torch's modules apart, one by one, takes most of a second


def paths() -> list[Path]:
    """The paths of the command line, in order."""
    return [Path(argument) for argument in sys.argv[1:] if argument != "--debug"]


def warn(name: str, message: str) -> None:
    """One warning line on stderr; the work goes on."""
    print(f"{name}: warning: {message}", file=sys.stderr, flush=True)


def debugging() -> bool:
    """Did the user ask for tracebacks?"""
    return "--debug" in sys.argv or os.environ.get("STRATA_DEBUG") == "1"


def track(items: Iterable[T], *, total: int, desc: str) -> Iterator[T]:
    """A bar on a terminal; elsewhere a plain line every ten seconds that says how much is left."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=desc, leave=False)
        return
    started = said = time.monotonic()
    for done, item in enumerate(items):
        yield item
        now = time.monotonic()
        if now - said >= PLAIN_EVERY_S and done + 1 < total:
            said = now
            left = (now - started) / (done + 1) * (total - done - 1)
            print(f"{desc}: {done + 1} of {total}, about {left:.0f} s left", file=sys.stderr, flush=True)


def _is_program(name: str) -> bool:
    """Does this process exist for this stage alone (``python -m stages.NAME``), and for no test?"""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == f"stages.{name}"


def _said(error: Exception) -> str:
    if isinstance(error, StrataError):
        return one_line(error)
    return f"unexpected {type(error).__name__}: {one_line(error)} (run with STRATA_DEBUG=1 for the traceback)"


def _log(name: str, entry: dict[str, object]) -> None:
    """Provenance that differs from run to run lives in git-ignored logs/, never in an out."""
    LOGS.mkdir(exist_ok=True)
    (LOGS / f"{name}.json").write_text(json.dumps(entry) + "\n", encoding="utf-8")
