"""Flip bits of the files a finished run left under ``data/``, read them as the stages do: each is noticed.

Every file of a sealed folder is a candidate, the seal itself included; pictures, which ``extract`` compares
with the SHA-256 in its tables, and CSV plots, which no stage reads, are not. A copy
is damaged, never the run.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from strata.base.checksums import SEAL
from strata.base.errors import StrataError
from strata.base.files import read_array, read_json, read_table
from strata.descriptors.vectors import read_vectors
from strata.descriptors.whitening import read_whitening

DATA = Path("data").absolute()
READERS: dict[str, Callable[[Path], object]] = {
    ".npy": lambda path: read_array(path, mmap=True),
    ".npz": read_whitening,
    ".json": read_json,
    ".parquet": read_table,
}
VECTORS = ("descriptors", "reduced")


def run(seed: int, until: float) -> tuple[int, list[str]]:
    """Try until ``until`` (``time.monotonic()``); how many bits were flipped, and what went unnoticed."""
    draw, tries, failures = random.Random(seed), 0, []
    files = sorted(
        path
        for folder in sorted(DATA.glob("*"))
        if (folder / SEAL).is_file() and _witnesses(folder)  # no stage reads the charts' CSVs
        for path in folder.rglob("*")
        if path.suffix in READERS or path.name == SEAL
    )
    if not files:
        return 0, ["no sealed folder under data/: run `make repro` first"]
    home = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="torture.") as place:
        os.chdir(place)  # away from dvc.lock, which every error would read
        try:
            while time.monotonic() < until:
                path = draw.choice(files)
                bit = draw.randrange(8 * path.stat().st_size)
                tries += 1
                if problem := _unnoticed(Path(place), path, bit):
                    failures.append(f"{path.relative_to(home)}, bit {bit}: {problem}")
        finally:
            os.chdir(home)
    return tries, failures


def _unnoticed(place: Path, path: Path, bit: int) -> str:
    """What is wrong with how one flipped bit was met; "" when it was noticed in one clear line."""
    folder = DATA / path.relative_to(DATA).parts[0]
    copy = place / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copied = copy / path.relative_to(folder)
    copied.parent.mkdir(parents=True)
    shutil.copyfile(folder / SEAL, copy / SEAL)
    shutil.copyfile(path, copied)
    with open(copied, "r+b") as stream:
        stream.seek(bit // 8)
        (byte,) = stream.read(1)
        stream.seek(bit // 8)
        stream.write(bytes([byte ^ 1 << bit % 8]))
    witness = copied
    if path.name == SEAL:  # whoever reads any file of the folder meets its seal
        known = min(_witnesses(folder))
        path, witness = known, copy / known.relative_to(folder)
        witness.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(known, witness)
    reader = read_vectors if _holds_vectors(path) else READERS[witness.suffix]
    try:
        reader(witness)
    except StrataError as error:
        return "" if "damaged" in str(error) and "\n" not in str(error) else f"unclear: {error}"
    except Exception as error:
        return f"{type(error).__name__} instead of one clear line: {os.fspath(path)}"
    return "read without a word"


def _witnesses(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("*") if one.suffix in (".json", ".parquet")]


def _holds_vectors(path: Path) -> bool:
    return path.suffix == ".parquet" and path.relative_to(DATA).parts[0] in VECTORS
