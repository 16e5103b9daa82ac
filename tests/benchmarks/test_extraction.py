"""The benchmark of extract runs, and compares equal work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import extraction
from benchmarks.extraction import Case, measure
from benchmarks.pictures import draw_pictures
from benchmarks.plain_loop import run_plain_loop
from benchmarks.settings import Settings
from tests.models.tiny_networks import write_network

BOTH = Case("tiny", ("stem", "embedding"), ("conv1",), "fp32", 3, None)
STEM = Case("tiny", ("stem",), ("conv1",), "fp32", 3, None)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A tiny network in place of the large ones."""
    monkeypatch.setattr(
        extraction, "local_model", lambda _name, folder: write_network(folder / "tiny", "vit")
    )
    return Settings(rounds=1, small=True, work=tmp_path, pictures=None)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return draw_pictures(tmp_path / "pictures", 3, (64, 48))


@pytest.mark.slow
def test_ours_and_the_plain_loop_are_compared_on_the_same_pictures(tmp_path: Path) -> None:
    result = extraction.run(Settings(rounds=1, small=True, work=tmp_path, pictures=None))
    assert [row.peer for row in result.rows] == [extraction.PLAIN, "both limits"]
    assert all(row.ours and row.theirs and row.ratio for row in result.rows)
    assert (tmp_path / "extraction/features/embedding/vector.npy").is_file()


def test_a_stem_has_the_means_of_the_loops_maps(settings: Settings, paths: list[Path]) -> None:
    peers = [row.peer for row in measure(STEM, paths, settings)]
    assert peers == [extraction.PLAIN, "both limits", "decode and resize alone"]


@pytest.mark.parametrize("layer", ["conv1", "embedding"])
def test_other_values_of_any_layer_are_no_comparison(
    layer: str, settings: Settings, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_the_next_picture(spec: str, paths: Sequence[Path], hooks: tuple[str, ...]) -> dict[str, Any]:
        found = run_plain_loop(spec, paths, hooks)
        values = found if layer == "embedding" else found["layers"]
        values[layer] = np.roll(values[layer], 1, axis=0)
        return found

    monkeypatch.setattr(extraction, "run_plain_loop", of_the_next_picture)
    said = {"conv1": "stem", "embedding": "embedding"}[layer]
    with pytest.raises(ValueError, match=f"with the plain loop's {said}"):
        measure(BOTH, paths, settings)
