"""Pickles of strangers: plain values come out, everything else is refused before it does anything."""

from __future__ import annotations

import pickle
import struct
import time
import tracemalloc
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.datasets import plain_pickle
from strata.datasets.plain_pickle import read_plain_pickle

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(value=PLAIN, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_of_every_protocol_come_out(
    tmp_path_factory: pytest.TempPathFactory, value: Any, protocol: int
) -> None:
    path = tmp_path_factory.mktemp("pickles") / "a.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    assert read_plain_pickle(path) == value


@pytest.mark.parametrize(
    "value",
    [np.zeros(3), np.float64(1), OrderedDict(), Fraction(1, 2), print, Path("x"), Path, {1}, frozenset()],
)
def test_anything_but_lists_dicts_texts_and_numbers_is_refused(tmp_path: Path, value: Any) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(StrataError, match=r"a\.pkl: refused, .* \(it asks for "):
        read_plain_pickle(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"NN.",
        b"no pickle",
        b"(N",
        b"N2.",  # doubles the last value
        b"(lq\x00h\x00a.",  # a list in itself
        b"}Nh\x07s.",
        b"}K\x01Ns.",  # a number as a key
        b"\x80\x04\x96" + struct.pack("<Q", 2**31) + b".",  # bytes of 2 GiB that are not there
        b"\x80\x04" + b"]" * 200 + b"a" * 199 + b".",
        b"\x80\x04Pa\n.",  # an object from elsewhere
        b"\x80\x04N\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",  # a text of 2^63 bytes
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x02\x82\x01.",  # a class of the extension registry
    ],
)
def test_broken_and_hostile_bytes_are_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(StrataError, match=r"^[^\n]*a\.pkl: refused"):
        read_plain_pickle(tmp_path / "a.pkl")


def test_a_memo_number_costs_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04Nr\xff\xff\xff\xff.")
    assert read_plain_pickle(tmp_path / "a.pkl") is None


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_shape_of_a_ground_truth_comes_out(tmp_path: Path, protocol: int) -> None:
    judged = [{"easy": [*range(9)], "hard": [], "junk": [3], "bbx": [1.5, 2.0, 3.0, 4.0]} for _ in range(70)]
    truth = {"imlist": [f"all_souls_{i:06}" for i in range(5000)], "qimlist": ["ü"] * 70, "gnd": judged}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(truth, protocol))
    assert read_plain_pickle(tmp_path / "a.pkl") == truth


def test_texts_of_python_2_are_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02]q\x00U\x02\xc3\xbcq\x01a.")
    assert read_plain_pickle(tmp_path / "a.pkl") == ["ü"]


def doubled(times: int) -> bytes:
    """A tuple of two of a tuple of two of ...: as many lines as doublings, 2^times values."""
    lines = b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) for i in range(times))
    return b"\x80\x02)q\x00" + lines + b"\x8f(h" + bytes([times]) + b"\x90."


@pytest.mark.parametrize(
    "content",
    [
        doubled(40),
        b"\x80\x04\x96" + struct.pack("<Q", 2**31 - 1) + b".",
        b"]" * (4 << 20),
        b"(" * (4 << 20),
        b"K\x01" * (2 << 20) + b".",
        b"".join(b"j" + struct.pack("<I", i) for i in range(1 << 20)),
        b"N" + b"".join(b"r" + struct.pack("<I", i) for i in range(2 << 20)),
        b"\x80\x04]" + b"(" * 300_000 + b"e" * 300_000 + b"N.",
        b"I" + b"9" * (4 << 20) + b"\n.",
        b"L" + b"9" * (4 << 20) + b"L\n.",
        b"(" + b"X\x01\x00\x00\x00aN" * 450_000 + b"d0",
    ],
    ids=range(11),
)
def test_no_pickle_takes_much_time_or_memory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pkl").write_bytes(content)
    started = time.process_time()
    with pytest.raises(StrataError, match=r"^[^\n]*a\.pkl: refused"):
        read_plain_pickle(tmp_path / "a.pkl")
    assert time.process_time() - started < 10  # 2 s quiet


def test_a_container_in_a_memo_costs_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(doubled(40))
    tracemalloc.start()
    try:
        with pytest.raises(StrataError, match="stands in it twice"):
            read_plain_pickle(tmp_path / "a.pkl")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_large_pickle_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_pickle, "MAX_BYTES", 10)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps("a" * 100))
    with pytest.raises(StrataError, match="is not read"):
        read_plain_pickle(tmp_path / "a.pkl")
