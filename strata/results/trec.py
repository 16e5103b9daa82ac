"""Rankings and judgements as other tools read and write them: the files of trec_eval, or CSV with a heading.

A run has lines ``query Q0 item rank score tag``, judgements (qrels) ``query 0 item grade``. trec_eval, and
what is built on it, orders a run by score alone, as float32, and equal scores by item from Z to A; written
here, no two scores of a query are equal, so that everybody finds our order.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError

Grade = int | str
SPACES = re.compile(r"[\s%,]")
SIGN = np.int64(2**31)


def run_lines(query: str, items: Sequence[str], scores: npt.NDArray[np.float32], tag: str) -> Iterator[str]:
    """The lines of one query, best first; scores (K,) do not rise."""
    rows = zip(items, apart(scores).tolist(), strict=True)
    for rank, (item, score) in enumerate(rows, 1):
        yield f"{token(query)} Q0 {token(item)} {rank} {score:.9g} {token(tag)}\n"


def qrel_lines(query: str, items: Iterable[str], grade: int = 1) -> Iterator[str]:
    """The lines of one query."""
    return (f"{token(query)} 0 {token(item)} {grade}\n" for item in items)


def token(name: str) -> str:
    """A name without spaces, which part columns: they become ``%20``, as in an address.

    >>> token("my scan 100%.jpg")
    'my%20scan%20100%25.jpg'
    """
    return SPACES.sub(lambda found: quote(found[0], safe=""), name)


def apart(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores (K,) that do not rise -> the nearest ones that fall at every step, a last bit where need be.

    >>> falling = apart(np.array([0.5, 0.5, 0.5, 0.25], np.float32))
    >>> falling.round(6).tolist(), bool((np.diff(falling) < 0).all())
    ([0.5, 0.5, 0.5, 0.25], True)
    """
    bits = np.asarray(scores, np.float32).view(np.int32).astype(np.int64)
    order = np.where(bits < 0, -SIGN - bits, bits)  # whole numbers in the order of the floats
    steps = np.arange(len(order))
    order = np.minimum.accumulate(order + steps) - steps
    falling = np.where(order < 0, -SIGN - order, order).astype(np.int32).view(np.float32)
    return np.asarray(falling, np.float32)


def read_run(path: Path) -> dict[str, list[str]]:
    """query -> items, best first: by score, equal ones by rank or as they stand.

    A CSV has the columns query_id, image_id and score or rank.
    """
    scored: dict[str, list[tuple[float, float, str]]] = {}
    for place, row in enumerate(_rows(path, ("query_id", "", "image_id", "rank", "score", ""), 6)):
        rank = _number(path, row.get("rank") or str(place))
        score = _number(path, row["score"]) if row.get("score") else -rank
        scored.setdefault(row["query_id"], []).append((-score, rank, row["image_id"]))
    return {
        query: [item for _, _, item in sorted(found, key=lambda it: it[:2])]
        for query, found in scored.items()
    }


def read_qrels(path: Path) -> dict[str, dict[str, Grade]]:
    """query -> item -> grade: whole numbers, or the words of a CSV with query_id, image_id and grade."""
    graded: dict[str, dict[str, Grade]] = {}
    for row in _rows(path, ("query_id", "", "image_id", "grade"), 4):
        grade = row.get("grade") or ""
        is_number = re.fullmatch(r"[+-]?\d+", grade)
        graded.setdefault(row["query_id"], {})[row["image_id"]] = int(grade) if is_number else grade
    return graded


def read_columns(path: Path, *wanted: str) -> list[dict[str, str]]:
    """The rows of a CSV that has these columns."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = set(wanted) - set(reader.fieldnames or ())
        if missing:
            raise StrataError(f"{path}: it has no column {', '.join(sorted(missing))}")
        return [{key: value or "" for key, value in row.items() if key} for row in reader]


def _rows(path: Path, names: Sequence[str], width: int) -> Iterator[dict[str, str]]:
    """Rows of a CSV with a heading that names the query, else of a file with ``width`` columns."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            first = stream.readline()
            if "query_id" in first and "," in first:
                yield from read_columns(path, "query_id", "image_id")
                return
            stream.seek(0)
            for number, line in enumerate(stream, 1):
                parts = line.lstrip("\ufeff").split()
                if parts and len(parts) != width:
                    raise StrataError(
                        f"{path}: line {number} has {len(parts)} columns, not {width}; give a trec file, "
                        "or a CSV with a heading (query_id,image_id,...)"
                    )
                if parts:
                    yield {name: part for name, part in zip(names, parts, strict=True) if name}
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise StrataError(f"{path}: not UTF-8 text") from None


def _number(path: Path, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise StrataError(f"{path}: {text!r} is no number") from None
