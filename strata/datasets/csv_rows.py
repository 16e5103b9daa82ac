"""CSV files as people have them: comma, semicolon or TAB, with or without a byte order mark."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from strata.base.errors import StrataError, listed
from strata.base.track import Warn

_DELIMITERS = (",", ";", "\t")


class Row(NamedTuple):
    """One row: where it stands (for messages: file and line) and its cells by column name, '' where empty."""

    where: str
    cells: dict[str, str]


def read_rows(path: Path, shown: str, needed: Sequence[str]) -> list[Row]:
    """All rows of the CSV ``path``, which messages call ``shown``.

    The delimiter is the one that occurs most often in the header line. Raises StrataError when the file is
    not UTF-8, a ``needed`` column is missing, a column stands there twice, or a row has more cells than the
    header.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StrataError(f"{shown}: not UTF-8 (byte {error.start}); save it as CSV UTF-8") from None
    header_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cells):
                continue
            if header is None:
                header = _header(cells, shown, needed)
            else:
                rows.append(_row(f"{shown}, line {reader.line_num}", header, cells))
    except csv.Error as error:
        raise StrataError(f"{shown}, line {reader.line_num}: not CSV ({error})") from None
    if header is None:
        raise StrataError(f"{shown}: empty; expected a header line with {', '.join(needed)}")
    return rows


def _header(cells: list[str], shown: str, needed: Sequence[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    check_columns(header, shown, needed)
    for place, column in enumerate(header):
        if column and column in header[:place]:
            raise StrataError(f"{shown}: column {column!r} stands there twice; delete or rename one of them")
    return header


def check_columns(header: Collection[str], shown: str, needed: Iterable[str]) -> None:
    """StrataError for the first of the ``needed`` columns that ``header`` lacks."""
    for column in needed:
        if column not in header:
            raise StrataError(f"{shown}: no column {column!r}; the columns are {listed(header)}")


def _row(where: str, header: list[str], cells: list[str]) -> Row:
    if len(cells) > len(header):
        raise StrataError(
            f"{where}: {len(cells)} cells under {len(header)} column names; a cell that holds a delimiter "
            "stands in double quotes"
        )
    return Row(where, dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=True)))


def rows_of_pictures(
    rows: Sequence[Row], column: str, files: Iterable[str], warn: Warn
) -> list[tuple[Row, str]]:
    """The rows whose cell in ``column`` names one of ``files``, and which one it is.

    The others are left out, with a warning that shows the first three; StrataError where no row names one.
    """
    find = name_finder(files)
    found = [(row, find(row.cells[column])) for row in rows]
    astray = [row for row, file in found if file is None]
    if astray:
        shown = astray[0].where.rpartition(", line ")[0]
        first = ", ".join(
            f"{row.cells[column]!r} (line {row.where.rpartition(' ')[2]})" for row in astray[:3]
        )
        said = f"{len(astray)} of {len(rows)} rows name no picture of the folder: {first}"
        if len(astray) == len(rows):
            raise StrataError(f"{shown}: {said}; column {column!r} holds paths relative to the folder")
        warn(f"{shown}: {said}{', ...' if len(astray) > 3 else ''}; they are left out")
    return [(row, file) for row, file in found if file is not None]


def name_finder(names: Iterable[str]) -> Callable[[str], str | None]:
    """What a cell's file name is among ``names``: the same bytes, else the same name spelt in another way.

    >>> find = name_finder(["sub/a.jpg"])
    >>> find(" ./sub\\\\a.jpg "), find("b.jpg")
    ('sub/a.jpg', None)
    """
    exact = set(names)
    found: dict[str, str] = {}
    for name in sorted(exact):
        if (spelling := one_spelling(name)) not in found or name == spelling:
            found[spelling] = name
    return lambda cell: cell if cell in exact else found.get(one_spelling(cell))


def one_spelling(name: str) -> str:
    """One name for a file: no blanks around it, no ``./``, ``/`` for a backslash, accents as ``composed``."""
    return composed(posixpath.normpath(name.strip().replace("\\", "/")))


def composed(text: str) -> str:
    """One spelling for what looks alike: an accented letter is one character (Unicode's NFC).

    (macOS writes an accent as a character of its own, a table typed elsewhere does not.)
    """
    return normalize("NFC", text)
