"""The members of a tar that strangers made, one after the other, from a stream that cannot go back.

Knows ustar, GNU long names and pax (``path``, ``size``); what else a pax header says is skipped. Headers of
more than a block are read up to MAX_HEADER_BYTES. By hand, because ``tarfile`` reads a header of any size
into memory, keeps every member it has seen, and lets pax numbers move it backwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

BLOCK = 512
MAX_HEADER_BYTES = 64 << 10  # a long name or a pax header; names have at most 4,096 bytes
MAX_HEADERS = 8  # before one member
_CHUNK = 1 << 20
_LARGEST = 1 << 60
FILE, FOLDER, OTHER = "file", "folder", "other"
_KINDS = {b"0": FILE, b"\0": FILE, b"7": FILE, b"5": FOLDER}


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, count: int, /) -> bytes:
        """``count`` bytes, fewer where there are no more."""


@dataclass
class Member:
    """One member, to be read before the next is asked for; its headers took ``header_bytes``."""

    name: bytes
    kind: str
    header_bytes: int
    left: int
    stream: Readable

    def read(self, count: int) -> bytes:
        """At most ``count`` bytes, b'' at the end. EOFError where the archive ends before the member does."""
        chunk = self.stream.read(min(count, self.left))
        if self.left and not chunk:
            raise EOFError("it ends in the middle of a member")
        self.left -= len(chunk)
        return chunk


def tar_members(stream: Readable) -> Iterator[Member]:
    """Every member up to the block of zeros that ends a tar. ValueError or EOFError when it is broken."""
    while (header := _block(stream)) != bytes(BLOCK):
        name: bytes | None = None
        size: int | None = None
        sparse, read = False, BLOCK
        for _ in range(MAX_HEADERS):
            more = header[156:157]
            if more not in b"LKxXg":
                break
            content = _content(stream, _size(header))
            if more == b"L":
                name = content.rstrip(b"\0")
            elif more in b"xX":
                said = _pax(content)
                name, size = said.get(b"path", name), _pax_size(said, size)
                sparse = sparse or any(key.startswith(b"GNU.sparse") for key in said)
            if (header := _block(stream)) == bytes(BLOCK):
                raise EOFError("it ends between a header and its member")
            read += len(content) + BLOCK
        else:
            raise ValueError(f"more than {MAX_HEADERS} headers before one member")
        name = _name(header) if name is None else name
        kind = OTHER if sparse else _kind(header, name)
        size = 0 if kind != FILE else _size(header) if size is None else size
        member = Member(name, kind, read, size, stream)
        yield member
        while member.read(_CHUNK):
            pass
        if len(stream.read(-size % BLOCK)) < -size % BLOCK:
            raise EOFError("it ends in the middle of a member")


def _kind(header: bytes, name: bytes) -> str:
    kind = _KINDS.get(header[156:157], OTHER)
    if header[156:157] == b"\0" and name.endswith(b"/"):
        return FOLDER  # before 1988 a folder was a file whose name ends so
    return kind


def _block(stream: Readable) -> bytes:
    """A header whose checksum is right, or the zeros that end a tar."""
    header = stream.read(BLOCK)
    if len(header) < BLOCK:
        raise EOFError("its end is missing")
    if header != bytes(BLOCK):
        without = header[:148] + b" " * 8 + header[156:]
        unsigned = sum(without)
        if (wanted := _octal(header[148:156])) != unsigned and wanted != unsigned - 256 * sum(
            b > 127 for b in without
        ):
            raise ValueError("a header's checksum is wrong")
    return header


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0")[0]
    prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _size(header: bytes) -> int:
    field = header[124:136]
    if field[0] == 0x80:  # a binary number, for files of 8 GiB and more
        return _in_range(int.from_bytes(field[1:], "big"))
    return _octal(field)


def _octal(field: bytes) -> int:
    digits = field.split(b"\0")[0].strip()
    if not re.fullmatch(rb"[0-7]*", digits):
        raise ValueError("a header's number is none")
    return int(digits or b"0", 8)


def _content(stream: Readable, size: int) -> bytes:
    """What a header that is more than a block says."""
    if size > MAX_HEADER_BYTES:
        raise ValueError(f"a header has {size:,} bytes, more than {MAX_HEADER_BYTES >> 10} KiB")
    content = stream.read(size + -size % BLOCK)
    if len(content) < size:
        raise EOFError("it ends in the middle of a header")
    return content[:size]


def _pax(content: bytes) -> dict[bytes, bytes]:
    """Lines ``LENGTH KEY=VALUE``; the length counts all of the line."""
    said = {}
    place = 0
    while place < len(content) and content[place]:
        found = re.compile(rb"(\d{1,6}) ([^=]*)=").match(content, place)
        end = place + int(found[1]) if found else 0
        if found is None or not found.end() < end <= len(content) or content[end - 1 : end] != b"\n":
            raise ValueError("a pax header is broken")
        said[found[2]] = content[found.end() : end - 1]
        place = end
    return said


def _pax_size(said: dict[bytes, bytes], otherwise: int | None) -> int | None:
    if b"size" not in said:
        return otherwise
    if not re.fullmatch(rb"\d{1,19}", said[b"size"]):
        raise ValueError("a pax header's size is none")
    return _in_range(int(said[b"size"]))


def _in_range(size: int) -> int:
    if size > _LARGEST:
        raise ValueError("a member is larger than any disk")
    return size
