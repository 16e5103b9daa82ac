"""Thousands of single pictures by their addresses, politely, with an account of every failure.

What arrived stays in the store: a later run asks only for the rest. A host that cannot be reached at
all is given up after a few tries instead of being asked for every picture.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from strata.base.errors import StrataError
from strata.base.files import atomic
from strata.base.track import Track, no_track
from strata.fetching.connections import SLOW, Watch, WatchedSession
from strata.fetching.transfer import (
    HEADERS,
    NETWORK,
    Cut,
    Refused,
    Unreached,
    network_failure,
    refuse_web_page,
)

WORKERS = 16
WORKERS_PER_HOST = 4
TRIES = 3
FIRST_PAUSE_S = 1.0
GIVE_UP_AFTER = 8  # pictures in a row that one host could not be reached for
MAX_BYTES = 200 << 20
TIMEOUT_S = (10.0, 30.0)
_TEMPORARY = {408, 429, 500, 502, 503, 504}
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Address:
    """One picture: where it is and what its file is called in the store."""

    url: str
    name: str


def fetch_pictures(
    addresses: Sequence[Address],
    folder: Path,
    *,
    track: Track = no_track,
    pause: Callable[[float], Any] = time.sleep,
) -> list[str | None]:
    """Fetch into ``folder`` what is not there; per address None, or why it could not be fetched.

    At most WORKERS requests at once and WORKERS_PER_HOST to one host. StrataError when the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hosts = {host: _Host() for host in {_host(address) for address in addresses}}
    local = threading.local()

    def fetch_one(address: Address) -> str | None:
        target = folder / address.name
        if target.is_file():
            return None
        if not hasattr(local, "session"):
            local.session = WatchedSession()
        return hosts[_host(address)].fetch(local.session, address.url, target, pause)

    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            found: Iterator[str | None] = pool.map(fetch_one, _spread(addresses))
            outcomes = list(track(found, total=len(addresses), desc="pictures"))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    by_name = dict(zip((address.name for address in _spread(addresses)), outcomes, strict=True))
    return [by_name[address.name] for address in addresses]


def say_failures(reasons: Sequence[str | None]) -> str:
    """``729 of 8,629 pictures could not be fetched (404: 700, timed out: 29)``; empty if none failed."""
    counted = Counter(reason for reason in reasons if reason is not None)
    if not counted:
        return ""
    kinds = ", ".join(f"{reason}: {count:,}" for reason, count in counted.most_common(5))
    return f"{counted.total():,} of {len(reasons):,} pictures could not be fetched ({kinds})"


class _Host:
    """One host: how many ask it at once, and whether it can be reached at all."""

    def __init__(self) -> None:
        self._slots = threading.Semaphore(WORKERS_PER_HOST)
        self._unreachable = 0

    def fetch(
        self, session: WatchedSession, url: str, target: Path, pause: Callable[[float], Any]
    ) -> str | None:
        with self._slots:
            if self._unreachable >= GIVE_UP_AFTER:
                return "its host cannot be reached"
            why = ""
            for attempt in range(TRIES):
                try:
                    _get(session, url, target)
                except Unreached as failure:
                    why, reached = str(failure), False
                except Cut as cut:
                    why, reached = str(cut), True
                except Refused as refused:
                    self._unreachable = 0
                    return str(refused)
                else:
                    self._unreachable = 0
                    return None
                if attempt + 1 < TRIES:
                    pause(FIRST_PAUSE_S * 2**attempt)
            self._unreachable = 0 if reached else self._unreachable + 1
            return why


def _get(session: WatchedSession, url: str, target: Path) -> None:
    with Watch(session) as watch:
        try:
            _save(session, url, target, watch)
        except NETWORK as error:
            raise network_failure(error, watch) from None


def _save(session: WatchedSession, url: str, target: Path, watch: Watch) -> None:
    with closing(session.get(url, headers=HEADERS, stream=True, timeout=TIMEOUT_S)) as response:
        if response.status_code in _TEMPORARY:
            raise Cut(str(response.status_code))
        if response.status_code != 200:
            raise Refused(str(response.status_code))
        body = response.raw.stream(_CHUNK, decode_content=True)
        with atomic(target) as stream:
            got = 0
            for chunk in body:
                if got == 0:
                    refuse_web_page(chunk)
                got += len(chunk)
                watch.got = got
                if got > MAX_BYTES:
                    raise Refused(f"more than {MAX_BYTES >> 20} MiB")
                stream.write(chunk)
            if watch.slow:
                raise Refused(SLOW)
            if got == 0:
                raise Refused("an empty answer")


def _spread(addresses: Sequence[Address]) -> list[Address]:
    """Hosts in turn, so that one slow host does not hold all workers."""
    turn: Counter[str] = Counter()
    order = []
    for place, address in enumerate(addresses):
        host = _host(address)
        turn[host] += 1
        order.append((turn[host], place))
    return [addresses[place] for _, place in sorted(order)]


def _host(address: Address) -> str:
    return urlsplit(address.url).netloc.lower()


def check_some_came(reasons: Sequence[str | None], where: str) -> None:
    """Raise StrataError when not one picture could be had."""
    if reasons and all(reason is not None for reason in reasons):
        failures = say_failures(reasons)
        raise StrataError(f"{where}: {failures}; is there a network? Run again, what came is kept")
