"""Atomic writes: a reader sees the old file or the whole new one, never half of it.

Every writer goes through a temporary file in the target's folder, fsync and rename. Parquet and JSON are
written so that equal content gives equal bytes (no timestamps, sorted keys). numpy and pyarrow are imported
where they are used: ``check``, ``scan`` and ``gate`` read and write nothing but text.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from strata.base.checksums import check_content, check_file
from strata.base.errors import StrataError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

ROWS_PER_GROUP = 65_536  # constant: a row group's size is part of the file's bytes


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary binary file that becomes ``path`` when the block ends without an error.

    Raises StrataError when the disk is full; anything half-written is removed.
    """
    with full_disk_reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def full_disk_reported(path: Path) -> Iterator[None]:
    """Turn "no space left" while ``path`` is being written into a StrataError; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        message = "the disk is full; free some space and run the same command again"
        raise StrataError(f"{path}: {message}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` atomically."""
    with atomic(path) as stream:
        stream.write(content)


def write_text(path: Path, content: str) -> None:
    """Write ``content`` as UTF-8 with ``\\n`` line ends, atomically."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys and a final newline. NaN and infinity are refused (ValueError)."""
    write_text(
        path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    )


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or broken one is a StrataError that names it."""
    try:
        return json.loads(check_content(path, path.read_bytes()).decode("utf-8"))
    except FileNotFoundError:
        raise _missing(path) from None
    except ValueError as error:
        raise _broken(path, "JSON", error) from None


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write one ``.npy`` (no pickled objects)."""
    import numpy as np

    with atomic(path) as stream:
        np.save(stream, np.asarray(array, order="C"), allow_pickle=False)


def read_array(path: Path, *, mmap: bool = False) -> npt.NDArray[Any]:
    """Read one ``.npy``; with ``mmap`` it is mapped (read-only). Damage is a StrataError."""
    import numpy as np

    check_file(path)
    try:
        result: npt.NDArray[Any] = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except FileNotFoundError:
        raise _missing(path) from None
    except (ValueError, EOFError) as error:
        raise _broken(path, "an array", error) from None
    return result


def write_arrays(path: Path, **arrays: npt.NDArray[Any]) -> None:
    """Write one uncompressed ``.npz`` whose bytes depend on the arrays alone (no pickled objects).

    Members are written whole: of one that grows, Python 3.11.4 and later write another header than before.
    """
    import numpy as np

    with atomic(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getbuffer())  # its time is 1980, always


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as Parquet (zstd, fixed row groups: equal tables give equal bytes)."""
    import pyarrow.parquet as pq

    with atomic(path) as stream:
        pq.write_table(table, stream, compression="zstd", row_group_size=ROWS_PER_GROUP, store_schema=True)


def required(**columns: pa.DataType) -> list[pa.Field]:
    """Columns of a schema that are never null."""
    import pyarrow as pa

    return [pa.field(name, kind, nullable=False) for name, kind in columns.items()]


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file, or only some of its columns. Damage is a StrataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_file(path)
    try:
        return pq.read_table(path, columns=columns, memory_map=True)
    except FileNotFoundError:
        raise _missing(path) from None
    except pa.ArrowInvalid as error:
        raise _broken(path, "Parquet", error) from None


def _missing(path: Path) -> StrataError:
    return StrataError(f"{path}: no such file; run `dvc repro` to make it")


def _broken(path: Path, kind: str, error: Exception) -> StrataError:
    return StrataError(f"{path}: not {kind} ({' '.join(str(error).split())}); delete it and run `dvc repro`")


def clear_leftovers(folder: Path) -> None:
    """Remove the temporary siblings of ``folder`` that killed processes left; one at a time makes it."""
    import shutil

    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.part"):
        shutil.rmtree(left, ignore_errors=True)


def make_in_place(folder: Path, make: Callable[[Path], None]) -> None:
    """Let ``make`` fill a temporary sibling of ``folder`` and rename it; a failure leaves nothing behind, and
    what a killed process left goes first."""
    import shutil

    with full_disk_reported(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(folder)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
        try:
            os.chmod(temporary, 0o777 & ~_umask())
            make(temporary)
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
