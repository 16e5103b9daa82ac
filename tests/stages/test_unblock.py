"""An empty lock table of a killed DVC blocks no later run."""

from __future__ import annotations

from pathlib import Path

import pytest
import zc.lockfile

from stages.unblock import TABLE, main


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    TABLE.parent.mkdir(parents=True)
    TABLE.touch()
    return TABLE


def test_an_empty_table_is_removed() -> None:
    main()
    assert not TABLE.exists()
    main()


def test_a_table_with_content_stays() -> None:
    TABLE.write_text("{}", encoding="utf-8")
    main()
    assert TABLE.read_text(encoding="utf-8") == "{}"


def test_a_table_that_a_living_process_holds_stays() -> None:
    guard = zc.lockfile.LockFile(str(TABLE.with_name("rwlock.lock")))
    main()
    guard.close()
    assert TABLE.exists()
