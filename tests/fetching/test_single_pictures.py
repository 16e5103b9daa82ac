"""Pictures by address: politely, once each, with a reason for every one that did not come."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from strata.base import files
from strata.base.errors import StrataError
from strata.fetching import single_pictures
from strata.fetching.single_pictures import Address, check_some_came, fetch_pictures, say_failures

PICTURE = b"\xff\xd8picture"


def addresses(server: Any, count: int) -> list[Address]:
    for i in range(count):
        server.files[f"/{i}.jpg"] = PICTURE + bytes([i % 256])
    return [Address(f"{server.url}/{i}.jpg", f"{i}.jpg") for i in range(count)]


def fetched(wanted: list[Address]) -> list[str | None]:
    return fetch_pictures(wanted, Path("store"), pause=lambda seconds: None)


def test_all_come_under_their_names(server: Any) -> None:
    wanted = addresses(server, 40)
    assert fetched(wanted) == [None] * 40
    assert {path.name for path in Path("store").iterdir()} == {address.name for address in wanted}
    assert Path("store/7.jpg").read_bytes() == PICTURE + bytes([7])


def test_a_host_is_asked_four_times_at_once_at_most(server: Any) -> None:
    fetched(addresses(server, 60))
    assert 1 <= server.most_at_once <= single_pictures.WORKERS_PER_HOST


def test_what_came_is_not_asked_again(server: Any) -> None:
    wanted = addresses(server, 5)
    del server.files["/3.jpg"]
    assert fetched(wanted) == [None, None, None, "404", None]
    server.files["/3.jpg"] = PICTURE
    server.asked.clear()
    assert fetched(wanted) == [None] * 5
    assert [path for path, _ in server.asked] == ["/3.jpg"]


def test_every_failure_has_a_reason(server: Any, fault: Any) -> None:
    wanted = addresses(server, 6)
    del server.files["/0.jpg"]
    server.faults["/1.jpg"] = [fault["web_page"]("image/jpeg")]
    server.faults["/2.jpg"] = [fault["status"](500)] * 9
    server.faults["/3.jpg"] = [fault["status"](503)]
    server.faults["/4.jpg"] = [fault["cut_at"](3)] * 9
    server.files["/5.jpg"] = b""
    reasons = fetched(wanted)
    assert reasons[:4] == ["404", "the server gave a web page instead of the file", "500", None]
    assert reasons[4] is not None
    assert "connection" in reasons[4]
    assert reasons[5] == "an empty answer"
    assert [path.name for path in Path("store").iterdir()] == ["3.jpg"]
    assert say_failures(reasons).startswith("5 of 6 pictures could not be fetched (")


def test_a_host_that_cannot_be_reached_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [Address(f"http://127.0.0.1:9/{i}.jpg", f"{i}.jpg") for i in range(100)]
    reasons = fetched(wanted)
    assert reasons.count("its host cannot be reached") >= 100 - single_pictures.GIVE_UP_AFTER - 4
    with pytest.raises(StrataError, match=r"table\.csv: 100 of 100 pictures .* is there a network\?"):
        check_some_came(reasons, "table.csv")


def test_a_full_disk_ends_the_run_with_one_line(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    wanted = addresses(server, 8)
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(StrataError, match="the disk is full"):
            fetched(wanted)
    assert list(Path("store").iterdir()) == []
    assert fetched(wanted) == [None] * 8
