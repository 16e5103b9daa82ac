"""The campaigns on archives and transfers notice what they are there for, and find nothing in seconds."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.fetching import transfer
from torture import archives, transfers


@pytest.mark.parametrize("campaign", [archives, transfers])
def test_a_few_seconds_find_nothing(campaign: Any) -> None:
    tries, failures = campaign.run(seed=0, until=time.monotonic() + 4)
    assert tries > 0
    assert failures == []


def no_line(path: Path) -> None:
    raise StrataError("\x1b[31m")


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda path: None, None),
        (lambda path: [].pop(), "IndexError"),
        (lambda path: bytearray(archives.CHILD_BYTES * 2), "MemoryError"),
        (lambda path: os._exit(3), "ended with 3"),
        (no_line, "no clear line"),
    ],
)
def test_a_reader_that_breaks_is_told(tmp_path: Path, read: Any, said: str | None) -> None:
    (tmp_path / "a").write_bytes(b"")
    found = archives._in_a_child(read, tmp_path / "a")
    assert found is None if said is None else said in str(found)


def test_a_rest_of_another_file_joined_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_is_same", lambda *arguments: True)
    monkeypatch.setattr(transfers, "_ANSWERS", (transfers._cut, transfers._rest_of_another))
    assert any("joined" in str(transfers.one(f"7.{i}")) for i in range(60))
