"""The first sheet of an XLSX workbook as rows of texts. (No formulas, dates or styles: tables of addresses.)

A workbook is a zip of XML that strangers made: document types and entities are refused; bytes, elements, rows
and cells are capped, and no tree is built of what is not asked for. By hand, because one table of one data
set does not earn a dependency, and openpyxl caps nothing.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

from strata.base.errors import StrataError, one_line
from strata.fetching.zips import BROKEN_ZIP, open_zip, refused_because

MAX_FILE_BYTES = 64 << 20
MAX_PART_BYTES = 32 << 20
MAX_ELEMENTS = 2_000_000
MAX_ROWS = 100_000
MAX_CELLS = 1_000_000  # empty ones between two others included
_MAX_COLUMNS = 1024
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_SHEET = "xl/worksheets/sheet1.xml"
_STRINGS = "xl/sharedStrings.xml"
_SHOWN = 200  # of the reason: it may quote what stands in the file


def read_sheet(path: Path) -> list[list[str]]:
    """Rows of cells as texts, '' where empty. Raises StrataError when it is no workbook or refused."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"it has more than {MAX_FILE_BYTES >> 20} MiB")
        with open(path, "rb") as stream, open_zip(stream) as archive:
            strings = _Strings()
            if _STRINGS in archive.NameToInfo:
                _parse(_part(archive, _STRINGS), _STRINGS, strings.start, strings.end, strings.text)
            sheet = _Sheet(strings.found)
            _parse(_part(archive, _SHEET), _SHEET, sheet.start, sheet.end, sheet.text)
        return sheet.rows
    except (*BROKEN_ZIP, KeyError, IndexError, RuntimeError, expat.ExpatError) as error:
        why = one_line(error)[:_SHOWN]
        raise StrataError(f"{path}: not an XLSX workbook ({why}); fetch it again") from None


class _Strings:
    """The shared strings: texts of every ``si``, in order."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._pieces: list[str] = []
        self._is_text = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._is_text = name == "t"
        if name == "si":
            self._pieces.clear()

    def end(self, name: str) -> None:
        self._is_text = False
        if name == "si":
            self.found.append("".join(self._pieces))

    def text(self, piece: str) -> None:
        if self._is_text:
            self._pieces.append(piece)


class _Sheet:
    """The rows of a sheet, its cells looked up among the shared strings."""

    def __init__(self, shared: list[str]) -> None:
        self.rows: list[list[str]] = []
        self._shared = shared
        self._cells = 0
        self._kind = ""
        self._pieces: list[str] = []
        self._is_text = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._is_text = name == ("t" if self._kind == "inlineStr" else "v")
        if name == "row":
            self.rows.append([])
            if len(self.rows) > MAX_ROWS:
                raise ValueError(f"{_SHEET} has more than {MAX_ROWS:,} rows")
        elif name == "c":
            row = self.rows[-1]
            place = _column(attributes.get("r", ""), len(row))
            self._cells += place + 1 - len(row)
            if self._cells > MAX_CELLS:
                raise ValueError(f"{_SHEET} has more than {MAX_CELLS:,} cells")
            row += [""] * (place + 1 - len(row))
            self._kind = attributes.get("t", "")
            self._pieces.clear()

    def end(self, name: str) -> None:
        self._is_text = False
        if name == "c":
            value = "".join(self._pieces)
            self.rows[-1][-1] = self._shared[_number(value)] if self._kind == "s" else value
            self._kind = ""

    def text(self, piece: str) -> None:
        if self._is_text:
            self._pieces.append(piece)


def _parse(
    content: bytes,
    part: str,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Call back for every element of the main namespace, by its bare name, and for texts."""
    parser = expat.ParserCreate("utf-8", " ")
    elements = 0

    def started(name: str, attributes: dict[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements > MAX_ELEMENTS:
            raise ValueError(f"{part} has more than {MAX_ELEMENTS:,} elements")
        start(name.removeprefix(_MAIN), attributes)

    def defines(*_: Any) -> None:
        raise ValueError(f"{part} defines entities")

    parser.buffer_text = True
    parser.StartElementHandler = started
    parser.EndElementHandler = lambda name: end(name.removeprefix(_MAIN))
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = defines
    parser.EntityDeclHandler = defines
    parser.Parse(content, True)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    entry = archive.getinfo(name)
    if why := refused_because(entry):
        raise ValueError(f"{name} {why}")
    with archive.open(entry) as stream:
        content = stream.read(MAX_PART_BYTES + 1)
    if len(content) > MAX_PART_BYTES:
        raise ValueError(f"{name} has more than {MAX_PART_BYTES >> 20} MiB")
    return content


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{text[:20]!r} is no number of a shared string")
    return int(text)


def _column(reference: str, default: int) -> int:
    """``B7`` -> 1."""
    letters = re.match(r"[A-Z]{1,3}", reference)
    if letters is None:
        return default
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - ord("A") + 1
    if not default < number <= _MAX_COLUMNS:
        raise ValueError(f"cell {reference[:20]} is out of place")
    return number - 1
