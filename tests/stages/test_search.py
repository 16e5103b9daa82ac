"""``python -m stages.search`` over a finished run: what is asked how, and one line for what cannot be."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from PIL import Image

from stages import search
from strata.base.errors import StrataError
from tests.library.conftest import finished

__all__ = ["finished"]


@pytest.fixture
def ask(finished: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def asked(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["search", *arguments, "--run", str(finished)])
        return search.main()

    return asked


def test_an_id_a_file_and_a_sentence_are_told_apart(ask, finished: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert ask("0003", "--top", "3").startswith("picture")
    assert ask("a fish under a rainbow", "--top", "3").startswith("text")
    capsys.readouterr()
    file = next((finished / "data/raw/demo/pictures").glob("0003.*"))
    assert ask(str(file), "--top", "3").startswith("file")
    assert capsys.readouterr().out.splitlines()[1].split()[2] == "0003"


def test_a_box_is_found_and_written(ask, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table, sheet = tmp_path / "found.csv", tmp_path / "found.png"
    ask("0003", "--box", "10,10,90,90", "--top", "4", "--csv", str(table), "--sheet", str(sheet))
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4
    assert all(float(row["x0"]) < float(row["x1"]) for row in rows)
    assert Image.open(sheet).width > 1000


@pytest.mark.parametrize("pooling", ["gem", "avg", "rmac"])
def test_a_picture_is_its_own_nearest_with_any_pooling(ask, finished: Path, capsys, pooling: str) -> None:  # type: ignore[no-untyped-def]
    file = next((finished / "data/raw/demo/pictures").glob("0005.*"))
    ask(str(file), "--top", "1", "--pooling", pooling)
    assert capsys.readouterr().out.splitlines()[1].split()[2] == "0005"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope.jpg"], "No such file"),
        (["0003", "--layer", "foo"], "it has: stem, late, embedding"),
        (["0003", "--box", "0,0,9999,9"], "is not inside the picture"),
        (["0003", "--match", "region"], "add --box"),
        (["a ship", "--layer", "late"], "layer embedding"),
        (["0003", "--top", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_asked_is_one_line(ask, arguments: list[str], said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StrataError, match=said):
        ask(*arguments)
