"""VGG Paintings: one row an address, several labels a picture, every failure accounted for."""

from __future__ import annotations

import io
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.base.files import read_table
from strata.collection.tables import USABLE
from strata.datasets import xlsx
from strata.datasets.paintings import MANIFEST, file_name, read_paintings
from strata.datasets.xlsx import read_sheet

HEADER = "Image URL,Web page URL,Subset,Labels"
XLSX = "painting_dataset_2018.xlsx"
CSV = "painting_dataset_2021.csv"


def quiet(message: str) -> None:
    """Takes a warning."""


def rows(url: str) -> list[str]:
    return [
        f"{url}/NG/NG_1.jpg,page1,'train',' cow dog '",
        f"{url}/NG/NG_2.jpg,page2,'test',' horse'",
        f"{url}/NG/gone.jpg,page3,'validation',' bird '",
        f"{url}/NG/NG_1.jpg,page1,'train',' cow dog '",
    ]


@pytest.fixture
def paintings(source: Callable[[str], Any], archives: dict[str, Any]) -> Any:
    made = source("paintings")
    made.serve({CSV: "\n".join([HEADER, *rows(made.server.url)]).encode()})
    made.serve({"NG/NG_1.jpg": archives["jpeg"](), "NG/NG_2.jpg": archives["jpeg"](40, 30)})
    return made


def test_a_picture_that_is_gone_stays_with_its_reason(paintings: Any) -> None:
    assert paintings.download() == 2
    tables = paintings.tables()
    by_status = Counter(tables.images["status"].to_pylist())
    assert by_status == {USABLE: 2, "not fetched: 404": 1}
    labels = dict(zip(*(tables.images[c].to_pylist() for c in ("image_id", "labels")), strict=True))
    assert list(labels.values()) == [["cow", "dog"], ["horse"], ["bird"]]
    assert tables.images["split"].to_pylist() == ["train", "test", "validation"]
    assert "1 of 4 rows repeat an address: dropped" in paintings.said[0]
    assert "1 of 3 pictures could not be fetched (404: 1)" in paintings.said[1]


def test_the_manifest_accounts_for_every_address(paintings: Any) -> None:
    paintings.download()
    manifest = read_table(paintings.raw / MANIFEST).to_pylist()
    assert [row["problem"] for row in manifest] == [None, None, "404"]
    assert [row["sha256"] is None for row in manifest] == [False, False, True]
    assert [Path(row["url"]).name for row in manifest] == ["NG_1.jpg", "NG_2.jpg", "gone.jpg"]


def test_the_next_run_asks_for_what_is_missing_only(paintings: Any, archives: dict[str, Any]) -> None:
    paintings.download()
    paintings.serve({"NG/gone.jpg": archives["jpeg"]()})
    paintings.server.asked.clear()
    assert paintings.download() == 3
    pictures = [path for path, _ in paintings.server.asked if path.endswith(".jpg")]
    assert pictures == ["/NG/gone.jpg"]


def test_without_any_picture_it_is_an_error(paintings: Any) -> None:
    for name in ("/NG/NG_1.jpg", "/NG/NG_2.jpg"):
        del paintings.server.files[name]
    with pytest.raises(StrataError, match="3 of 3 pictures could not be fetched"):
        paintings.download()
    assert not paintings.raw.exists()


def test_a_label_that_is_no_class_is_one_line(paintings: Any) -> None:
    table = paintings.server.files[f"/{CSV}"].replace(b" horse", b" unicorn")
    paintings.serve({CSV: table})
    paintings.download()
    with pytest.raises(StrataError, match="its label 'unicorn' is not a class"):
        paintings.tables()


def test_repeated_rows_add_their_labels(tmp_path: Path) -> None:
    lines = [HEADER, "http://a/1.jpg,p,'train',' cow'", "http://a/1.jpg,p,'train',' dog cow '"]
    (tmp_path / CSV).write_text("\n".join(lines))
    (found,) = read_paintings(tmp_path / CSV, quiet)
    assert found.labels == ("cow", "dog")


def test_an_address_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / CSV).write_text(f"{HEADER}\nfile:///etc/passwd,p,'train',' cow'")
    with pytest.raises(StrataError, match="is no address of a picture"):
        read_paintings(tmp_path / CSV, quiet)


def test_file_names_tell_addresses_apart() -> None:
    names = {file_name(f"https://x.org/{folder}/a b.jpg?w=1") for folder in ("a", "b")}
    assert len(names) == 2
    assert all(name.startswith("a_b-") and name.endswith(".jpg") for name in names)
    assert file_name("https://x.org/../../etc/passwd").endswith(".jpg")


def test_an_unknown_table_lists_those_there_are(paintings: Any) -> None:
    with pytest.raises(StrataError, match=f"there are: {CSV}, {XLSX}"):
        paintings.download(table="other.csv")


def test_the_true_table_of_2018(made: dict[str, Any]) -> None:
    said: list[str] = []
    found = read_paintings(made["TRUTH"] / f"vgg_{XLSX}", said.append)
    assert len(read_sheet(made["TRUTH"] / f"vgg_{XLSX}")) == 8532
    assert len(found) == len({painting.url for painting in found})
    assert len({label for painting in found for label in painting.labels}) == 10
    assert {painting.subset for painting in found} == {"train", "validation", "test"}
    assert all(painting.labels for painting in found)


def workbook(sheet: str, strings: str = "<sst/>") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", strings)
    return stream.getvalue()


MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04 no", "not an XLSX workbook"),
        (workbook('<!DOCTYPE a [<!ENTITY x "boom">]><worksheet>&x;</worksheet>'), "defines entities"),
        (workbook("<worksheet>" + " " * (3 << 20) + "</worksheet>"), "more than 2 MiB"),
        (workbook(f'<worksheet {MAIN}><row><c r="ZZZ1"><v>1</v></c></row></worksheet>'), "out of place"),
        (workbook(f'<worksheet {MAIN}><row><c t="s"><v>7</v></c></row></worksheet>'), "not an XLSX"),
        (workbook(f'<worksheet {MAIN}><row><c t="s"><v>-1</v></c></row></worksheet>'), "no number"),
        (workbook(f'<worksheet {MAIN}><row><c t="s"><v>{"9" * 5000}</v></c></row></worksheet>'), "no number"),
        (workbook(f"<worksheet {MAIN}><c/></worksheet>"), "not an XLSX"),
    ],
)
def test_a_workbook_with_more_in_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, why: str
) -> None:
    monkeypatch.setattr(xlsx, "MAX_PART_BYTES", 2 << 20)
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(StrataError, match=why):
        read_sheet(tmp_path / "a.xlsx")


def sheet(rows: str) -> bytes:
    return workbook(f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>")


@pytest.mark.parametrize(
    "content",
    [
        sheet("<row/>" * 3_000_000),
        sheet('<row><c r="ALZ1"/></row>' * 90_000),
        sheet("<row>" + "<c/>" * 1_500_000 + "</row>"),
        sheet("<x/>" * 3_000_000),
        sheet("<row><c>" * 1_500_000),
        workbook(f"<worksheet {MAIN}/>", f"<sst {MAIN}>{'<si/>' * 3_000_000}</sst>"),
    ],
    ids=["rows", "columns", "cells", "elements", "depth", "strings"],
)
def test_a_workbook_of_empty_things_takes_little_time_and_memory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    started = time.process_time()
    with pytest.raises(StrataError, match="has more than"):
        read_sheet(tmp_path / "a.xlsx")
    assert time.process_time() - started < 20  # 3 s quiet


def test_texts_numbers_and_gaps_of_a_sheet(tmp_path: Path) -> None:
    rows = (
        '<row><c r="A1" t="s"><v>1</v></c><c r="C1"><v>7</v></c></row><row/>'
        '<row><c t="inlineStr"><is><r><t>a</t></r><r><t> &amp; b</t></r></is></c><c t="s"><v>0</v></c></row>'
    )
    strings = f"<sst {MAIN}><si><t>x</t></si><si><r><t>y</t></r><r><t>z</t></r></si></sst>"
    content = workbook(f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>", strings)
    (tmp_path / "a.xlsx").write_bytes(content)
    assert read_sheet(tmp_path / "a.xlsx") == [["yz", "", "7"], [], ["a & b", "x"]]


@pytest.mark.slow
def test_the_true_table_against_a_server_that_lost_a_tenth(
    source: Callable[[str], Any], made: dict[str, Any]
) -> None:
    paintings = source("paintings")
    url = paintings.server.url
    found = read_paintings(made["TRUTH"] / f"vgg_{XLSX}", quiet)
    hosts = {painting.url.split("/")[2] for painting in found}
    content = io.BytesIO()
    with zipfile.ZipFile(made["TRUTH"] / f"vgg_{XLSX}") as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            for host in hosts:
                text = text.replace(f"https://{host}".encode(), url.encode())
            new.writestr(name, text)
    paintings.serve({XLSX: content.getvalue()})
    paths = sorted({"/".join(painting.url.split("/")[3:]) for painting in found})
    paintings.serve({path: made["jpeg"]() for i, path in enumerate(paths) if i % 10})
    paintings.download(table=XLSX)
    tables = paintings.tables()
    lost = Counter(tables.images["status"].to_pylist())["not fetched: 404"]
    assert tables.images.num_rows == len(found)
    assert abs(lost - len(found) / 10) < 50
