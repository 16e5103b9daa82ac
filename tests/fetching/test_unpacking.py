"""Archives that strangers made: what is fine comes out whole, all else is refused and leaves nothing."""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from strata.base.errors import StrataError
from strata.fetching import unpacking, zips
from strata.fetching.unpacking import unpack

CONTENT = {
    "a.txt": b"one",
    "below/ü é.jpg": b"two" * 1000,
    "below/The Wedding Procession (London,1965) .jpg": b"three",
    "below/empty": b"",
}


def make_zip(path: Path, content: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (CONTENT if content is None else content).items():
            archive.writestr(name, data)
    return path


def make_tar(path: Path, content: dict[str, bytes] | None = None) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as archive:
        root = tarfile.TarInfo("./")
        root.type = tarfile.DIRTYPE
        archive.addfile(root)
        for name, data in (CONTENT if content is None else content).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


MAKERS = {"a.zip": make_zip, "a.tar": make_tar, "a.tgz": make_tar}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Makes an archive of each kind."""
    return lambda content=None: MAKERS[request.param](tmp_path / request.param, content)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def refused(archive: Path, **limits: int) -> str:
    """The one line, with other ``limits`` of the module; nothing is left beside the archive."""
    beside = sorted(archive.parent.iterdir())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            patch.setattr(unpacking, name, value)
        with pytest.raises(StrataError) as caught:
            unpack(archive, archive.parent / "out")
    assert sorted(archive.parent.iterdir()) == beside
    assert "\n" not in str(caught.value)
    assert str(archive) in str(caught.value)
    return str(caught.value)


def test_everything_comes_out_under_its_name(make: Callable[..., Path], tmp_path: Path) -> None:
    assert unpack(make(), tmp_path / "out") == 4
    assert files(tmp_path / "out") == CONTENT


def test_the_archive_stays_unless_it_is_to_be_consumed(make: Callable[..., Path], tmp_path: Path) -> None:
    archive = make()
    unpack(archive, tmp_path / "out")
    assert archive.exists()
    unpack(archive, tmp_path / "again", consume=True)
    assert not archive.exists()


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_truncated_archive_is_refused(make: Callable[..., Path], place: float) -> None:
    archive = make({**CONTENT, "noise": os.urandom(50_000)})
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * place)])
    assert "damaged" in refused(archive)


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar")
    archive.write_bytes(archive.read_bytes()[: 3 * 512])
    assert "damaged" in refused(archive)


def test_a_broken_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar")
    content = bytearray(archive.read_bytes())
    content[3 * 512 : 3 * 512 + 100] = b"x" * 100  # the header of the second file
    archive.write_bytes(content)
    assert "damaged" in refused(archive)


def test_a_flipped_byte_is_found(make: Callable[..., Path], tmp_path: Path) -> None:
    archive = make({"noise": os.urandom(50_000)})
    if archive.suffix == ".tar":
        pytest.skip("a tar has no checksum of its content")
    content = bytearray(archive.read_bytes())
    content[25_000] ^= 1
    archive.write_bytes(content)
    assert "damaged" in refused(archive)


def test_a_web_page_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("<html>not found</html>" * 100)
    assert "not a zip, tar or tgz archive" in refused(tmp_path / "a.zip")


@pytest.mark.parametrize("name", ["../out.txt", "a/../../b", "/etc/passwd", "..\\b", "C:\\b", "a/.."])
def test_a_name_outside_the_folder_is_refused(make: Callable[..., Path], name: str) -> None:
    message = refused(make({"a.txt": b"1", name: b"2"}))
    assert "climbs out" in message or "absolute name" in message


@pytest.mark.parametrize("name", ["a\n.txt", "\x1b[31mred.txt", "below/\r.txt", "\x9b2J", "\u202egpj.exe"])
def test_a_name_with_escapes_or_newlines_is_refused(make: Callable[..., Path], name: str) -> None:
    message = refused(make({"a.txt": b"1", name: b"2"}))
    assert "has escapes or newlines in its name" in message
    assert message.isprintable()


@pytest.mark.parametrize("name", ["/".join("a" * 40), "/" * 3000])
def test_a_name_that_lies_too_deep_is_refused(make: Callable[..., Path], name: str) -> None:
    message = refused(make({"a.txt": b"1", name: b"2"}))
    assert any(why in message for why in ("no usable name", "folders deep", "absolute name"))
    assert len(message) < 500


def test_folders_count_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for i in range(50):
            member = tarfile.TarInfo(f"{i}/" + "/".join("abcdefghij"))
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
    assert "more than 99 files and folders" in refused(tmp_path / "a.tar", MAX_MEMBERS=99)


def test_headers_count_as_bytes_unpacked(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for i in range(3000):
            member = tarfile.TarInfo(str(i))
            member.pax_headers = {"comment": "a" * 30_000}
            archive.addfile(member)
    assert "bomb" in refused(tmp_path / "a.tgz", FREE_GROWTH_BYTES=1_000_000)


def test_a_zip_that_lists_too_many_members_is_refused_before_they_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_zip(tmp_path / "a.zip", {str(i): b"" for i in range(200)})
    for name, value in (("MAX_MEMBERS", 199), ("MAX_LIST_BYTES", 5000)):
        with monkeypatch.context() as patch:
            patch.setattr(zips, name, value)
            patch.setattr(zipfile, "ZipInfo", None)
            assert "list" in refused(archive)


def test_a_zip_packed_in_another_way_is_refused(tmp_path: Path) -> None:
    for packed in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", packed) as archive:
            archive.writestr("a.txt", b"a" * 1000)
        assert "only deflate is" in refused(tmp_path / "a.zip")


def raw_zip(name: bytes, extra: bytes = b"", narrow: tuple[int, int, int] = (7, 7, 0)) -> bytes:
    """A zip of one stored member of seven bytes; ``narrow``: its listed packed size, size and place."""
    content, times = b"content", bytes(4)
    fields = struct.pack("<HHH", 20, 0, 0) + times + struct.pack("<I", zlib.crc32(content))
    local = b"PK\x03\x04" + fields + struct.pack("<IIHH", 7, 7, len(name), 0) + name + content
    sizes = struct.pack("<IIHH3HI", *narrow[:2], len(name), len(extra), 0, 0, 0, 0)
    entry = (
        b"PK\x01\x02" + struct.pack("<H", 45) + fields + sizes + struct.pack("<I", narrow[2]) + name + extra
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)
    return local + entry + end


def test_a_zip_made_by_hand_comes_out(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(raw_zip(b"a.txt"))
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert files(tmp_path / "out") == {"a.txt": b"content"}


@pytest.mark.parametrize("name", [b"", b"/", b"./", b"a\0b", b"\x1b[2J"])
def test_a_zip_name_that_is_none_is_refused(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(raw_zip(name))
    assert "refused, member" in refused(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("size", "packed", "place"), [(2**63, 7, 0), (7, 2**64 - 1, 0), (8, 7, 0), (7, 7, 2**63), (7, 7, 2**40)]
)
def test_a_zip64_that_lies_about_places_and_sizes_is_refused(
    tmp_path: Path, size: int, packed: int, place: int
) -> None:
    extra = struct.pack("<HHQQQ", 1, 24, size, packed, place)
    (tmp_path / "a.zip").write_bytes(raw_zip(b"a.txt", extra, (2**32 - 1,) * 3))
    assert "damaged" in refused(tmp_path / "a.zip")


def test_a_name_that_no_disk_can_hold_is_refused(make: Callable[..., Path]) -> None:
    assert "has a name this disk cannot hold" in refused(make({"x" * 300: b"1"}))


def test_a_file_where_a_folder_stands_is_refused(make: Callable[..., Path]) -> None:
    assert "stands there twice" in refused(make({"a": b"1", "a/b": b"2"}))


def test_a_name_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    assert "twice" in refused(tmp_path / "a.tar")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("odd")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    assert "is a link, a device or sparse" in refused(tmp_path / "a.tar")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        entry = zipfile.ZipInfo("odd")
        entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    assert "is a link or a device" in refused(tmp_path / "a.zip")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.txt": b"1"})
    content = archive.read_bytes().replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
    )
    archive.write_bytes(content)
    assert "encrypted" in refused(archive)


def test_a_bomb_is_refused_before_it_fills_the_disk(make: Callable[..., Path]) -> None:
    archive = make({"zeros": bytes(30_000_000)})
    if archive.suffix == ".tar":
        pytest.skip("a tar is as large as its content")
    message = refused(archive, FREE_GROWTH_BYTES=1_000_000)
    assert "bytes unpacked (a bomb?)" in message


def test_a_zip_whose_header_lies_about_sizes_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(5_000_000)})
    content = archive.read_bytes().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 10))
    archive.write_bytes(content)
    assert "damaged" in refused(archive, FREE_GROWTH_BYTES=1_000)


def test_a_bomb_behind_the_end_of_a_tgz_is_refused(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tgz")
    with gzip.open(archive, "ab") as stream:
        stream.write(bytes(30_000_000))
    assert "bomb" in refused(archive, FREE_GROWTH_BYTES=1_000_000)


def test_too_many_files_are_refused(make: Callable[..., Path]) -> None:
    assert "more than 3 files and folders" in refused(make(), MAX_MEMBERS=3)


def test_names_in_utf8_that_the_zip_does_not_call_so(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"xx xx.jpg": b"1"})
    archive.write_bytes(archive.read_bytes().replace(b"xx xx.jpg", "ü é.jpg".encode()))
    unpack(archive, tmp_path / "out")
    assert files(tmp_path / "out") == {"ü é.jpg": b"1"}


def test_a_tar_name_that_is_not_utf8_is_read_as_latin_1(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        archive.addfile(tarfile.TarInfo("é.jpg"), io.BytesIO())
    unpack(tmp_path / "a.tar", tmp_path / "out")
    assert files(tmp_path / "out") == {"é.jpg": b""}


def test_what_a_killed_run_left_is_cleared(make: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part/a.txt").write_text("half")
    unpack(make(), tmp_path / "out")
    assert files(tmp_path / "out") == CONTENT


def test_a_full_disk_keeps_the_archive_and_leaves_nothing(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make()

    def full(self: object, name: str, count: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(unpacking._Writer, "count_bytes", full)
        with pytest.raises(OSError, match="No space"):
            unpack(archive, tmp_path / "out", consume=True)
    assert sorted(tmp_path.iterdir()) == [archive, tmp_path / "project"]
    unpack(archive, tmp_path / "out", consume=True)
    assert files(tmp_path / "out") == CONTENT


def test_a_disk_with_too_little_room_is_refused_before_anything_is_written(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make()
    full = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(StrataError, match=r"too full to unpack it; free 1 MiB"):
        unpack(archive, tmp_path / "out", consume=True)
    assert sorted(tmp_path.iterdir()) == [archive, tmp_path / "project"]
