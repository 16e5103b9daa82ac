"""Read a pickle that strangers made: plain containers, texts and numbers, nothing else.

A pickle is a program. This reader knows no class and no function but ``set`` and ``frozenset``, so it can
build values and call nothing. By hand, because ``pickle.load`` calls whatever the file names.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError, one_line

MAX_BYTES = 64 << 20
_BUILTINS = ("builtins", "__builtin__")
_ALLOWED: dict[str, Any] = {"set": set, "frozenset": frozenset}


# the reader written in Python: the one written in C sets aside memory for any memo number a pickle names
class _Plain(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in _BUILTINS and name in _ALLOWED:
            return _ALLOWED[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it asks for an object outside of it")


def read_plain_pickle(path: Path) -> Any:
    """The content of ``path``. Raises StrataError when it is broken, large or holds more than that."""
    if path.stat().st_size > MAX_BYTES:
        raise StrataError(f"{path}: a pickle of more than {MAX_BYTES >> 20} MiB is not read")
    try:
        return _Plain(io.BytesIO(path.read_bytes()), encoding="utf-8").load()
    except Exception as error:  # a broken pickle raises whatever its bytes make the reader do
        what = f"not a pickle of plain containers, texts and numbers ({one_line(error)})"
        raise StrataError(f"{path}: refused, {what}") from None
