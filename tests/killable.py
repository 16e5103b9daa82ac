"""``extract`` as its stage runs it, in a process that can be killed at any moment and started anew."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

ARGUMENTS = ["tables", "features", "dense"]


def preloaded(project: Path) -> BaseProcess:
    """The stage in a fork of a server that has imported everything: it starts in a tenth of a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stages.extract"])
    return context.Process(target=run_stage_of, args=(str(project), dict(os.environ)))


def run_stage_of(project: str, environment: dict[str, str]) -> None:
    """What the process does: ``python -m stages.extract`` in ``project``."""
    from stages import extract
    from stages.running import run_stage

    os.environ.update(environment)
    os.chdir(project)
    sys.argv[1:] = ARGUMENTS
    with open(os.devnull, "w") as nowhere:
        sys.stderr = nowhere
        run_stage("extract", extract.main, sealed=2)
