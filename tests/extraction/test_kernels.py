"""The same request computed in another way has another key, and the way is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from strata.extraction import kernels, run
from strata.extraction.kernels import HALF, LIMITS
from strata.extraction.network import space_key
from strata.extraction.run import Place, Request, extract
from strata.maps.features import read_layer_array
from tests.extraction.conftest import contents, open_for, read_folder

Requests = Callable[..., Request]


def keys(request: Request, batch: int = 4, workers: int = 2) -> list[dict[str, Any]]:
    network = open_for(request, batch, workers)
    return [space_key(network, layer) for layer in network.layers]


def without_way(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**key, "computed": None} for key in found]


def other_versions(packages: tuple[str, ...]) -> dict[str, str]:
    return dict.fromkeys(packages, "0.1")


CHANGES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "instructions": lambda patch: patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX9"),
    "oneDNN": lambda patch: patch.setenv(LIMITS[0], "AVX2"),
    "vendor": lambda patch: patch.setattr(kernels, "cpu_vendor", lambda: "Another"),
    "torch": lambda patch: patch.setattr(torch, "__version__", "9.9.9"),
    "libraries": lambda patch: patch.setattr(kernels, "versions_of", other_versions),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_machine_and_the_libraries_are_in_the_key(
    request_of: Requests, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before = keys(request_of())
    CHANGES[change](monkeypatch)
    after = keys(request_of())
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert without_way(before) == without_way(after)


def test_the_batch_as_it_was_in_the_end_is_in_the_key(
    request_of: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keys(request_of(), batch=4) != keys(request_of(), batch=8)
    monkeypatch.setattr("strata.extraction.network.HELD_PIXELS", 4 * 32 * 32)
    assert keys(request_of(), batch=8) == keys(request_of(), batch=4)
    assert [key["computed"]["batch"] for key in keys(request_of(), batch=8)] == [4, 4, 4]


def test_threads_of_a_batch_are_in_the_key_and_batches_at_once_are_not(
    request_of: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keys(request_of(), workers=1) == keys(request_of(), workers=5)
    monkeypatch.setattr("strata.extraction.network.HELD_PIXELS", 4 * 32 * 32)  # room for one batch
    assert keys(request_of(), workers=1) != keys(request_of(), workers=5)


def test_the_number_of_cores_changes_no_bit(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, elsewhere: Place
) -> None:
    """As long as every core has a batch of its own."""
    tables = read_folder(pictures)
    extract(tmp_path / "one", tables, request_of(), replace(place, workers=1))
    extract(tmp_path / "three", tables, request_of(), replace(elsewhere, workers=3))
    assert contents(tmp_path / "one") == contents(tmp_path / "three")


def test_what_halves_are_computed_with_matters_to_halves_alone(
    request_of: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact, half = keys(request_of()), keys(request_of(precision="bf16"))
    monkeypatch.setattr(kernels, "cpu_with", lambda flags: [*HALF, "another"])
    assert keys(request_of()) == exact
    assert keys(request_of(precision="bf16")) != half


def test_features_computed_in_another_way_are_neither_taken_nor_passed_over_in_silence(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, elsewhere: Place
) -> None:
    tables, said = read_folder(pictures), list[str]()
    extract(tmp_path / "a", tables, request_of(), place, announce=said.append)
    done = extract(tmp_path / "b", tables, request_of(), replace(place, batch=2), announce=said.append)
    assert (done.computed, done.from_store) == (22, 0)
    assert [line for line in said if "such features" in line] == [
        "the store holds such features, computed with batch 4; they are computed again with batch 2"
    ]
    extract(tmp_path / "c", tables, request_of(), replace(elsewhere, batch=2))
    for name, array in (("embedding", "vector"), ("conv1", "mean")):
        mixed, alone = (np.asarray(read_layer_array(tmp_path / f, name, array)) for f in "bc")
        np.testing.assert_array_equal(mixed, alone)
    said.clear()
    assert extract(tmp_path / "d", tables, request_of(), place, announce=said.append).computed == 0
    assert said == []


def test_of_several_ways_the_nearest_is_told(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, said = read_folder(pictures), list[str]()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "9.9.9")
        for batch in (2, 4):
            extract(tmp_path / f"{batch}", tables, request_of(), replace(place, batch=batch))
    extract(tmp_path / "now", tables, request_of(), replace(place, batch=2), announce=said.append)
    assert f"computed with torch 9.9.9; they are computed again with torch {torch.__version__}" in said[1]


def test_other_pictures_and_other_layers_are_no_reason_for_a_word(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place
) -> None:
    said = list[str]()
    extract(tmp_path / "a", read_folder(pictures), request_of(layers=("conv1",)), place)
    extract(
        tmp_path / "b", read_folder(pictures), request_of(layers=("embedding",)), place, announce=said.append
    )
    for path in sorted(pictures.glob("*.jpg")):
        path.write_bytes(path.read_bytes() + b"\0")
    other = replace(place, batch=2)
    extract(tmp_path / "c", read_folder(pictures), request_of(), other, announce=said.append)
    assert not [line for line in said if "such features" in line]


def test_a_store_that_did_not_record_the_way_is_said_so(
    tmp_path: Path, pictures: Path, request_of: Requests, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = run.space_key

    def as_before(*arguments: Any) -> dict[str, Any]:
        return {name: value for name, value in inner(*arguments).items() if name != "computed"}

    with monkeypatch.context() as patch:
        patch.setattr(run, "space_key", as_before)
        extract(tmp_path / "a", read_folder(pictures), request_of(), place)
    said = list[str]()
    done = extract(tmp_path / "b", read_folder(pictures), request_of(), place, announce=said.append)
    assert done.computed == 22
    assert said[1].startswith("the store holds such features, computed with no record of how; they are")
