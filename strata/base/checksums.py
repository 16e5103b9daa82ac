"""What a stage left is what the next stage reads: checksums of every file of a sealed folder.

DVC links an object of its cache back without reading it, so damage on the disk would reach the numbers in
silence. A stage therefore seals its out: ``FOLDER/checksums.tsv`` has a line a file with its size and the
CRC-32 of every MiB, and each line ends in its own (``tsv``). Readers check a file before they use it, once a
process; a folder without a seal (hand-made, or of another program) is read as it is.
"""

from __future__ import annotations

import functools
import json
import shlex
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from strata.base.errors import StrataError
from strata.base.tsv import checked_line, from_checked_lines

SEAL = "checksums.tsv"
BLOCK = 1 << 20  # constant: part of the seal's bytes
THREADS = 2

Sums = tuple[int, tuple[int, ...]]
Stamp = tuple[str, int, int, int, int]
_checked: set[Stamp] = set()


def seal(folder: Path) -> None:
    """Write the seal of every file in ``folder``, whatever is below it; equal files give equal bytes."""
    unseal(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = (_line(path.relative_to(folder).as_posix(), _sums(path)) for path in files)
    (folder / SEAL).write_bytes(b"".join(lines))


def unseal(folder: Path) -> None:
    """Forget the seal: ``folder`` is about to be written."""
    (folder / SEAL).unlink(missing_ok=True)


def check_file(path: Path) -> None:
    """Raise StrataError when a file is not what its sealed folder says; one that is missing passes."""
    wanted = _sealed(path)
    if wanted is None or not path.is_file() or (stamp := _stamp(path)) in _checked:
        return
    if _sums(path) != wanted:
        raise _damaged(path)
    _checked.add(stamp)


def check_content(path: Path, content: bytes) -> bytes:
    """``content``, just read from ``path``; raises StrataError when the seal says otherwise."""
    wanted = _sealed(path)
    if wanted is not None and wanted != (len(content), tuple(_crcs(content))):
        raise _damaged(path)
    return content


def _sealed(path: Path) -> Sums | None:
    for folder in path.parents:
        if (folder / SEAL).is_file():
            known = _read(_stamp(folder / SEAL))
            name = path.relative_to(folder).as_posix()
            if known is None:
                raise _damaged(folder / SEAL)
            if name not in known and path.is_file():
                raise _damaged(path)
            return known.get(name)
    return None


@functools.lru_cache(64)
def _read(stamp: Stamp) -> dict[str, Sums] | None:
    """The lines of a seal, or None when one of them is damaged."""
    content = Path(stamp[0]).read_bytes()
    try:
        lines = [(name, int(size), sums) for name, size, sums in from_checked_lines(content)]
        if len(lines) != content.count(b"\n") or not content.endswith(b"\n"):
            return None
        return {name: (size, tuple(int(crc, 16) for crc in sums.split())) for name, size, sums in lines}
    except ValueError:
        return None


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return str(path), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _line(name: str, sums: Sums) -> bytes:
    return checked_line((name, str(sums[0]), " ".join(f"{crc:08x}" for crc in sums[1])))


def _sums(path: Path) -> Sums:
    size = path.stat().st_size
    step = BLOCK * max(1, size // BLOCK // THREADS + 1)
    with ThreadPoolExecutor(THREADS) as pool:  # a CRC of a MiB leaves Python to others
        parts = pool.map(lambda start: _part(path, start, step), range(0, size, step))
        return size, tuple(crc for part in parts for crc in part)


def _part(path: Path, start: int, length: int) -> list[int]:
    with open(path, "rb", buffering=0) as stream:
        stream.seek(start)
        blocks = (stream.read(BLOCK) for _ in range(0, length, BLOCK))
        return [zlib.crc32(block) for block in blocks if block]


def _crcs(content: bytes) -> Iterable[int]:
    view = memoryview(content)
    return (zlib.crc32(view[start : start + BLOCK]) for start in range(0, len(content), BLOCK))


def _damaged(path: Path) -> StrataError:
    stage, cached = _origin(path)
    what = f"{path}: damaged: its bytes are not those that the stage wrote"
    again = f"dvc repro -f -s {shlex.quote(stage)}" if stage else "dvc repro -f"
    if cached is None:
        return StrataError(f"{what}; make it again: `{again}`")
    return StrataError(
        f"{what}; remove its cache object and make it again: `rm -f {shlex.quote(str(cached))} && {again}`"
    )


def _origin(path: Path) -> tuple[str, Path | None]:
    """The stage that wrote ``path`` and the cache object it was linked from, as far as dvc.lock tells."""
    from ruamel.yaml import YAML  # only ever on the way out
    from ruamel.yaml.error import YAMLError

    try:
        stages = YAML(typ="safe", pure=True).load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"]
        for name, stage in stages.items():
            for out in stage.get("outs", ()):
                if Path(out["path"]) in (path, *path.parents):
                    return name, _object(path.relative_to(out["path"]).as_posix(), out["md5"])
    except (OSError, ValueError, KeyError, TypeError, YAMLError):
        pass
    return "", None


def _object(name: str, md5: str) -> Path | None:
    cache = Path(".dvc/cache/files/md5")
    if md5.endswith(".dir"):
        entries = json.loads((cache / md5[:2] / md5[2:]).read_text(encoding="utf-8"))
        md5 = next(entry["md5"] for entry in entries if entry["relpath"] == name)
    return cache / md5[:2] / md5[2:]
