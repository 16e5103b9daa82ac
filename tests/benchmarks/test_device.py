"""STRATA_DEVICE moves our side of a comparison, and only that; without it everything runs on the CPU."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks import extraction, ours, results, text
from benchmarks.settings import Settings, device
from benchmarks.weights import local_conf
from strata.extraction.run import Place
from strata.models.loading import LoadedModel
from tests.models.tiny_networks import write_network

ELSEWHERE = "cuda:7"


class Asked(Exception):
    """What was asked for; nothing is computed."""


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_DEVICE", ELSEWHERE)


def place_of_extract(monkeypatch: pytest.MonkeyPatch, work: Path) -> Place:
    """The place that ``run_extract`` gives to ``extract``."""
    places: list[Place] = []

    def extract(_folder: Path, _tables: Any, _request: Any, place: Place, *, announce: Any) -> None:
        places.append(place)
        announce("begun")

    monkeypatch.setattr(ours, "extract", extract)
    ours.run_extract(ours.picture_tables([]), local_conf(work), ("stem",), "fp32", work)
    return places[0]


@pytest.mark.usefixtures("elsewhere")
def test_extract_runs_on_the_device_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place_of_extract(monkeypatch, tmp_path).device == ELSEWHERE


@pytest.mark.parametrize("value", [None, ""])
def test_extract_runs_on_the_cpu_when_none_is(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STRATA_DEVICE", raising=False)
    if value is not None:
        monkeypatch.setenv("STRATA_DEVICE", value)
    assert device() == "cpu"
    assert place_of_extract(monkeypatch, tmp_path).device == "cpu"


@pytest.mark.usefixtures("elsewhere")
def test_the_limits_run_on_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_network(*_: Any, device: str, **__: Any) -> None:
        raise Asked(device)

    monkeypatch.setattr(extraction, "open_network", open_network)
    settings = Settings(rounds=1, small=True, work=tmp_path, pictures=None)
    with pytest.raises(Asked, match=ELSEWHERE):
        extraction._limits(extraction.CASES[0], [], local_conf(tmp_path), lambda: 1.0, settings)


@pytest.mark.parametrize(("name", "waited_for"), [("cpu", []), (ELSEWHERE, [torch.device(ELSEWHERE)])])
def test_the_networks_limit_waits_for_a_gpu_and_for_no_processor(
    name: str, waited_for: list[torch.device], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(extraction, "stream", lambda *_: ())
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    network: Any = SimpleNamespace(model=SimpleNamespace(device=torch.device(name)), batch=1)
    extraction._forward(network, [])
    assert waited == waited_for


@pytest.mark.usefixtures("elsewhere")
def test_our_text_tower_runs_on_it_and_the_stand_in_for_the_other_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    load = text.load_model

    def load_model(*arguments: Any, device: str, **named: Any) -> LoadedModel:
        asked.append(device)
        return load(*arguments, device="cpu", **named)

    monkeypatch.setattr(text, "load_model", load_model)
    monkeypatch.setattr(text, "local_model", lambda _name, folder: write_network(folder / "tiny", "vit"))
    monkeypatch.setattr(text, "install", lambda _name, _folder: "no network")
    text.run(Settings(rounds=1, small=True, work=tmp_path, pictures=None))
    assert asked == [ELSEWHERE, "cpu"]


@pytest.mark.usefixtures("elsewhere")
def test_the_figures_say_where_our_side_ran() -> None:
    assert results.machine().endswith(f", clip-strata on {ELSEWHERE}")
