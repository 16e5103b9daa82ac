"""A zip that strangers made, opened so that its list of members cannot fill the memory.

``zipfile`` reads that list in one piece and makes an object a member before anything can be checked.
"""

from __future__ import annotations

import contextlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

MAX_MEMBERS = 1_000_000
MAX_LIST_BYTES = 200 << 20  # a million members with names of 150 bytes
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError)
"""What a broken zip makes ``zipfile`` raise."""
_ENTRY = b"PK\x01\x02"


@contextlib.contextmanager
def open_zip(stream: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The open archive. Raises one of BROKEN_ZIP when it is damaged or lists too much."""
    with zipfile.ZipFile(_Bounded(stream)) as archive:
        yield archive


def zip_name(entry: zipfile.ZipInfo) -> str:
    """The member's name; many programs write UTF-8 without saying so."""
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            return name.encode("cp437").decode("utf-8")
    return name


def refused_because(entry: zipfile.ZipInfo) -> str | None:
    """Why a member is not unpacked: it is no plain file or folder, or is packed in a way that is not read."""
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if entry.flag_bits & 1:
        return "is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that is not read (only deflate is)"
    return None


class _Bounded:
    """The stream, but reading a list of too many members raises BadZipFile, and so does a place before it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.tell, self.seekable = stream.tell, stream.seekable

    def seek(self, place: int, whence: int = 0) -> int:
        if whence == 0 and not 0 <= place < 1 << 62:
            raise zipfile.BadZipFile("it names a place outside of it")
        return self._stream.seek(place, whence)

    def read(self, count: int = -1) -> bytes:
        if count > MAX_LIST_BYTES:
            raise zipfile.BadZipFile(f"its list of members has {count:,} bytes")
        content = self._stream.read(count)
        if content.startswith(_ENTRY) and content.count(_ENTRY) > MAX_MEMBERS:
            raise zipfile.BadZipFile(f"it lists more than {MAX_MEMBERS:,} members")
        return content
