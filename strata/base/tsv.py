"""Lines of TAB-separated fields that can hold any file name, and give it back byte for byte.

A backslash, TAB, line feed or carriage return inside a field is written as a backslash and a letter; a name
that is not UTF-8 keeps its bytes (``surrogateescape``). A checked line ends in the CRC-32 of what is before.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

_WRITTEN = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_MEANT = {written: meant for meant, written in _WRITTEN.items()}
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPED = re.compile(r"\\[\\tnr]")


def to_line(fields: Iterable[str]) -> bytes:
    """One line, with its line feed."""
    return ("\t".join(map(_escape, fields)) + "\n").encode("utf-8", "surrogateescape")


def from_lines(content: bytes) -> list[list[str]]:
    """The fields of every line; a last line without its line feed (torn while written) is left out."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")[:-1]
    return [[_unescape(field) for field in line.split("\t")] for line in lines]


def checked_line(fields: Iterable[str]) -> bytes:
    """One line that ends in the CRC-32 of the fields before, so that damage and tearing show."""
    body = to_line(fields)[:-1]
    return body + f"\t{zlib.crc32(body):08x}\n".encode("ascii")


def from_checked_lines(content: bytes) -> list[list[str]]:
    """The fields of every line whose checksum is right, without it; other lines are left out."""
    bodies = (line.rpartition(b"\t") for line in content.split(b"\n")[:-1])
    whole = (body + b"\n" for body, _, crc in bodies if crc == f"{zlib.crc32(body):08x}".encode("ascii"))
    return from_lines(b"".join(whole))


def _escape(field: str) -> str:
    return _SPECIAL.sub(lambda found: _WRITTEN[found[0]], field) if _SPECIAL.search(field) else field


def _unescape(field: str) -> str:
    return _ESCAPED.sub(lambda found: _MEANT[found[0]], field) if "\\" in field else field
