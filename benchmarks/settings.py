"""What every benchmark is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """``rounds`` of a pair; ``small``: tiny inputs, only to see that it runs; ``work``: a scratch folder;
    ``pictures``: a folder of JPEG photographs to use, or None for drawn ones."""

    rounds: int
    small: bool
    work: Path
    pictures: Path | None
