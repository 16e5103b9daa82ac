"""The benchmark of extract runs, and compares equal work."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import extraction
from benchmarks.settings import Settings


@pytest.mark.slow
def test_ours_and_the_plain_loop_are_compared_on_the_same_pictures(tmp_path: Path) -> None:
    result = extraction.run(Settings(rounds=1, small=True, work=tmp_path, pictures=None))
    assert [row.peer for row in result.rows] == [extraction.PLAIN, "both limits"]
    assert all(row.ours and row.theirs and row.ratio for row in result.rows)
    assert (tmp_path / "extraction/features/embedding/vector.npy").is_file()
