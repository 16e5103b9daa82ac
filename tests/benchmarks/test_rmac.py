"""The R-MAC benchmark runs, and its reference is the R-MAC of the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import rmac
from benchmarks.rmac import by_lists, by_slices, descriptor, maxima
from benchmarks.settings import Settings
from strata.maps.map_statistics import region_maxima
from strata.maps.rmac_regions import region_boxes


def test_it_runs(tmp_path):
    result = rmac.run(Settings(1, True, tmp_path, None))
    assert len(result.rows) == 2 * 2 * 3
    assert all(row.ratio is not None and row.ratio > 0 for row in result.rows)


def test_each_side_has_its_own_layout(tmp_path, monkeypatch):
    """The loops maps with whole planes of a channel, ours what networks give."""
    cuts, ours = set(), set()

    def seen(maps, *box):
        cuts.add(maps.stride(3) == 1 < maps.stride(1))
        return by_slices(maps, *box)

    def pooled(maps, *rest):
        ours.add(maps.stride(1) == 1)
        return region_maxima(maps, *rest)

    monkeypatch.setattr(rmac, "LOOPS", (("a loop", seen, None),))
    monkeypatch.setattr(rmac, "region_maxima", pooled)
    rmac.run(Settings(1, True, tmp_path, None))
    assert cuts == ours == {True}


@pytest.mark.parametrize("cut", [by_lists, by_slices])
@pytest.mark.parametrize("side", [7, 10, 14])
def test_the_loop_sees_the_regions_of_the_paper(cut, side):
    maps = torch.randn(1, 5, side, side, generator=torch.Generator().manual_seed(side))
    assert torch.equal(maxima(maps, 3, cut), region_maxima(maps, None, 3)[0])
    vectors = [
        maps[0, :, row : row + size, column : column + size].amax((1, 2)).numpy()
        for _, row, column, size in region_boxes(side, side, 3)
    ]
    total = np.sum([vector / np.linalg.norm(vector) for vector in vectors], axis=0)
    np.testing.assert_allclose(descriptor(maps, 3, cut), total / np.linalg.norm(total), atol=1e-5)
