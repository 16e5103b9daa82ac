"""One file from one mirror, resumed where it was cut.

``NAME.part`` holds the bytes so far and ``NAME.part.json`` what the server said about the whole file (its
address, ETag, date, size): bytes of two different files are never joined. Temporary failures are
tried again after a pause that doubles; a try that got further starts the count anew, as long as all of it
moves at connections.LEAST_RATE.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests
import urllib3

from strata.base.errors import StrataError
from strata.base.files import full_disk_reported, read_json, write_json
from strata.base.track import Track, no_track
from strata.fetching.connections import LEAST_RATE, SLOW, Misled, Watch, WatchedSession

CONNECT_S, READ_S = 15.0, 60.0
TRIES = 4  # without getting any further
PATIENCE_S = 600.0  # that a transfer may take besides what its bytes need at LEAST_RATE
MAX_BYTES = 256 << 30
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
CHUNK = 1 << 20
_READ = 1 << 14  # small beside what LEAST_RATE brings in SLOW_S
HEADERS = {"User-Agent": "clip-strata", "Accept-Encoding": "identity"}
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
NETWORK = (requests.RequestException, urllib3.exceptions.HTTPError, Misled, ValueError)
"""What a request raises besides errors of the disk."""
WEB_PAGE = "the server gave a web page instead of the file"
_PAGE_START = re.compile(rb"\s*(<!doctype html|<html|<head|<body)", re.IGNORECASE)


class Refused(Exception):
    """This mirror will not give the file; the message says why. Another mirror may."""


class Cut(Exception):
    """The transfer broke off; trying again may help. ``pause_s``: what the server asked for."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class Unreached(Cut):
    """The network failed, not the server."""


@dataclass(frozen=True)
class Wanted:
    """What is fetched: ``bytes`` is the size it must have (None: what the server says)."""

    url: str
    part: Path
    bytes: int | None


def transfer(wanted: Wanted, *, track: Track = no_track, pause: Callable[[float], Any] = time.sleep) -> None:
    """Fetch all of ``wanted`` into its ``part`` file.

    Raises Refused when this mirror is of no use; what it gave is kept for the next run where that can be
    resumed. Raises StrataError when the disk is full.
    """
    failures, got, started = 0, 0, time.monotonic()
    with WatchedSession() as session:
        while time.monotonic() - started < PATIENCE_S + got / LEAST_RATE:
            before = _size(wanted.part)
            if before and before == _known(wanted.part).get("total"):
                return  # all was there, only the last step was missing
            try:
                _attempt(session, wanted, track)
                return
            except Cut as cut:
                gained = max(0, _size(wanted.part) - before)
                got += gained
                failures = 0 if gained else failures
                failures += 1
                if failures >= TRIES:
                    raise Refused(f"{cut} ({failures} times in a row)") from None
                seconds = max(cut.pause_s, FIRST_PAUSE_S * 2 ** (failures - 1))
                pause(min(seconds, LONGEST_PAUSE_S))
    raise Refused(SLOW)


def forget(part: Path) -> None:
    """Remove what was fetched so far."""
    part.unlink(missing_ok=True)
    _about(part).unlink(missing_ok=True)


def _attempt(session: WatchedSession, wanted: Wanted, track: Track) -> None:
    headers, start = _resume_headers(wanted)
    with Watch(session) as watch:
        try:
            with session.get(
                wanted.url, headers={**HEADERS, **headers}, stream=True, timeout=(CONNECT_S, READ_S)
            ) as response:
                start, total = _accept(response, wanted, start)
                _save(response, wanted, start, total, track, watch)
        except NETWORK as error:
            raise network_failure(error, watch) from None


def network_failure(error: Exception, watch: Watch) -> Cut | Refused:
    """What a failed request means: another try may help (Unreached), or not (Refused).

    ValueError is what odd addresses and headers make the libraries raise.
    """
    if watch.slow:
        return Refused(SLOW)
    if isinstance(error, Misled):
        return Refused(str(error))
    if isinstance(error, requests.exceptions.SSLError):
        return Refused(f"no secure connection: {short_reason(error)}")
    if isinstance(error, requests.ConnectionError | requests.Timeout | urllib3.exceptions.HTTPError):
        return Unreached(short_reason(error))
    return Refused(short_reason(error))


def _resume_headers(wanted: Wanted) -> tuple[dict[str, str], int]:
    """The headers that ask for the rest, and where it starts; none and 0 where nothing can be resumed."""
    start, known = _size(wanted.part), _known(wanted.part)
    if not start or known.get("url") != wanted.url:
        return {}, 0
    headers = {"Range": f"bytes={start}-"}
    if validator := _validator(known):
        headers["If-Range"] = validator
    return headers, start


def _accept(response: requests.Response, wanted: Wanted, start: int) -> tuple[int, int | None]:
    """Where the body belongs in the file, and the size of the whole; 0 to start over."""
    status = response.status_code
    if status in _TEMPORARY:
        raise Cut(f"the server says {status}", _seconds(response.headers.get("Retry-After")))
    if status == 416:
        forget(wanted.part)  # what we have is not the start of what they have
        raise Cut("the file there is another one now")
    if status not in (200, 206):
        raise Refused(f"the server says {status}")
    if "text/html" in response.headers.get("Content-Type", ""):
        raise Refused(WEB_PAGE)
    if status == 206:
        first, total = _content_range(response)
        if first != start:
            forget(wanted.part)
            raise Cut("the server resumed at the wrong place")
        if start and not _is_same(response, total, _known(wanted.part)):
            forget(wanted.part)
            raise Cut("the file there is another one now")
    else:
        start, total = 0, _number(response.headers.get("Content-Length"))
    if wanted.bytes is not None and total is not None and total != wanted.bytes:
        raise Refused(f"the file there has {total:,} bytes, not {wanted.bytes:,}")
    if start == 0:
        _remember(response, wanted, total)
    return start, total


def _is_same(response: requests.Response, total: int | None, known: dict[str, Any]) -> bool:
    """Whether the rest is of the file whose start we have: same ETag, date and size, as far as known then."""
    said = {**_about_file(response), "total": total}
    return all(said[key] == known.get(key) for key in said if known.get(key) is not None)


def _about_file(response: requests.Response) -> dict[str, str | None]:
    return {"etag": response.headers.get("ETag"), "date": response.headers.get("Last-Modified")}


def _validator(known: dict[str, Any]) -> str | None:
    """What If-Range can name: an ETag unless it is a weak one, else a date."""
    etag = known.get("etag")
    found = etag if etag and not str(etag).startswith("W/") else known.get("date")
    return None if found is None else str(found)


def _remember(response: requests.Response, wanted: Wanted, total: int | None) -> None:
    forget(wanted.part)
    with full_disk_reported(wanted.part):
        write_json(_about(wanted.part), {"url": wanted.url, "total": total, **_about_file(response)})


def _save(
    response: requests.Response, wanted: Wanted, start: int, total: int | None, track: Track, watch: Watch
) -> None:
    part, most = wanted.part, wanted.bytes or total or MAX_BYTES
    steps = (min(total or start, most) - start) // CHUNK
    with full_disk_reported(part), open(part, "ab") as stream:
        for _ in track(_written(response, stream, start, most, watch), total=steps, desc=f"{part.stem}, MiB"):
            pass
        stream.flush()
    if watch.slow:
        raise Refused(SLOW)
    if _size(part) > most:
        forget(part)
        raise Refused(f"the file there has more than {most:,} bytes")
    if total is not None and _size(part) < total:
        raise Cut(f"the connection ended after {_size(part):,} of {total:,} bytes")


def _written(
    response: requests.Response, stream: IO[bytes], start: int, most: int, watch: Watch
) -> Iterator[None]:
    """Write the body up to the first byte beyond ``most``; one item a MiB."""
    got = said = 0
    for chunk in response.raw.stream(_READ, decode_content=False):  # some servers call a tgz an encoding
        if start == 0 and got == 0:
            refuse_web_page(chunk)
        stream.write(chunk[: most + 1 - start - got])
        got += len(chunk)
        watch.got = got
        if start + got > most:
            return
        while said < got // CHUNK:
            said += 1
            yield


def refuse_web_page(start: bytes) -> None:
    """Raise Refused when a file starts as a web page does: a login, an error or a consent page."""
    if _PAGE_START.match(start):
        raise Refused(WEB_PAGE)


def _content_range(response: requests.Response) -> tuple[int, int | None]:
    found = re.fullmatch(
        r"bytes ([0-9]{1,18})-[0-9]+/([0-9]{1,18}|\*)", response.headers.get("Content-Range", "")
    )
    if found is None:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _known(part: Path) -> dict[str, Any]:
    with contextlib.suppress(StrataError):
        content = read_json(_about(part))
        if isinstance(content, dict):
            return content
    return {}


def _about(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _seconds(header: str | None) -> float:
    return float(_number(header) or 0)


def _number(header: str | None) -> int | None:
    """A header's number; None where it is none or larger than any file."""
    return int(header) if header is not None and re.fullmatch(r"[0-9]{1,18}", header) else None


def short_reason(error: BaseException) -> str:
    """The innermost reason of a network error, without the layers of objects around it."""
    text = " ".join(str(error).split())
    for known, said in (
        ("Name or service not known", "its name cannot be resolved"),
        ("Temporary failure in name resolution", "its name cannot be resolved"),
        ("nodename nor servname", "its name cannot be resolved"),
        ("Connection refused", "connection refused"),
        ("timed out", "timed out"),
        ("Connection reset", "connection reset"),
        ("RemoteDisconnected", "the server hung up"),
        ("IncompleteRead", "the connection was cut"),
        ("certificate", "its certificate is not trusted"),
    ):
        if known in text:
            return said
    return text[:200] or type(error).__name__
