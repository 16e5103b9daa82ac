"""The benchmark of the store runs, and looks at what it laid out."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import store
from benchmarks.settings import Settings


@pytest.mark.slow
def test_the_store_is_compared_with_copies_and_with_a_first_run(tmp_path: Path) -> None:
    result = store.run(Settings(rounds=1, small=True, work=tmp_path, pictures=None))
    assert [row.unit for row in result.rows] == ["GB/s", "GB/s", "s", "s", "s"]
    assert all(row.ratio for row in result.rows if row.theirs)
    found = [row for row in result.rows if row.peer == "the first run's"]
    assert all(row.ours and row.theirs and row.ours < row.theirs for row in found)
