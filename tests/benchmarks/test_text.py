"""The text side: both sides make the same vectors; without the other, a loop stands in and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import text
from benchmarks.settings import Settings
from tests.models.tiny_networks import load, write_network


def test_one_pass_makes_the_vectors_of_a_loop(tmp_path: Path) -> None:
    model = load(write_network(tmp_path / "tiny", "vit"))
    columns = text.sample_columns(3, 5, tmp_path / "prompts.json")
    assert len({column.name for column in columns}) == 3
    assert columns[0].texts[0] == f"a bad photo of a {columns[0].name}."
    assert text.one_pass(model, columns) == pytest.approx(text.a_loop_over_classes(model, columns), abs=1e-6)


def test_without_the_other_a_loop_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "local_model", lambda _name, folder: write_network(folder / "tiny", "vit"))
    monkeypatch.setattr(text, "install", lambda _name, _folder: "no network")
    (row,) = text.run(Settings(rounds=1, small=True, work=tmp_path, pictures=None)).rows
    assert row.peer == "a loop over classes, fp32 (no network)"
    assert row.ratio is not None
