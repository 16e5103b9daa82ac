"""Which layer of a CLIP image tower, pooled how, best finds, groups and names pictures.

The library behind the stages: importable, typed, tested. It never reads ``params.yaml``, never prints and
never calls DVC; a stage hands it values and paths.

What people import stands in ``__all__``; ``help(strata.evaluate)`` and the others have examples. A name is
imported when it is first asked for: ``import strata`` itself loads neither torch nor numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strata.base.errors import StrataError
    from strata.library.details import Details, FoundDetail, open_details
    from strata.library.models import Model, load_model, tap
    from strata.library.pooling import pool
    from strata.library.run import Run, open_run
    from strata.library.search import Found, search
    from strata.measures.evaluate import Evaluation, evaluate

__all__ = [
    "Details",
    "Evaluation",
    "Found",
    "FoundDetail",
    "Model",
    "Run",
    "StrataError",
    "evaluate",
    "load_model",
    "open_details",
    "open_run",
    "pool",
    "search",
    "tap",
]

_HOMES = {
    "strata.base.errors": ("StrataError",),
    "strata.library.details": ("Details", "FoundDetail", "open_details"),
    "strata.library.models": ("Model", "load_model", "tap"),
    "strata.library.pooling": ("pool",),
    "strata.library.run": ("Run", "open_run"),
    "strata.library.search": ("Found", "search"),
    "strata.measures.evaluate": ("Evaluation", "evaluate"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
