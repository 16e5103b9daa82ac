"""Unpack zip, tar and tgz archives that strangers made.

Only plain files and folders come out, and only below the target folder: absolute names, ``..``, names with
escapes or newlines, links, devices, encrypted and sparse members are refused, and so is an archive that holds
far more than its own size promises. Members are streamed one after the other.

By hand, because ``shutil.unpack_archive`` caps nothing, and before Python 3.12 refuses next to nothing.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from strata.base.errors import StrataError, one_line
from strata.base.track import Track, no_track
from strata.fetching.tars import BLOCK, FILE, FOLDER, Readable, tar_members
from strata.fetching.zips import BROKEN_ZIP, open_zip, refused_because, zip_name

MAX_MEMBERS = 1_000_000  # files and folders
MAX_DEPTH = 32  # folders in one another
MAX_BYTES = 256 << 30
MAX_GROWTH = 50  # pictures are compressed already: an archive that grows more than this is a bomb
FREE_GROWTH_BYTES = 64 << 20  # small archives of text may grow more
TAR_TAIL_BYTES = 2 * BLOCK  # a tar ends with two blocks of zeros
_CHUNK = 1 << 20
_SHOWN = 80  # characters of a name in a message
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_BROKEN = (gzip.BadGzipFile, *BROKEN_ZIP)


def unpack(archive: Path, folder: Path, *, consume: bool = False, track: Track = no_track) -> int:
    """Unpack ``archive`` into the new folder ``folder``; how many files it held.

    ``folder`` appears when all is written, or not at all; with ``consume`` the archive is removed then.
    Raises StrataError of one line when it is damaged, not an archive, holds what is refused, or the disk has
    less room than its size (pictures are compressed already: unpacked they hardly grow).
    """
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _refuse_full_disk(archive, part)
        with open(archive, "rb") as stream:
            writer = _Writer(archive, part)
            members = _members(archive, stream, writer)
            total = archive.stat().st_size // _CHUNK
            for _ in track(_steps(members), total=total, desc=f"unpack {archive.name}, MiB"):
                pass
        os.replace(part, folder)
    except _BROKEN as error:
        raise StrataError(f"{archive}: damaged or no archive ({one_line(error)}); fetch it again") from None
    except RuntimeError as error:  # zipfile: encrypted members, unknown compression is NotImplementedError
        raise StrataError(f"{archive}: cannot be unpacked ({one_line(error)})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if consume:
        archive.unlink(missing_ok=True)
    return writer.files


class _Writer:
    """Writes members below ``root`` and counts them against MAX_MEMBERS, MAX_BYTES and MAX_GROWTH."""

    def __init__(self, archive: Path, root: Path) -> None:
        self._archive, self._root = archive, root
        self._size = archive.stat().st_size
        self._bytes = 0
        self._folders = {root}
        self.files = 0

    def refuse(self, name: str, why: str) -> StrataError:
        shown = name[:_SHOWN]
        return StrataError(f"{self._archive}: refused, member {shown!r} {why}; do not trust this archive")

    def folder(self, name: str) -> None:
        """Make one folder."""
        with self._refused_names(name):
            self._make(self._target(name), name)

    def file(self, name: str, content: Readable) -> int:
        """Stream one member into a new file; how many bytes it has."""
        target = self._target(name)
        self.files += 1
        with self._refused_names(name):
            self._make(target.parent, name)
            out = open(target, "xb")  # noqa: SIM115 (closed below; only its making may be refused)
        size = 0
        with out:
            while chunk := content.read(_CHUNK):
                self.count_bytes(name, len(chunk))
                out.write(chunk)
                size += len(chunk)
        return size

    def count_bytes(self, name: str, count: int) -> None:
        """Count unpacked bytes; StrataError when there are too many for an archive of this size."""
        self._bytes += count
        allowed = min(MAX_BYTES, self._size * MAX_GROWTH + FREE_GROWTH_BYTES)
        if self._bytes > allowed:
            raise self.refuse(name, f"makes it more than {allowed:,} bytes unpacked (a bomb?)")

    def _make(self, folder: Path, name: str) -> None:
        """The folder with those above it, each made and counted once."""
        missing = []
        while folder not in self._folders:
            missing.append(folder)
            folder = folder.parent
        for below in reversed(missing):
            below.mkdir()
            self._folders.add(below)
        if self.files + len(self._folders) - 1 > MAX_MEMBERS:
            raise self.refuse(name, f"makes it more than {MAX_MEMBERS:,} files and folders")

    @contextlib.contextmanager
    def _refused_names(self, name: str) -> Iterator[None]:
        try:
            yield
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise self.refuse(name, "stands there twice") from None
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
                raise self.refuse(name[:60], f"has a name this disk cannot hold ({error.strerror})") from None
            raise

    def _target(self, name: str) -> Path:
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or (len(parts[0]) == 2 and parts[0][1] == ":"):
            raise self.refuse(name, "has an absolute name")
        if ".." in parts:
            raise self.refuse(name, "climbs out of its folder")
        if _CONTROL.search(name):
            raise self.refuse(name, "has escapes or newlines in its name")
        if not name.strip("/."):
            raise self.refuse(name, "has no usable name")
        if len(parts) > MAX_DEPTH:
            raise self.refuse(name, f"lies more than {MAX_DEPTH} folders deep")
        return self._root / name


def _members(archive: Path, stream: IO[bytes], writer: _Writer) -> Iterator[int]:
    """Write the archive's members, one a step; how many bytes of the archive have been read by then."""
    start = stream.read(512)
    stream.seek(0)
    if start.startswith(b"PK"):
        return _zip_members(stream, writer)
    if start.startswith(b"\x1f\x8b"):
        return _tgz_members(stream, writer)
    if start[257:262] == b"ustar":
        return _plain_tar_members(stream, writer)
    raise StrataError(f"{archive}: not a zip, tar or tgz archive; fetch it again")


def _steps(members: Iterator[int]) -> Iterator[None]:
    """One item a MiB of the archive, however large its members are."""
    said = 0
    for place in members:
        while said < place // _CHUNK:
            said += 1
            yield


def _zip_members(stream: IO[bytes], writer: _Writer) -> Iterator[int]:
    whole = stream.seek(0, os.SEEK_END)
    with open_zip(stream) as archive:
        entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
        for entry in entries:
            if why := refused_because(entry):
                raise writer.refuse(zip_name(entry), why)
            if entry.header_offset + entry.compress_size > whole:
                raise EOFError(f"{zip_name(entry)[:_SHOWN]!r} ends outside of it")
        for entry in entries:
            name = zip_name(entry)
            if name.endswith("/"):
                writer.folder(name)
            else:
                with archive.open(entry) as content:
                    if writer.file(name, content) != entry.file_size:
                        raise EOFError(f"{name[:_SHOWN]!r} has another size than is listed")
            yield entry.header_offset + entry.compress_size


def _tgz_members(stream: IO[bytes], writer: _Writer) -> Iterator[int]:
    with gzip.GzipFile(fileobj=stream, mode="rb") as unzipped:
        yield from _tar_members(unzipped, stream, writer)


def _plain_tar_members(stream: IO[bytes], writer: _Writer) -> Iterator[int]:
    yield from _tar_members(stream, stream, writer)
    stream.seek(-min(TAR_TAIL_BYTES, stream.seek(0, os.SEEK_END)), os.SEEK_END)
    if any(stream.read()):
        raise EOFError("its end is missing")


def _tar_members(content: Readable, stream: IO[bytes], writer: _Writer) -> Iterator[int]:
    for member in tar_members(content):
        name = _tar_name(member.name)
        writer.count_bytes(name, member.header_bytes)
        if member.kind == FOLDER:
            if name.strip("./"):  # many archives begin with "./"
                writer.folder(name)
        elif member.kind == FILE:
            writer.file(name, member)
        else:
            raise writer.refuse(name, "is a link, a device or sparse")
        yield stream.tell()
    while chunk := content.read(_CHUNK):
        _check_padding(chunk, writer)


def _check_padding(chunk: bytes, writer: _Writer) -> None:
    """A broken header can look like the end: what follows the end must be zeros."""
    writer.count_bytes("(padding)", len(chunk))
    if any(chunk):
        raise EOFError("something in the middle is broken")


def _tar_name(name: bytes) -> str:
    """Names that are not UTF-8 are read as Latin-1."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _refuse_full_disk(archive: Path, folder: Path) -> None:
    lacking = archive.stat().st_size - shutil.disk_usage(folder).free
    if lacking > 0:
        raise StrataError(
            f"{archive}: the disk is too full to unpack it; free {(lacking >> 20) + 1} MiB and run again"
        )
