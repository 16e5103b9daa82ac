"""Any file name survives a line."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from strata.base.tsv import from_lines, to_line

names = st.binary(max_size=30).map(os.fsdecode)  # every byte string is a file name on Linux


@given(st.lists(st.lists(names, min_size=1, max_size=4), max_size=5))
def test_any_bytes_come_back(lines: list[list[str]]) -> None:
    assert from_lines(b"".join(map(to_line, lines))) == lines


def test_a_line_stays_a_line() -> None:
    assert to_line(("a\tb\\t\nc\rd", "1")) == b"a\\tb\\\\t\\nc\\rd\t1\n"
    assert from_lines(to_line(("x\u2028y\x85z\x0c",))) == [["x\u2028y\x85z\x0c"]]


def test_a_torn_last_line_is_left_out() -> None:
    assert from_lines(b"a\tb\nc") == [["a", "b"]]
