"""The list of a folder: exact names, in order, and nothing that is no picture."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strata.base.errors import StrataError
from strata.base.hashing import HashMemo
from strata.collection.listing import Found, Listing, listing_bytes, read_listing, scan_folder, weights_bytes

ENDS = (".jpg", ".PNG")
ODD_NAMES = [
    "a b.jpg",
    "brackets [x] (y).jpg",
    "comma, semi; 'quote' \"double\".jpg",
    "colon: percent % back\\slash.jpg",
    "Gemälde/über – 絵.jpg",
    "# root.jpg",
    "# labels.jpg",
    "new\nline\ttab.jpg",
    os.fsdecode(b"latin-\xfc.jpg"),
]


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def listed(root: Path) -> list[str]:
    return [found.name for found in scan_folder(root, ENDS, {}).files]


def test_pictures_are_found_below_in_any_case_and_sorted(tmp_path: Path) -> None:
    put(tmp_path, "b.JPG", "sub/deep/a.png", "a.jpg", "notes.txt", "jpg")
    assert listed(tmp_path) == ["a.jpg", "b.JPG", "sub/deep/a.png"]


def test_hidden_and_mac_leftovers_are_skipped(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", ".hidden.jpg", ".cache/b.jpg", "__MACOSX/c.jpg", "x/__MACOSX/d.jpg", "x/._e.jpg")
    assert listed(tmp_path) == ["a.jpg"]


def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    put(tmp_path, "in/a.jpg", "out/b.jpg", "out/sub/c.jpg")
    root = tmp_path / "in"
    (root / "link.jpg").symlink_to(tmp_path / "out/b.jpg")
    (root / "dangling.jpg").symlink_to(tmp_path / "none.jpg")
    (root / "out").symlink_to(tmp_path / "out")
    (root / "me").symlink_to(root)
    (tmp_path / "out/sub/up").symlink_to(tmp_path / "out")
    assert listed(root) == ["a.jpg", "link.jpg", "out/b.jpg", "out/sub/c.jpg"]


def test_what_is_no_file_is_no_picture(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    assert listed(tmp_path) == ["a.jpg"]


def test_odd_names_survive_byte_for_byte(tmp_path: Path) -> None:
    root = tmp_path / "r, [x] ü"
    put(root, *ODD_NAMES)
    listing = scan_folder(root, ENDS, {})
    (tmp_path / "list.tsv").write_bytes(listing_bytes(listing))
    again = read_listing(tmp_path / "list.tsv")
    assert again == listing
    assert sorted(ODD_NAMES) == [found.name for found in again.files]
    assert all((Path(again.root) / found.name).is_file() for found in again.files)


def test_the_list_is_readable_text(tmp_path: Path) -> None:
    put(tmp_path, "a b.jpg", "labels.csv")
    for name in ("a b.jpg", "labels.csv"):
        os.utime(tmp_path / name, ns=(1, 5))
    listing = scan_folder(tmp_path, ENDS, {"labels": "labels.csv", "queries": None, "relevance": None})
    stamps = [
        f"1\t5\t{found.st_ctime_ns}\t{found.st_ino}"
        for found in ((tmp_path / name).stat() for name in ("labels.csv", "a b.jpg"))
    ]
    assert listing_bytes(listing).decode() == (
        f"# root\t{tmp_path}\n# labels\t{tmp_path}/labels.csv\t{stamps[0]}\na b.jpg\t{stamps[1]}\n"
    )
    assert listing.tables == {"labels": Found.of(f"{tmp_path}/labels.csv", (tmp_path / "labels.csv").stat())}


def test_tables_may_be_elsewhere(tmp_path: Path) -> None:
    put(tmp_path, "pictures/a.jpg", "q.csv")
    listing = scan_folder(tmp_path / "pictures", ENDS, {"queries": str(tmp_path / "q.csv")})
    assert listing.tables["queries"].name == f"{tmp_path}/q.csv"


def test_what_is_missing_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"none: no such folder; mend path in conf/paths/folder\.yaml"):
        scan_folder(tmp_path / "none", ENDS, {})
    with pytest.raises(StrataError, match=r"no pictures there \(names ending in \.jpg, \.png\)"):
        scan_folder(tmp_path, ENDS, {})
    put(tmp_path, "a.jpg")
    with pytest.raises(StrataError, match=r"l\.csv: no such file; mend the labels file"):
        scan_folder(tmp_path, ENDS, {"labels": "l.csv"})
    with pytest.raises(StrataError, match=r"list\.tsv: no such file"):
        read_listing(tmp_path / "list.tsv")
    (tmp_path / "demo.tsv").write_text("# nothing to watch\n")
    with pytest.raises(StrataError, match=r"demo\.tsv: not a listing"):
        read_listing(tmp_path / "demo.tsv")


def test_an_empty_listing_reads_as_one(tmp_path: Path) -> None:
    (tmp_path / "l.tsv").write_bytes(listing_bytes(Listing("/r", [])))
    assert read_listing(tmp_path / "l.tsv") == Listing("/r", [])


def test_files_with_other_endings_are_counted_and_tables_are_not(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.HEIC", "in/c.heic", "in/d.pdf", "notes", "l.csv", ".hidden.heic")
    listing = scan_folder(tmp_path, ENDS, {"labels": "l.csv"})
    assert listing.others == {"": 1, ".heic": 2, ".pdf": 1}
    (tmp_path / "l.tsv").write_bytes(listing_bytes(listing))
    assert read_listing(tmp_path / "l.tsv") == listing


def test_weights_are_listed_by_name_size_and_hash(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    put(folder, "open_clip_config.json", "w.safetensors", "README.md", ".hidden.json/x")
    memo = HashMemo(tmp_path / "memo")
    lines = weights_bytes(folder, memo).decode().splitlines()
    assert [line.split("\t")[:2] for line in lines] == [
        ["open_clip_config.json", "1"],
        ["w.safetensors", "1"],
    ]
    moved = folder.rename(tmp_path / "moved")
    assert weights_bytes(moved, memo).decode().splitlines() == lines
    assert weights_bytes(moved / "w.safetensors", memo).decode().splitlines() == lines[1:]
    with pytest.raises(
        StrataError, match=r"none: no such file or folder; mend path in conf/paths/local\.yaml"
    ):
        weights_bytes(tmp_path / "none", memo)
    (tmp_path / "empty").mkdir()
    with pytest.raises(StrataError, match="no weights there"):
        weights_bytes(tmp_path / "empty", memo)
