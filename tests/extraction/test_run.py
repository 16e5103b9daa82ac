from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import strata.extraction.computing as computing
import strata.extraction.encoding as encoding
import strata.extraction.precision as precision
import strata.extraction.run as run
from strata.base.errors import StrataError
from strata.base.files import read_table
from strata.extraction.run import Place, Request, extract
from strata.maps.features import database_rows, layer_names, read_layer_array, read_layer_info, read_rows
from strata.maps.rmac_regions import region_boxes
from strata.maps.store import write_shard
from strata.maps.views import ViewSpec, decode_picture, make_view
from strata.models.loading import load_model, normalise
from tests.extraction.conftest import LAYERS, contents, read_folder, write_picture

Requests = Callable[..., Request]


class Forwards:
    """Counts forward passes and remembers which layers each was for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taps: list[tuple[str, ...]] = []
        inner = encoding.forward_taps

        def counted(model: Any, pixels: Any, taps: Any) -> Any:
            self.taps.append(tuple(tap.name for tap in taps))
            return inner(model, pixels, taps)

        monkeypatch.setattr(encoding, "forward_taps", counted)


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> Forwards:
    return Forwards(monkeypatch)


def truncate(path: Path) -> None:
    """The header can still be read, the pixels cannot."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])


def array(folder: Path, layer: str, name: str) -> np.ndarray[Any, Any]:
    return np.asarray(read_layer_array(folder, layer, name)).astype(np.float64)


def test_features_are_what_the_network_says_of_each_picture(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    request = request_of()
    done = extract(tmp_path / "out", read_folder(pictures), request, place)
    assert (done.pictures, done.queries, done.layers, done.computed, done.rejected) == (22, 0, 3, 22, 0)
    out = tmp_path / "out"
    assert layer_names(out) == list(LAYERS)
    assert read_rows(out)["image_id"].to_pylist() == [f"p{seed:02}" for seed in range(22)]
    assert database_rows(read_rows(out)).all()
    model = load_model(request.conf)
    spec = ViewSpec(32, "center_crop", interpolation=model.interpolation)
    for row in (0, 13, 21):
        picture = make_view(decode_picture((pictures / f"p{row:02}.jpg").read_bytes()), spec)
        pixels = normalise(picture.pixels[None], model)
        with torch.no_grad():
            embedding = model.clip.encode_image(pixels)[0].numpy()
            conv1 = model.visual.conv1(pixels)[0].numpy()
        np.testing.assert_allclose(array(out, "embedding", "vector")[row], embedding, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(array(out, "conv1", "mean")[row], conv1.mean((1, 2)), rtol=1e-3, atol=1e-5)
        for region, (_, top, left, size) in enumerate(region_boxes(4, 4, 3)):
            expected = conv1[:, top : top + size, left : left + size].max((1, 2))
            np.testing.assert_allclose(
                array(out, "conv1", "regions")[row, region], expected, rtol=2e-3, atol=1e-4
            )


def test_layers_say_what_is_kept_of_them(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    extract(tmp_path / "out", read_folder(pictures), request_of(levels=4), place)
    info = read_layer_info(tmp_path / "out", "transformer.resblocks.0")
    assert (info.kind, info.channels, info.height, info.width, info.has_cls) == ("map", 32, 4, 4, True)
    assert array(tmp_path / "out", info.name, "map").shape == (22, 16, 32)
    assert array(tmp_path / "out", info.name, "cls").shape == (22, 32)
    assert read_layer_info(tmp_path / "out", "embedding").kind == "vector"


def test_two_runs_give_equal_bytes(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, elsewhere: Place
) -> None:
    tables = read_folder(pictures)
    extract(tmp_path / "a", tables, request_of(), place)
    extract(tmp_path / "b", tables, request_of(), elsewhere)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_second_run_takes_everything_from_the_store(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, forwards: Forwards
) -> None:
    tables = read_folder(pictures)
    extract(tmp_path / "a", tables, request_of(), place)
    forwards.taps.clear()
    done = extract(tmp_path / "b", tables, request_of(), place)
    assert (done.computed, done.from_store) == (0, 22)
    assert forwards.taps == []
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_new_picture_costs_that_picture(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, forwards: Forwards
) -> None:
    extract(tmp_path / "a", read_folder(pictures), request_of(), place)
    forwards.taps.clear()
    write_picture(pictures / "a-new.jpg", 99)
    done = extract(tmp_path / "b", read_folder(pictures), request_of(), place)
    assert (done.pictures, done.computed, done.from_store) == (23, 1, 22)
    assert forwards.taps == [LAYERS]
    old, new = (array(tmp_path / name, "embedding", "vector") for name in "ab")
    np.testing.assert_array_equal(old, new[1:])


def test_a_renamed_picture_costs_nothing(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    extract(tmp_path / "a", read_folder(pictures), request_of(), place)
    (pictures / "p03.jpg").rename(pictures / "zz.jpg")
    assert extract(tmp_path / "b", read_folder(pictures), request_of(), place).computed == 0


def test_a_new_layer_costs_that_layer(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, elsewhere: Place, forwards: Forwards
) -> None:
    tables = read_folder(pictures)
    extract(tmp_path / "a", tables, request_of(layers=("conv1", "embedding")), place)
    forwards.taps.clear()
    extract(tmp_path / "b", tables, request_of(), place)
    assert set(forwards.taps) == {("transformer.resblocks.0",)}
    extract(tmp_path / "c", tables, request_of(), elsewhere)
    assert contents(tmp_path / "b") == contents(tmp_path / "c")


def test_an_alias_and_its_module_share_the_store(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    tables = read_folder(pictures)
    extract(tmp_path / "a", tables, request_of(layers=("transformer.resblocks.0",)), place)
    named = request_of(layers=("early",))
    named = replace(
        named, conf=named.conf.model_copy(update={"aliases": {"early": "transformer.resblocks.0"}})
    )
    assert extract(tmp_path / "b", tables, named, place).computed == 0


@pytest.mark.parametrize(
    ("change", "computed"),
    [({"gem_p": 4.0}, {"conv1"}), ({"view": "squash"}, {"conv1", "embedding"}), ({"levels": 2}, {"conv1"})],
)
def test_a_parameter_costs_the_layers_it_bears_on(
    tmp_path: Path,
    pictures: Path,
    request_of: Requests,
    place: Place,
    forwards: Forwards,
    change: dict[str, Any],
    computed: set[str],
) -> None:
    tables = read_folder(pictures)
    extract(tmp_path / "a", tables, request_of(layers=("conv1", "embedding")), place)
    forwards.taps.clear()
    extract(tmp_path / "b", tables, request_of(layers=("conv1", "embedding"), **change), place)
    assert {name for taps in forwards.taps for name in taps} == computed


@pytest.mark.parametrize("survive", range(7))
def test_a_run_cut_off_after_any_shard_ends_in_the_same_bytes(
    tmp_path: Path,
    pictures: Path,
    request_of: Requests,
    place: Place,
    elsewhere: Place,
    monkeypatch: pytest.MonkeyPatch,
    survive: int,
) -> None:
    """22 pictures in batches of 4, two a shard, three layers: nine shards, written layer by layer."""
    monkeypatch.setattr(computing, "SHARD_BATCHES", 2)
    truncate(pictures / "p05.jpg")
    tables = read_folder(pictures)
    extract(tmp_path / "whole", tables, request_of(), place)
    left = survive

    def cut(*arguments: Any) -> Path:
        nonlocal left
        if not left:
            raise RuntimeError("cut off")
        left -= 1
        return write_shard(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(computing, "write_shard", cut)
        with pytest.raises(RuntimeError, match="cut off"):
            extract(tmp_path / "resumed", tables, request_of(), elsewhere)
    assert not (tmp_path / "resumed").exists()
    done = extract(tmp_path / "resumed", tables, request_of(), elsewhere)
    assert done.computed <= 21 - 8 * (survive // 3)
    assert contents(tmp_path / "whole") == contents(tmp_path / "resumed")
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize("damage", ["torn", "flipped", "gone"])
def test_a_damaged_shard_is_computed_again(
    tmp_path: Path,
    pictures: Path,
    request_of: Requests,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    monkeypatch.setattr(computing, "SHARD_BATCHES", 2)
    tables = read_folder(pictures)
    extract(tmp_path / "a", tables, request_of(), place)
    shard = sorted((place.store / "features").glob("*/*.safetensors"))[4]
    content = bytearray(shard.read_bytes())
    content[-200] ^= 0xFF
    shard.write_bytes(content if damage == "flipped" else content[: len(content) // 2])
    if damage == "gone":
        shard.unlink()
    done = extract(tmp_path / "b", tables, request_of(), place)
    assert 0 < done.computed <= 8
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_pictures_that_cannot_be_decoded_are_listed_and_have_no_row(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    boxes = {"q": ("p05", (1.0, 1.0, 20.0, 20.0)), "r": ("p06", (1.0, 1.0, 20.0, 20.0))}
    truncate(pictures / "p05.jpg")
    done = extract(tmp_path / "out", read_folder(pictures, boxes), request_of(query_view="crop"), place)
    assert (done.pictures, done.queries, done.rejected) == (21, 1, 1)
    rejected = read_table(tmp_path / "out" / "rejected.parquet").to_pylist()
    assert [row["image_id"] for row in rejected] == ["p05"]
    assert rejected[0]["reason"]
    rows = read_rows(tmp_path / "out")
    assert "p05" not in rows["image_id"].to_pylist()
    assert rows["row"].to_pylist() == list(range(22))
    assert array(tmp_path / "out", "embedding", "vector").shape[0] == 22


def test_no_picture_that_can_be_decoded_is_an_error(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    for path in pictures.glob("*.jpg"):
        truncate(path)
    with pytest.raises(
        StrataError, match=r"none of the 22 pictures could be decoded; the first is .*p00.jpg: "
    ):
        extract(tmp_path / "out", read_folder(pictures), request_of(), place)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("change", ["other", "gone"])
def test_a_picture_that_changed_since_prepare_stops_the_run(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, change: str
) -> None:
    tables = read_folder(pictures)
    write_picture(pictures / "p07.jpg", 1234)
    if change == "gone":
        (pictures / "p07.jpg").unlink()
    with pytest.raises(StrataError, match=r"p07.jpg: .*dvc repro"):
        extract(tmp_path / "out", tables, request_of(), place)


def test_equal_pictures_are_computed_once_and_have_two_rows(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    shutil.copy(pictures / "p00.jpg", pictures / "copy.jpg")
    done = extract(tmp_path / "out", read_folder(pictures), request_of(), place)
    assert (done.pictures, done.computed) == (23, 22)
    vectors = array(tmp_path / "out", "embedding", "vector")
    np.testing.assert_array_equal(vectors[0], vectors[1])


BOXES = {
    "whole": ("p02", (0.0, 0.0, 48.0, 36.0)),
    "corner": ("p02", (6.0, 0.0, 14.0, 8.0)),
    "outside": ("p03", (0.0, 10.0, 3.0, 20.0)),
}


def test_roi_queries_read_their_pictures_own_map(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, forwards: Forwards
) -> None:
    """The 48 x 36 picture becomes 42 x 32, of which a centre crop loses 5 px on either side."""
    done = extract(tmp_path / "out", read_folder(pictures, BOXES), request_of(query_view="roi"), place)
    assert (done.queries, done.computed) == (3, 22)
    assert len(forwards.taps) == 6
    rows = read_rows(tmp_path / "out").to_pylist()
    at = {row["query_id"]: row["row"] for row in rows if row["query_id"]}
    regions = array(tmp_path / "out", "conv1", "regions")
    np.testing.assert_array_equal(regions[at["whole"]], regions[2])
    boxes = region_boxes(4, 4, 3)
    single = int(np.flatnonzero((boxes == (3, 0, 0, 2)).all(1))[0])
    np.testing.assert_array_equal(regions[at["corner"], 0], regions[at["corner"], single])
    away = int(np.flatnonzero((boxes == (3, 2, 2, 2)).all(1))[0])
    assert np.isnan(regions[at["corner"], away]).all()
    assert np.isfinite(regions[at["outside"], 0]).all()
    vectors = array(tmp_path / "out", "embedding", "vector")
    np.testing.assert_array_equal(vectors[at["corner"]], vectors[2])


def test_roi_queries_added_to_a_finished_run_change_no_picture(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    extract(tmp_path / "a", read_folder(pictures), request_of(), place)
    done = extract(tmp_path / "b", read_folder(pictures, BOXES), request_of(query_view="roi"), place)
    assert done.computed == 2
    old, new = (array(tmp_path / name, "conv1", "regions") for name in "ab")
    np.testing.assert_array_equal(old, new[:22])


def test_a_crop_of_the_whole_picture_is_the_squashed_picture(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    tables = read_folder(pictures, {"whole": BOXES["whole"]})
    request = request_of(query_view="crop", view="squash")
    done = extract(tmp_path / "out", tables, request, place)
    assert done.computed == 23
    vectors = array(tmp_path / "out", "embedding", "vector")
    np.testing.assert_allclose(vectors[22], vectors[2], rtol=1e-4, atol=1e-5)


def test_padding_takes_no_part_in_a_pooling(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    write_picture(pictures / "wide.jpg", 3, (64, 32))
    out = tmp_path / "out"
    extract(out, read_folder(pictures), request_of(view="letterbox", levels=4, layers=("conv1",)), place)
    kept = array(out, "conv1", "map")[-1].reshape(4, 4, -1)
    valid = np.isfinite(kept).all(2)
    np.testing.assert_array_equal(valid, [[False] * 4, [True] * 4, [True] * 4, [False] * 4])
    assert np.isnan(kept[~valid]).all()


def test_same_scale_crops_are_padded_and_masked(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    tables = read_folder(pictures, {"q": ("p02", (12.0, 8.0, 36.0, 26.0))})
    out = tmp_path / "out"
    extract(out, tables, request_of(query_view="crop_same_scale", levels=4, layers=("conv1",)), place)
    valid = np.isfinite(array(out, "conv1", "map")[-1]).all(1).reshape(4, 4)
    assert valid.tolist() == [
        [False] * 4,
        [False, True, True, False],
        [False, True, True, False],
        [False] * 4,
    ]


def test_the_batch_size_hardly_matters(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, elsewhere: Place
) -> None:
    tables = read_folder(pictures)
    extract(tmp_path / "a", tables, request_of(), place)
    extract(tmp_path / "b", tables, request_of(), replace(elsewhere, batch=32, workers=5))
    for layer, name in (("embedding", "vector"), ("conv1", "mean"), ("conv1", "regions")):
        a, b = (array(tmp_path / folder, layer, name) for folder in "ab")
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_bf16_is_close_and_checked_against_fp32(
    tmp_path: Path,
    pictures: Path,
    request_of: Requests,
    place: Place,
    elsewhere: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = read_folder(pictures)
    extract(tmp_path / "a", tables, request_of(), place)
    extract(tmp_path / "b", tables, request_of(precision="bf16"), place)
    a, b = (array(tmp_path / folder, "embedding", "vector") for folder in "ab")
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.999
    assert cosine.min() < 1 - 1e-9
    monkeypatch.setattr(precision, "SAME_COSINE", 1.5)
    with pytest.raises(StrataError, match=r"layer conv1: extract.precision bf16 is not exact enough"):
        extract(tmp_path / "c", tables, request_of(precision="bf16"), elsewhere)
    assert not (tmp_path / "c").exists()


def test_an_unknown_layer_fails_before_any_picture_is_read(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    tables = read_folder(pictures)
    shutil.rmtree(pictures)
    with pytest.raises(StrataError, match="nosuch"):
        extract(tmp_path / "out", tables, request_of(layers=("nosuch",)), place)


def test_a_disk_too_small_is_said_before_the_work(
    tmp_path: Path,
    pictures: Path,
    request_of: Requests,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    forwards: Forwards,
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(run.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StrataError, match="make room, ask for fewer layers"):
        extract(tmp_path / "out", read_folder(pictures), request_of(), place)
    assert forwards.taps == []


def test_what_will_be_computed_is_announced_with_its_bytes(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    said: list[str] = []
    extract(tmp_path / "a", read_folder(pictures), request_of(), place, announce=said.append)
    extract(tmp_path / "b", read_folder(pictures), request_of(), place, announce=said.append)
    assert len(said) == 1
    assert said[0].startswith("22 of 22 views to compute; about 0 MiB")


def test_progress_counts_every_picture(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    seen: list[int] = []

    def track(items: Any, *, total: int, desc: str) -> Any:
        for place, item in enumerate(items):
            seen.append(total)
            assert place < total
            yield item

    extract(tmp_path / "a", read_folder(pictures), request_of(), place, track=track)
    assert seen == [22] * 22


KILLED = """
import sys
from pathlib import Path
import strata.extraction.computing as computing
from strata.extraction.run import Place, Request, extract
from strata.settings.params import ExtractParams, ModelConf
from tests.extraction.conftest import read_folder
pictures, weights, store, out, params, conf = sys.argv[1:]
computing.SHARD_BATCHES = 1
layers = ("conv1", "transformer.resblocks.0", "embedding")
conf, params = ModelConf.model_validate_json(conf), ExtractParams.model_validate_json(params)
request = Request("tiny", conf, layers, params, "whole")
print("ready", flush=True)
extract(Path(out), read_folder(Path(pictures)), request, Place(Path(store), batch=2, workers=2))
"""


@pytest.mark.slow
def test_kill_at_random_moments_ends_in_the_same_bytes(
    tmp_path: Path, pictures: Path, request_of: Requests, weights: Path
) -> None:
    for seed in range(22, 200):
        write_picture(pictures / f"p{seed:03}.jpg", seed)
    request = request_of()

    def start(store: str, out: str) -> subprocess.Popen[str]:
        folders = [str(folder) for folder in (pictures, weights, tmp_path / store, tmp_path / out)]
        values = [request.params.model_dump_json(), request.conf.model_dump_json()]
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, *folders, *values],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    whole = start("store-a", "whole")
    assert whole.wait() == 0
    random = np.random.default_rng(7)
    kills = 0
    while True:
        process = start("store-b", "resumed")
        assert process.stdout is not None
        process.stdout.readline()
        try:
            assert process.wait(timeout=float(random.uniform(0.1, 1.0 + kills / 4))) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        if (tmp_path / "resumed").exists():  # all there, or not there at all
            break
    assert kills
    assert contents(tmp_path / "whole") == contents(tmp_path / "resumed")
    assert start("store-b", "resumed").wait() == 0
    assert not list(tmp_path.glob(".*.part"))
