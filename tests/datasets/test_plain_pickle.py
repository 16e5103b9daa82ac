"""Pickles of strangers: plain values come out, everything else is refused before it does anything."""

from __future__ import annotations

import pickle
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
    "value", [np.zeros(3), np.float64(1), OrderedDict(), Fraction(1, 2), print, Path("x"), Path]
)
def test_anything_with_a_class_is_refused(tmp_path: Path, value: Any) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(StrataError, match=r"a\.pkl: refused, .* \(it asks for "):
        read_plain_pickle(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
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


def test_a_large_pickle_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_pickle, "MAX_BYTES", 10)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps("a" * 100))
    with pytest.raises(StrataError, match="is not read"):
        read_plain_pickle(tmp_path / "a.pkl")
