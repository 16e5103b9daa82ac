"""Experiments share the main project's store."""

from __future__ import annotations

from pathlib import Path

import pytest

from strata.base.workspace import project_root, store_root


@pytest.fixture(autouse=True)
def _no_store_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRATA_STORE", raising=False)


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)


def test_the_store_is_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path / "p", monkeypatch)
    assert store_root() == tmp_path / "p/.strata"
    assert not store_root().exists()


def test_an_experiments_copy_uses_the_main_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path / "p/.dvc/tmp/exps/standalone/tmpx", monkeypatch)
    assert project_root() == tmp_path / "p"
    assert store_root() == tmp_path / "p/.strata"


def test_a_project_inside_an_experiments_copy_is_found_innermost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(tmp_path / "p/.dvc/tmp/exps/a/q/.dvc/tmp/exps/b", monkeypatch)
    assert project_root() == tmp_path / "p/.dvc/tmp/exps/a/q"


@pytest.mark.parametrize("here", ["p", "p/.dvc/tmp/exps/a"])
def test_the_environment_may_move_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    enter(tmp_path / here, monkeypatch)
    monkeypatch.setenv("STRATA_STORE", "/elsewhere/s")
    assert store_root() == Path("/elsewhere/s")
    monkeypatch.setenv("STRATA_STORE", "big disk")
    assert store_root() == tmp_path / "p/big disk"
    monkeypatch.setenv("STRATA_STORE", "")
    assert store_root() == tmp_path / "p/.strata"
