"""Tars: what tarfile writes in any format is read; a header cannot take more than its bound."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.fetching.tars import MAX_HEADER_BYTES, MAX_HEADERS, Member, tar_members

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=150)
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


class Zeros:
    """A stream that starts with ``start`` and goes on with zeros for ever."""

    def __init__(self, start: bytes) -> None:
        self._start = io.BytesIO(start)

    def read(self, count: int, /) -> bytes:
        start = self._start.read(count)
        return start + bytes(count - len(start))


@given(
    content=st.dictionaries(NAMES, st.binary(max_size=2000), max_size=5),
    form=st.sampled_from(FORMATS[1:]),
    folder=st.booleans(),
)
def test_what_tarfile_writes_comes_out(content: dict[str, bytes], form: int, folder: bool) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(f"below/{name}" if folder else name)
            member.size, member.mtime = len(data), 1234567890.5
            archive.addfile(member, io.BytesIO(data))
    stream.seek(0)
    found = {member.name.decode(): member.read(4000) for member in tar_members(stream)}
    assert found == {f"below/{name}" if folder else name: data for name, data in content.items()}


@pytest.mark.parametrize("form", FORMATS)
def test_a_long_path_comes_out_in_every_format(form: int) -> None:
    name = "/".join(["folder of some length"] * 9) + "/a.jpg"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        archive.addfile(tarfile.TarInfo(name))
    stream.seek(0)
    assert [member.name.decode() for member in tar_members(stream)] == [name]


def test_content_that_is_not_read_is_skipped() -> None:
    stream = io.BytesIO(header("a", 700) + bytes(1024) + header("b", 0) + bytes(1024))
    assert [member.name for member in tar_members(stream)] == [b"a", b"b"]


def drained(members: Iterator[Member]) -> None:
    for member in members:
        while member.read(1 << 20):
            pass


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"X", b"g"])
@pytest.mark.parametrize("size", [MAX_HEADER_BYTES + 1, 1_500_000_000, (1 << 33) - 1])
def test_a_huge_header_is_refused_unread(kind: bytes, size: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"a header has {size:,} bytes"):
            drained(tar_members(Zeros(header("././@LongLink", size, kind))))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_headers_without_end_before_one_member_are_refused() -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_HEADERS} headers"):
        drained(tar_members(io.BytesIO(header("a", 0, b"L") * 10_000)))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"20 size=12345678901\n", "in the middle of a member"),
        (b"30 size=99999999999999999999\n", "broken"),
        (b"29 size=99999999999999999999\n", "size is none"),
        (b"28 size=9999999999999999999\n", "larger than any disk"),
        (b"11 size=-5\n", "size is none"),
        (b"0 path=a\n", "broken"),
        (b"999999 path=a\n", "broken"),
        (b"no header", "broken"),
    ],
)
def test_a_pax_header_that_lies_is_refused(said: bytes, why: str) -> None:
    content = header("x", len(said), b"x") + said.ljust(512, b"\0") + header("a", 3) + bytes(2048)
    with pytest.raises((ValueError, EOFError), match=why):
        drained(tar_members(io.BytesIO(content)))


def test_sparse_members_are_no_files() -> None:
    said = b"22 GNU.sparse.major=1\n"
    pax = header("x", len(said), b"x") + said.ljust(512, b"\0") + header("a", 0)
    for content in (pax, header("a", 0, tarfile.GNUTYPE_SPARSE)):
        assert [member.kind for member in tar_members(io.BytesIO(content + bytes(1024)))] == ["other"]


@pytest.mark.parametrize("cut", [1, 511, 512, 513, 1023, 1024, 1500])
def test_a_tar_that_ends_early_is_broken(cut: int) -> None:
    content = header("a", 700) + bytes(1024) + header("x", 9, b"L") + bytes(512)
    with pytest.raises(EOFError):
        drained(tar_members(io.BytesIO(content[:cut])))


def test_a_binary_size_is_read_and_a_negative_one_refused() -> None:
    for size, why in ((1 << 35, EOFError), ((1 << 88) - 5, ValueError)):
        block = bytearray(header("a", 0))
        block[124:136] = b"\x80" + size.to_bytes(11, "big")
        block[148:156] = b"        "
        block[148:156] = b"%06o\0 " % sum(block)
        with pytest.raises(why):
            drained(tar_members(io.BytesIO(bytes(block) + bytes(1024))))
