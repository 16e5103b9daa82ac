"""What every benchmark is given."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """``rounds`` of a pair; ``small``: tiny inputs, only to see that it runs; ``work``: a scratch folder;
    ``pictures``: a folder of JPEG photographs to use, or None for drawn ones; ``planted``: folders of
    pictures with planted details; ``weights``: the network for them, a folder in open_clip's form."""

    rounds: int
    small: bool
    work: Path
    pictures: Path | None
    planted: tuple[Path, ...] = ()
    weights: Path | None = None


def device() -> str:
    """Where our side's networks run: STRATA_DEVICE, as for the stages; the CPU when it is not set."""
    return os.environ.get("STRATA_DEVICE") or "cpu"
