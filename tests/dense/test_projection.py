"""int8 keeps the cosines, and a projection survives its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strata.base.errors import StrataError
from strata.dense.projection import (
    UNIT,
    encode,
    fit_projection,
    project,
    read_projection,
    sample_positions,
    write_projection,
)


def some_map(seed: int = 0, rows: int = 20, columns: int = 30, channels: int = 24) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((rows, columns, 8)) @ random.standard_normal((8, channels)) + 3
    return (mixed + 0.1 * random.standard_normal(mixed.shape)).astype(np.float16)


def test_projected_positions_are_those_of_the_formula() -> None:
    sample = sample_positions(some_map(), (1, 2))
    fitted = fit_projection([sample], 6, 0.25, "here")
    centred = sample.astype(float) - sample.mean(axis=0)
    variances, vectors = np.linalg.eigh(centred.T @ centred / (len(sample) - 1))
    position = some_map()[3, 4].astype(float)
    position = position / np.linalg.norm(position) - sample.mean(axis=0)
    expected = vectors[:, ::-1][:, :6].T @ position / variances[::-1][:6] ** 0.25
    expected /= np.linalg.norm(expected)
    found = project(some_map(), fitted)[3, 4]
    assert np.allclose(np.abs(found), np.abs(expected), atol=1e-4)
    assert fitted.n == 300


def test_int8_says_what_the_floats_say() -> None:
    flat = np.random.default_rng(1).standard_normal((500, 64)).astype(np.float32)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    codes = encode(flat).astype(np.float64) / UNIT
    assert np.abs(codes @ codes.T - flat @ flat.T).max() < 0.01


def test_an_entry_beyond_the_range_is_clipped() -> None:
    assert encode(np.array([0.6, 0.61, -0.9, 0.3], np.float32)).tolist() == [127, 127, -127, 64]


def test_a_sample_depends_on_its_seed_alone() -> None:
    assert np.array_equal(sample_positions(some_map(), (5, 1)), sample_positions(some_map(), (5, 1)))
    assert not np.array_equal(sample_positions(some_map(), (5, 1)), sample_positions(some_map(), (5, 2)))


def test_a_projection_is_read_as_it_was_written(tmp_path: Path) -> None:
    fitted = fit_projection([sample_positions(some_map(), (0,))], 6, 0.5, "here")
    write_projection(tmp_path / "p.npz", fitted)
    found = read_projection(tmp_path / "p.npz")
    assert np.array_equal(found.axes, fitted.axes)
    assert np.array_equal(found.mean, fitted.mean)
    assert (found.fit_set, found.n) == ("here", 300)


def test_no_file_and_a_foreign_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"none\.npz: no such file"):
        read_projection(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    with pytest.raises(StrataError, match=r"other\.npz: not a projection"):
        read_projection(tmp_path / "other.npz")


def test_positions_that_are_all_the_same_fit_nothing() -> None:
    with pytest.raises(StrataError, match="the layer says nothing"):
        fit_projection([np.full((50, 8), 0.35, np.float32)], 4, 0.25, "grey")
