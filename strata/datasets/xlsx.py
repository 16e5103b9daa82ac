"""The first sheet of an XLSX workbook as rows of texts. (No formulas, dates or styles: tables of addresses.)

A workbook is a zip of XML that strangers made: document types and entities are refused, sizes are capped.
By hand, because one table of one data set does not earn a dependency, and openpyxl caps nothing.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from strata.base.errors import StrataError

MAX_PART_BYTES = 64 << 20
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_SHEET = "xl/worksheets/sheet1.xml"
_STRINGS = "xl/sharedStrings.xml"
_MAX_COLUMNS = 1024


def read_sheet(path: Path) -> list[list[str]]:
    """Rows of cells as texts, '' where empty. Raises StrataError when it is no workbook or refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            shared = _shared(_part(archive, _STRINGS)) if _STRINGS in names else []
            sheet = _part(archive, _SHEET)
        return [_cells(row, shared) for row in sheet.iter(f"{_MAIN}row")]
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, ValueError, IndexError, EOFError) as error:
        why = " ".join(str(error).split())
        raise StrataError(f"{path}: not an XLSX workbook ({why}); fetch it again") from None


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    with archive.open(name) as stream:
        content = stream.read(MAX_PART_BYTES + 1)
    if len(content) > MAX_PART_BYTES:
        raise ValueError(f"{name} has more than {MAX_PART_BYTES >> 20} MiB")
    text = content.decode("utf-8-sig")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError(f"{name} defines entities")
    return ElementTree.fromstring(text)


def _shared(root: ElementTree.Element) -> list[str]:
    return ["".join(text.text or "" for text in entry.iter(f"{_MAIN}t")) for entry in root.iter(f"{_MAIN}si")]


def _cells(row: ElementTree.Element, shared: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(f"{_MAIN}c"):
        place = _column(cell.get("r", ""), len(cells))
        cells += [""] * (place - len(cells))
        cells.append(_text(cell, shared))
    return cells


def _text(cell: ElementTree.Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
    value = cell.findtext(f"{_MAIN}v", "")
    return shared[int(value)] if cell.get("t") == "s" else value


def _column(reference: str, default: int) -> int:
    """``B7`` -> 1."""
    letters = re.match(r"[A-Z]{1,3}", reference)
    if letters is None:
        return default
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - ord("A") + 1
    if not default < number <= _MAX_COLUMNS:
        raise ValueError(f"cell {reference} is out of place")
    return number - 1
