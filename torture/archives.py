"""Archives, pickles, sheets and tables that strangers made, damaged: the right bytes or one clear line.

Each try takes a sound file of one kind, changes it (bits, numbers, cuts, pieces twice, or a known trick of
its kind), and reads it in a child that has CHILD_BYTES of memory and CHILD_S of processor time.
"""

from __future__ import annotations

import gzip
import io
import multiprocessing
import pickle
import random
import resource
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from stages.settings import read_yaml
from strata.base.errors import StrataError
from strata.datasets.csv_rows import read_rows
from strata.datasets.plain_pickle import read_plain_pickle
from strata.datasets.xlsx import read_sheet
from strata.fetching.unpacking import unpack
from torture.tries import repeated

CHILD_BYTES = 1 << 30  # besides what the child starts with
CHILD_S = 30
DISK_BYTES = 256 << 20
_NAMES = ("a.txt", "below/ü é.jpg", "below/deep/" + "n" * 120 + ".jpg", "below/empty")
_COLUMNS = ("file", "label")
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def run(seed: int, until: float) -> tuple[int, list[str]]:
    """Tries until ``time.monotonic()`` is ``until``: how many, and a line for each that failed."""
    return repeated(one, seed, until)


def one(name: str) -> str | None:
    """One try, all of it drawn from ``name``; None, or what went wrong."""
    chance = random.Random(name)
    kind = chance.choice(sorted(KINDS))
    made, read = KINDS[kind]
    content = damaged(made(chance), chance)
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        path = Path(folder) / f"hostile.{kind}"
        path.write_bytes(content)
        said = _in_a_child(read, path)
    return None if said is None else f"archives {name}: {kind} of {len(content):,} bytes: {said}"


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The bytes after one to four changes, none included once in ten times."""
    if chance.random() < 0.1:
        return content
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        chance.choice(_CHANGES)(changed, chance)
    return bytes(changed)


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _number(content: bytearray, chance: random.Random) -> None:
    """Write a number of the kind that readers trust: huge, negative, nothing."""
    width = chance.choice((1, 2, 4, 8))
    value = chance.choice((0, 1, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), chance.getrandbits(8 * width)))
    place = chance.randrange(len(content) + 1)
    content[place : place + width] = value.to_bytes(width, chance.choice(("little", "big")))


def _digits(content: bytearray, chance: random.Random) -> None:
    """Replace a run of digits, as tar, pax, XML and CSV have them."""
    runs = [place for place in range(len(content)) if 48 <= content[place] <= 57]
    if runs:
        place = chance.choice(runs)
        content[place : place + 1] = chance.choice(
            (b"7", b"-1", b"9" * 20, b"9" * 5000, b"77777777777", b"\0")
        )


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content) + 1) :]


def _remove(content: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(content) + 1)
    del content[start : start + chance.choice((1, 4, 30, 512))]


def _twice(content: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(content) + 1)
    piece = content[start : start + chance.choice((1, 16, 512, 2048))]
    content[start:start] = piece * chance.choice((1, 2, 100))


def _insert(content: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(content) + 1)
    content[start:start] = chance.choice(
        (b"\0" * 512, b"\x1b[2J", b"\n", b"../", b"\xff\xfe", chance.randbytes(40), b"<!DOCTYPE a>", b"((((")
    )


_CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip,
    _number,
    _digits,
    _cut,
    _remove,
    _twice,
    _insert,
)


def _members(chance: random.Random) -> dict[str, bytes]:
    return {name: random.Random(name).randbytes(9000)[: chance.choice((0, 1, 700, 9000))] for name in _NAMES}


def _zip(chance: random.Random) -> bytes:
    stream = io.BytesIO()
    packed = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream, "w", packed) as archive:
        for name, data in _members(chance).items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=chance.random() < 0.3) as member:
                member.write(data)
    return stream.getvalue()


def _tar(chance: random.Random) -> bytes:
    stream = io.BytesIO()
    form = chance.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, data in _members(chance).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.pax_headers = {"comment": "c" * chance.choice((0, 10, 70_000))}
            archive.addfile(member, io.BytesIO(data))
        if chance.random() < 0.2:
            archive.addfile(_odd_member(chance))
    return stream.getvalue()


def _odd_member(chance: random.Random) -> tarfile.TarInfo:
    member = tarfile.TarInfo(chance.choice(("odd", "../odd", "/odd", "a.txt", "a\nb", "x/" * 50 + "y")))
    member.type = chance.choice((b"0", b"1", b"2", b"3", b"6", b"L", b"S", b"x", b"g", b"Z"))
    member.linkname = "/etc/passwd"
    return member


def _tgz(chance: random.Random) -> bytes:
    if chance.random() < 0.7:
        return gzip.compress(damaged(_tar(chance), chance), 1)
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = chance.choice((b"L", b"K", b"x", b"g")), 80 << 20
    return gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(8 << 20), 1) + _tar(chance)


def _pickle(chance: random.Random) -> bytes:
    judged = [{"easy": [1, 2], "hard": [], "junk": [3], "bbx": [1.5, 2.0, 3.0, 4.0]} for _ in range(20)]
    truth = {"imlist": [f"name {i}" for i in range(50)], "qimlist": ["ü"], "gnd": judged}
    content = pickle.dumps(truth, chance.randint(0, pickle.HIGHEST_PROTOCOL))
    tricks = (
        b"\x80\x04\x96" + struct.pack("<Q", chance.choice((2**31, 2**62, 2**64 - 1))),
        b"".join(b"h%ch%c\x86q%c" % (i, i, i + 1) for i in range(40)),
        chance.choice((b"(", b"]", b"}", b")", b"N", b"2", b"0", b"K\x01"))
        * chance.choice((10, 100_000, 2_000_000)),
        b"cos\nsystem\n(S'true'\ntR",
        b"I" + b"9" * 100_000 + b"\n",
    )
    place = chance.randrange(len(content))
    return content[:place] + chance.choice(tricks) + content[place:] if chance.random() < 0.3 else content


def _xlsx(chance: random.Random) -> bytes:
    cells = "".join(f'<c r="A{i}" t="s"><v>{i % 3}</v></c><c r="C{i}"><v>{i}</v></c>' for i in (1,))
    rows = f"<row>{cells}</row>" * chance.choice((1, 50, 20_000))
    empty = chance.choice(("", "<row/>", "<row><c/></row>", '<row><c r="ALZ1"/></row>', "<a>"))
    sheet = f"<worksheet {_MAIN}><sheetData>{rows}{empty * chance.choice((1, 1000, 400_000))}"
    parts = {
        "xl/worksheets/sheet1.xml": f"{sheet}</sheetData></worksheet>",
        "xl/sharedStrings.xml": f"<sst {_MAIN}><si><t>x</t></si><si><t>ü</t></si><si/></sst>",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in parts.items():
            inside = text.encode()
            archive.writestr(name, damaged(inside, chance) if len(inside) < 1 << 20 else inside)
    return stream.getvalue()


def _csv(chance: random.Random) -> bytes:
    rows = "".join(f'"a {i}.jpg",label {i % 3}\n' for i in range(chance.choice((1, 100, 20_000))))
    return ("\ufeff" * chance.randint(0, 1) + "file,label\n" + rows).encode(
        chance.choice(("utf-8", "utf-16"))
    )


def _yaml(chance: random.Random) -> bytes:
    content = Path("params.yaml").read_bytes()
    tricks = (
        b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (i + 1, i + 1, i, i) for i in range(97, 121)),
        b"[" * 50_000,
        b"{" * 50_000,
        b"- " * 50_000,
        b"pooling: !!python/object/apply:os.system [true]\n",
        b"pooling: " + b"9" * 100_000 + b"\n",
    )
    return content + chance.choice(tricks) if chance.random() < 0.3 else content


def _read_archive(path: Path) -> None:
    target = path.parent / "out"
    before = sorted(path.parent.iterdir())
    try:
        unpack(path, target)
    except StrataError:
        if sorted(path.parent.iterdir()) != before:
            raise AssertionError("a refused archive left something") from None
        raise
    true = {name: random.Random(name).randbytes(9000) for name in _NAMES}
    for found in target.rglob("*"):
        name = found.relative_to(target).as_posix()
        content = found.read_bytes() if found.is_file() and path.suffix == ".zip" else b""
        if not true.get(name, content).startswith(content):  # a zip has a checksum of every member
            raise AssertionError(f"{name!r} came out with other bytes")


KINDS: dict[str, tuple[Callable[[random.Random], bytes], Callable[[Path], object]]] = {
    "zip": (_zip, _read_archive),
    "tar": (_tar, _read_archive),
    "tgz": (_tgz, _read_archive),
    "pkl": (_pickle, read_plain_pickle),
    "xlsx": (_xlsx, read_sheet),
    "csv": (_csv, lambda path: read_rows(path, path.name, _COLUMNS)),
    "yaml": (_yaml, read_yaml),
}


def _in_a_child(read: Callable[[Path], object], path: Path) -> str | None:
    """None when ``read`` gave something or one line; otherwise what it did."""
    forked = multiprocessing.get_context("fork")
    ours, theirs = forked.Pipe(duplex=False)
    child = forked.Process(target=_bounded, args=(read, path, theirs))
    child.start()
    theirs.close()
    child.join(3 * CHILD_S)
    if child.is_alive():
        child.kill()
        child.join()
        return "it does not end"
    if child.exitcode:
        return f"the reader ended with {child.exitcode} (limits: {CHILD_S} s, {CHILD_BYTES >> 20} MiB more)"
    said: str | None = ours.recv()
    return said


def _bounded(read: Callable[[Path], object], path: Path, answer: Connection) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    limit = pages * resource.getpagesize() + CHILD_BYTES
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_S, CHILD_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_BYTES, DISK_BYTES))
    said: str | None = None
    try:
        read(path)
    except StrataError as error:
        line = str(error)
        if not line.isprintable() or len(line) > 1000 or path.name not in line:
            said = f"no clear line: {line[:200]!r}"
    except BaseException as error:  # whatever it is, it is no clear line
        said = f"{type(error).__name__}: {str(error)[:200]!r}"
    answer.send(said)
