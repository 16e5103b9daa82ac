"""CSV files as people have them."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from strata.base.errors import StrataError
from strata.datasets.csv_rows import name_finder, read_rows, rows_of_pictures


def read(tmp_path: Path, content: str | bytes, *needed: str) -> list[dict[str, str]]:
    path = tmp_path / "stored.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [row.cells for row in read_rows(path, "my labels.csv", needed or ("file",))]


def refusal(tmp_path: Path, content: str | bytes, *needed: str) -> str:
    with pytest.raises(StrataError) as caught:
        read(tmp_path, content, *needed)
    return str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_is_that_of_the_header(tmp_path: Path, delimiter: str, end: str) -> None:
    content = end.join(
        delimiter.join(cells) for cells in (["file", "label"], ["a b.jpg", "x"], ["ü.jpg", ""])
    )
    expected = [{"file": "a b.jpg", "label": "x"}, {"file": "ü.jpg", "label": ""}]
    assert read(tmp_path, content) == expected


def test_a_byte_order_mark_blank_lines_and_short_rows_are_fine(tmp_path: Path) -> None:
    content = "\ufeff\n\nfile , label\n\na.jpg,x\n , \nb.jpg\n"
    assert read(tmp_path, content) == [
        {"file": "a.jpg", "label": "x"},
        {"file": " ", "label": " "},
        {"file": "b.jpg", "label": ""},
    ]


def test_quotes_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    content = 'file,label\n"a, ""b"".jpg","x\ny"\n'
    assert read(tmp_path, content) == [{"file": 'a, "b".jpg', "label": "x\ny"}]


def test_a_row_knows_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('file,label\n"a\nb",x\n\nc,y\n')
    rows = read_rows(tmp_path / "a.csv", "a.csv", ["file"])
    assert [row.where for row in rows] == ["a.csv, line 3", "a.csv, line 5"]


def test_what_is_wrong_is_one_clear_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, "path,label\n") == "my labels.csv: no column 'file'; the columns are path, label"
    assert refusal(tmp_path, "file,label\n", "file", "mood").startswith("my labels.csv: no column 'mood'")
    assert refusal(tmp_path, "") == "my labels.csv: empty; expected a header line with file"
    latin = "file,label\nü.jpg,x\n".encode("latin-1")
    assert refusal(tmp_path, latin) == "my labels.csv: not UTF-8 (byte 11); save it as CSV UTF-8"
    assert "not UTF-8" in refusal(tmp_path, "file,label\n".encode("utf-16"))
    message = refusal(tmp_path, "file,label\na, b.jpg,x\n")
    assert message.startswith(
        "my labels.csv, line 2: 3 cells under 2 column names; a cell that holds a delimiter"
    )
    twice = "my labels.csv: column 'label' stands there twice; delete or rename one of them"
    assert refusal(tmp_path, "file,label, label\na.jpg,x,y\n") == twice
    assert "my labels.csv, line 2: not CSV" in refusal(tmp_path, 'file,label\n"a"b,x\n')


def test_names_match_exactly_or_in_another_unicode_form() -> None:
    find = name_finder(["ü.jpg", normalize("NFD", "ö.jpg"), "A.jpg"])
    assert find("ü.jpg") == "ü.jpg"
    assert find(normalize("NFD", "ü.jpg")) == "ü.jpg"
    assert find("ö.jpg") == normalize("NFD", "ö.jpg")
    assert find("a.jpg") is None
    both = name_finder(["ü.jpg", normalize("NFD", "ü.jpg")])
    assert {both("ü.jpg"), both(normalize("NFD", "ü.jpg"))} == {"ü.jpg", normalize("NFD", "ü.jpg")}


@pytest.mark.parametrize("cell", ["1.jpg ", " 1.jpg", "./1.jpg", ".\\1.jpg", ".//1.jpg", "x/../1.jpg"])
def test_names_match_in_the_spelling_of_another_system(cell: str) -> None:
    assert name_finder(["1.jpg"])(cell) == "1.jpg"
    assert name_finder([f"a/{name}" for name in ("1.jpg", "2.jpg")])(f" a\\{cell.strip()}") == "a/1.jpg"


def test_a_file_that_really_has_such_a_name_goes_before() -> None:
    find = name_finder(["a.jpg", "a.jpg ", "b/c.jpg", "b\\c.jpg"])
    assert [find(cell) for cell in ("a.jpg ", "a.jpg", " a.jpg", "b\\c.jpg", "./b\\c.jpg")] == [
        "a.jpg ",
        "a.jpg",
        "a.jpg",
        "b\\c.jpg",
        "b/c.jpg",
    ]


def rows_of(tmp_path: Path, *names: str) -> tuple[list[str], list[str]]:
    (tmp_path / "t.csv").write_text("\n".join(["file", *names]), encoding="utf-8")
    warnings: list[str] = []
    rows = read_rows(tmp_path / "t.csv", "t.csv", ["file"])
    return [file for _, file in rows_of_pictures(rows, "file", ["a.jpg"], warnings.append)], warnings


def test_the_first_three_names_without_a_picture_are_shown(tmp_path: Path) -> None:
    found, warnings = rows_of(tmp_path, "z1.jpg", "./a.jpg", "z2.jpg", "z3.jpg", "z4.jpg")
    assert found == ["a.jpg"]
    assert warnings == [
        "t.csv: 4 of 5 rows name no picture of the folder: 'z1.jpg' (line 2), 'z2.jpg' (line 4), "
        "'z3.jpg' (line 5), ...; they are left out"
    ]


def test_a_table_none_of_whose_names_is_a_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        StrataError, match=r"t\.csv: 1 of 1 rows name no picture of the folder: 'b' \(line 2\)"
    ):
        rows_of(tmp_path, "b")
