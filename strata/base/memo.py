"""Remember small facts across runs in a text file that only grows.

Dropping the file costs time, never a result. Lines are appended whole, with one ``write`` each, so several
processes may share a memo. Every line ends in its checksum: one that was torn by a crash or damaged since is
skipped, and what it said is computed again.
"""

from __future__ import annotations

import threading
import weakref
from io import FileIO
from pathlib import Path

from strata.base.tsv import checked_line, from_checked_lines


class Memo:
    """A mapping from a tuple of strings to a string, kept at ``path``; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stream: FileIO | None = None  # open from the first line on: opening costs more than writing
        content = path.read_bytes() if path.exists() else b""
        self._torn = bool(content) and not content.endswith(b"\n")
        self._known = {tuple(key): value for *key, value in from_checked_lines(content) if key}

    def get(self, key: tuple[str, ...]) -> str | None:
        """What is known of ``key``, or None."""
        return self._known.get(key) or None

    def items(self) -> list[tuple[tuple[str, ...], str]]:
        """All that is known, in the order it was first put."""
        return [(key, value) for key, value in self._known.items() if value]

    def drop(self, key: tuple[str, ...]) -> None:
        """Forget what was put under ``key``, on disk too."""
        if self.get(key):
            self.put(key, "")

    def put(self, key: tuple[str, ...], value: str) -> None:
        """Remember ``value``, on disk too; the empty one means that nothing is known."""
        line = checked_line((*key, value))
        with self._lock:
            self._known[key] = value
            stream = self._stream or self._open()
            stream.write(b"\n" + line if self._torn else line)
            self._torn = False

    def _open(self) -> FileIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = open(self._path, "ab", buffering=0)  # noqa: SIM115 - closed with the memo
        weakref.finalize(self, self._stream.close)
        return self._stream
