"""SHA-256 of files, remembered: a file whose path, size and modification time are known is not read again.

The memo is a text file of lines ``sha256 size mtime_ns path``. It only ever grows by whole lines written with one
``write`` in append mode, so processes may share it, and a line torn by a crash is skipped when it is read.
Dropping the memo costs time, never a result.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

_CHUNK_BYTES = 1 << 20
_LINE = re.compile(rb"([0-9a-f]{64}) (\d+) (\d+) ([^ \n]+)\n")
# printable ASCII that may stand as it is; blanks, percent signs, newlines and other bytes are written %XX
_PLAIN = "/!\"#$&'()*+,-.:;<=>?@[]^_`{|}~\\"


class HashMemo:
    """Known hashes by (absolute path, size in bytes, mtime in ns); safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """``path``: the memo's file, read now if it exists."""
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int, int], str] = {}
        self._torn = False
        if path.exists():
            self._read()

    def get(self, path: str, size: int, mtime_ns: int) -> str | None:
        """The hash of the absolute ``path`` as it was at that size and time, or None."""
        return self._known.get((path, size, mtime_ns))

    def put(self, path: str, size: int, mtime_ns: int, sha256: str) -> None:
        """Remember a hash, on disk too."""
        place = quote_from_bytes(os.fsencode(path), safe=_PLAIN)
        line = f"{sha256} {size} {mtime_ns} {place}\n".encode("ascii")
        with self._lock:
            self._known[path, size, mtime_ns] = sha256
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path, "ab", buffering=0) as stream:
                stream.write(b"\n" + line if self._torn else line)
            self._torn = False

    def _read(self) -> None:
        line = b""
        with open(self._path, "rb") as stream:
            for line in stream:
                found = _LINE.fullmatch(line)
                if found:
                    sha256, size, mtime_ns, place = found.groups()
                    path = os.fsdecode(unquote_to_bytes(place))
                    self._known[path, int(size), int(mtime_ns)] = sha256.decode("ascii")
        self._torn = bool(line) and not line.endswith(b"\n")


def sha256_file(path: Path, memo: HashMemo | None = None) -> str:
    """The SHA-256 of a file's bytes, 64 hex digits; taken from ``memo`` where path, size and time are known.

    Raises OSError when the file cannot be read. A file that changes while it is read is not remembered.
    """
    place = os.path.abspath(path)
    before = os.stat(place)
    if memo is not None:
        known = memo.get(place, before.st_size, before.st_mtime_ns)
        if known is not None:
            return known
    digest = hashlib.sha256()
    with open(place, "rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    sha256 = digest.hexdigest()
    after = os.stat(place)
    if memo is not None and (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns):
        memo.put(place, after.st_size, after.st_mtime_ns, sha256)
    return sha256
