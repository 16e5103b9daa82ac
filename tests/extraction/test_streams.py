"""Batches through the network, several at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from strata.extraction.network import HELD_BYTES, Network
from strata.extraction.run import Request
from strata.extraction.streams import stream
from strata.models.layers import forward_taps
from tests.extraction.conftest import open_for

RequestOf = Callable[..., Request]


@pytest.fixture
def network(request_of: RequestOf) -> Network:
    request = request_of()
    return open_for(request, batch=2, workers=3)


def test_a_core_a_batch(network: Network) -> None:
    assert (network.streams, network.threads) == (3, 1)


def test_maps_that_fill_the_memory_leave_one_stream_with_every_core(request_of: RequestOf) -> None:
    request = request_of(layers=("conv1",), image_size=4096)
    held = 4 * 32 * 512 * 512
    opened = open_for(request, batch=None, workers=HELD_BYTES // held + 4)
    assert (opened.batch, opened.streams) == (1, 1)
    assert opened.threads == HELD_BYTES // held + 4


def test_results_come_in_the_order_of_the_batches(network: Network) -> None:
    def slow_when_early(_: Network, batch: int) -> int:
        time.sleep(0.02 if batch % 3 == 0 else 0)
        return batch

    assert list(stream(network, slow_when_early, range(20))) == list(range(20))


def test_one_batch_more_than_there_are_streams_is_taken_ahead(network: Network) -> None:
    taken: list[int] = []

    def batches() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    results = stream(network, lambda _, batch: batch, batches())
    next(results)
    assert len(taken) == network.streams + 2  # the one that came back made room for another
    results.close()


def test_no_two_threads_run_the_same_modules_and_all_share_the_weights(network: Network) -> None:
    running: set[int] = set()
    at_once: list[int] = []
    lock = threading.Lock()

    def note(own: Network, _: int) -> None:
        with lock:
            assert id(own.model.visual) not in running
            running.add(id(own.model.visual))
            at_once.append(len(running))
        time.sleep(0.01)
        with lock:
            running.remove(id(own.model.visual))
        theirs = [weight.data_ptr() for weight in own.model.visual.parameters()]
        assert theirs == [weight.data_ptr() for weight in network.model.visual.parameters()]

    list(stream(network, note, range(9)))
    assert max(at_once) == network.streams


def test_streams_see_what_one_alone_sees(network: Network) -> None:
    taps = [layer.tap for layer in network.layers]
    pixels = torch.randn(12, 2, 3, 32, 32)

    def look(own: Network, batch: torch.Tensor) -> list[torch.Tensor]:
        seen = forward_taps(own.model, batch, taps)
        return [found.map if found.map is not None else found.vector for found in seen.values()]  # type: ignore[misc]

    several = list(stream(network, look, pixels))
    alone = list(stream(replace(network, streams=1, threads=2), look, pixels))
    pairs = zip(
        (part for batch in several for part in batch),
        (part for batch in alone for part in batch),
        strict=True,
    )
    assert all(torch.equal(a, b) for a, b in pairs)


def test_an_error_comes_out_in_its_turn_and_ends_the_rest(network: Network) -> None:
    done: list[int] = []

    def fail_at_three(_: Network, batch: int) -> int:
        if batch == 3:
            raise ValueError("three")
        done.append(batch)
        return batch

    seen = []
    with pytest.raises(ValueError, match="three"):
        seen.extend(stream(network, fail_at_three, range(100)))
    assert len(done) < 12


def test_the_same_threads_setting_remains_for_the_caller(network: Network, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    list(stream(network, lambda _, batch: batch, range(4)))
    assert torch.get_num_threads() == before
