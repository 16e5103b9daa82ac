"""What is kept is not computed again: pictures, maps, projections."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from strata.base.errors import StrataError
from strata.dense.building import Source, compute_maps, index_shapes
from strata.dense.index import index_bytes, open_index
from strata.dense.indexing import build_index, fit_on_maps
from strata.dense.kept import KeptMaps, read_maps
from strata.dense.params import DenseParams
from strata.dense.projection import Projection, encode, project
from strata.dense.tower import DenseTower, picture_map
from strata.maps.views import Picture, PictureError
from tests.dense.conftest import drawn, raw_maps, source_of

SIZES = [(64, 48), (48, 64), (64, 48), (90, 20)]
PICTURES = [drawn(number, *size) for number, size in enumerate(SIZES)]


class Watched:
    """A source that counts what is decoded."""

    def __init__(self, count: int, broken: int | None = None) -> None:
        self.asked: list[int] = []
        plain = source_of(PICTURES[:count])

        def read(place: int) -> Picture:
            self.asked.append(place)
            if place == broken:
                raise PictureError("truncated")
            return plain.read(place)

        self.source: Source = replace(plain, read=read)


@pytest.fixture
def kept(tmp_path: Path, tower: DenseTower) -> KeptMaps:
    return KeptMaps(tmp_path / "store", {"layer": "middle"}, tower.tap.channels)


def make_index(
    folder: Path, source: Source, tower: DenseTower, kept: KeptMaps, power: float = 0.25
) -> Projection:
    """The index of stored maps, and its projection."""
    raw = raw_maps(folder.with_suffix(".maps"), source, tower, kept)
    projection = fit_on_maps(raw, dims=16, power=power, seed=1, fit_set="drawn")
    build_index(folder, raw, projection)
    return projection


def test_a_new_picture_costs_one_picture(tower: DenseTower, kept: KeptMaps) -> None:
    first = Watched(3)
    assert compute_maps(first.source, tower, kept) == {}
    assert sorted(first.asked) == [0, 1, 2]
    more = Watched(4)
    compute_maps(more.source, tower, kept)
    assert more.asked == [3]


def test_a_changed_fit_projects_again_and_decodes_nothing(
    tmp_path: Path, tower: DenseTower, kept: KeptMaps
) -> None:
    watched = Watched(4)
    compute_maps(watched.source, tower, kept)
    watched.asked.clear()
    for power in (0.25, 0.5):
        projection = make_index(tmp_path / f"p{power:.0%}", watched.source, tower, kept, power)
        index = open_index(tmp_path / f"p{power:.0%}")
        for place, picture in enumerate(PICTURES):
            expected = encode(project(picture_map(tower, picture), projection))
            assert np.array_equal(index.fine.map_of(place), expected)
    assert watched.asked == []


def test_an_index_takes_the_bytes_that_were_announced(
    tmp_path: Path, tower: DenseTower, kept: KeptMaps
) -> None:
    watched = Watched(4)
    compute_maps(watched.source, tower, kept)
    make_index(tmp_path / "i", watched.source, tower, kept)
    written = sum(np.load(tmp_path / "i" / name).nbytes for name in ("codes.npy", "coarse.npy"))
    assert written == index_bytes(index_shapes(watched.source, tower), 16)


def test_pictures_with_equal_bytes_share_a_map(tmp_path: Path, tower: DenseTower, kept: KeptMaps) -> None:
    watched = Watched(3)
    plain, same = watched.source, [0, 0, 2]
    twins = Source(
        plain.ids, [plain.sha256[n] for n in same], plain.sizes[same], lambda place: plain.read(same[place])
    )
    compute_maps(twins, tower, kept)
    assert sorted(watched.asked) == [0, 2]
    make_index(tmp_path / "i", twins, tower, kept)
    index = open_index(tmp_path / "i")
    assert np.array_equal(index.fine.map_of(0), index.fine.map_of(1))


def test_a_picture_that_cannot_be_decoded_is_named_and_left_out(
    tmp_path: Path, tower: DenseTower, kept: KeptMaps
) -> None:
    watched = Watched(4, broken=1)
    rejected = compute_maps(watched.source, tower, kept)
    assert rejected == {watched.source.sha256[1]: "truncated"}
    source = watched.source.without(rejected)
    assert source.ids == ["0000", "0002", "0003"]
    assert np.array_equal(source.read(1), PICTURES[2])
    make_index(tmp_path / "i", source, tower, kept)
    assert open_index(tmp_path / "i").ids == source.ids


def test_a_map_that_is_not_there_is_an_error_not_zeros(
    tmp_path: Path, tower: DenseTower, kept: KeptMaps
) -> None:
    some = Watched(3)
    compute_maps(some.source, tower, kept)
    with pytest.raises(StrataError, match="1 of 4 maps are missing"):
        raw_maps(tmp_path / "maps", Watched(4).source, tower, kept)


def test_a_broken_shard_is_removed_and_its_maps_computed_again(tower: DenseTower, kept: KeptMaps) -> None:
    watched = Watched(1)
    compute_maps(watched.source, tower, kept)
    (shard,) = kept.root.glob("features/*/*.safetensors")
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    shape = tuple(index_shapes(watched.source, tower)[0].tolist())
    with pytest.raises(StrataError, match="it was removed, run once more"):
        list(read_maps(kept, {watched.source.sha256[0]: shape}))
    compute_maps(watched.source, tower, kept)
    assert watched.asked == [0, 0]


@pytest.mark.parametrize("cells", [(), (0,), (6, 19)])
def test_sizes_that_cannot_be_matched_are_refused(cells: tuple[int, ...]) -> None:
    with pytest.raises(StrataError, match=r"dense\.cells = .* each of 1 to 18 cells"):
        DenseParams(cells=cells)
