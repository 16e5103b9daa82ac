"""Unpack zip, tar and tgz archives that strangers made.

Only plain files and folders come out, and only below the target folder: absolute names, ``..``, links,
devices, encrypted and sparse members are refused, and so is an archive that holds far more than its own size
promises. Members are streamed one after the other.

By hand, because ``shutil.unpack_archive`` caps nothing, and before Python 3.12 refuses next to nothing.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from strata.base.errors import StrataError, one_line
from strata.base.track import Track, no_track

MAX_FILES = 1_000_000
MAX_BYTES = 256 << 30
MAX_GROWTH = 50  # pictures are compressed already: an archive that grows more than this is a bomb
FREE_GROWTH_BYTES = 64 << 20  # small archives of text may grow more
TAR_TAIL_BYTES = 1024  # a tar ends with two blocks of zeros
_CHUNK = 1 << 20
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, ValueError)


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
    """Writes members below ``root`` and counts them against MAX_FILES, MAX_BYTES and MAX_GROWTH."""

    def __init__(self, archive: Path, root: Path) -> None:
        self._archive, self._root = archive, root
        self._size = archive.stat().st_size
        self._bytes = 0
        self.files = 0

    def refuse(self, name: str, why: str) -> StrataError:
        return StrataError(f"{self._archive}: refused, member {name!r} {why}; do not trust this archive")

    def folder(self, name: str) -> None:
        """Make one folder."""
        with self._refused_names(name):
            self._target(name).mkdir(parents=True, exist_ok=True)

    def file(self, name: str, content: IO[bytes]) -> None:
        """Stream one member into a new file."""
        self.files += 1
        if self.files > MAX_FILES:
            raise self.refuse(name, f"makes it more than {MAX_FILES:,} files")
        target = self._target(name)
        with self._refused_names(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            out = open(target, "xb")  # noqa: SIM115 (closed below; only its making may be refused)
        with out:
            while chunk := content.read(_CHUNK):
                self.count_bytes(name, len(chunk))
                out.write(chunk)

    def count_bytes(self, name: str, count: int) -> None:
        """Count unpacked bytes; StrataError when there are too many for an archive of this size."""
        self._bytes += count
        allowed = min(MAX_BYTES, self._size * MAX_GROWTH + FREE_GROWTH_BYTES)
        if self._bytes > allowed:
            raise self.refuse(name, f"makes it more than {allowed:,} bytes unpacked (a bomb?)")

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
        if name.startswith(("/", "\\")) or (len(parts[0]) > 1 and parts[0][1] == ":" and len(parts[0]) == 2):
            raise self.refuse(name, "has an absolute name")
        if ".." in parts:
            raise self.refuse(name, "climbs out of its folder")
        if "\0" in name or not name.strip("/."):
            raise self.refuse(name, "has no usable name")
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
    with zipfile.ZipFile(stream) as archive:
        entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
        for entry in entries:
            _check_zip_entry(entry, writer)
        for entry in entries:
            name = _zip_name(entry)
            if entry.is_dir():
                writer.folder(name)
            else:
                with archive.open(entry) as content:
                    writer.file(name, content)
            yield entry.header_offset + entry.compress_size


def _check_zip_entry(entry: zipfile.ZipInfo, writer: _Writer) -> None:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise writer.refuse(entry.filename, "is a link or a device")
    if entry.flag_bits & 1:
        raise writer.refuse(entry.filename, "is encrypted")


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """The member's name; many programs write UTF-8 without saying so."""
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            return name.encode("cp437").decode("utf-8")
    return name


def _tgz_members(stream: IO[bytes], writer: _Writer) -> Iterator[int]:
    with gzip.GzipFile(fileobj=stream, mode="rb") as unzipped:
        yield from _tar_members(unzipped, stream, writer)
        while chunk := unzipped.read(_CHUNK):  # to its end: only there stands the checksum
            _check_padding(chunk, writer)


def _plain_tar_members(stream: IO[bytes], writer: _Writer) -> Iterator[int]:
    yield from _tar_members(stream, stream, writer)
    stream.seek(-min(TAR_TAIL_BYTES, stream.seek(0, os.SEEK_END)), os.SEEK_END)
    if any(stream.read()):
        raise EOFError("its end is missing")


def _tar_members(content: Any, stream: IO[bytes], writer: _Writer) -> Iterator[int]:
    with tarfile.open(fileobj=content, mode="r|", errors="surrogateescape") as archive:
        for member in archive:
            _write_tar_member(archive, member, writer)
            yield stream.tell()
        rest: Any = archive.fileobj
        while chunk := rest.read(_CHUNK):
            _check_padding(chunk, writer)


def _check_padding(chunk: bytes, writer: _Writer) -> None:
    """tarfile takes a broken header for the end: what follows the end must be zeros."""
    writer.count_bytes("(padding)", len(chunk))
    if any(chunk):
        raise EOFError("something in the middle is broken")


def _write_tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo, writer: _Writer) -> None:
    name = _tar_name(member.name)
    if member.isdir():
        if name.strip("./"):  # many archives begin with "./"
            writer.folder(name)
        return
    if not member.isreg() or member.issparse():
        raise writer.refuse(name, "is a link, a device or sparse")
    content = archive.extractfile(member)
    if content is not None:
        writer.file(name, content)


def _tar_name(name: str) -> str:
    """Names that are not UTF-8 are read as Latin-1."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(name).decode("latin-1")
    return name


def _refuse_full_disk(archive: Path, folder: Path) -> None:
    lacking = archive.stat().st_size - shutil.disk_usage(folder).free
    if lacking > 0:
        raise StrataError(
            f"{archive}: the disk is too full to unpack it; free {(lacking >> 20) + 1} MiB and run again"
        )
