"""One file from one mirror, resumed where it was cut.

``NAME.part`` holds the bytes so far and ``NAME.part.json`` what the server said about the whole file (its
address, ETag or date, size): bytes of two different files are never joined. Temporary failures are
tried again after a pause that doubles; a try that got further starts the count anew.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import urllib3

from strata.base.errors import StrataError
from strata.base.files import full_disk_reported, read_json, write_json
from strata.base.track import Track, no_track

CONNECT_S, READ_S = 15.0, 60.0
TRIES = 4  # without getting any further
ATTEMPTS = 1000
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
CHUNK = 1 << 20
HEADERS = {"User-Agent": "clip-strata", "Accept-Encoding": "identity"}
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
WEB_PAGE = "the server gave a web page instead of the file"
_PAGE_START = re.compile(rb"\s*(<!doctype html|<html|<head|<body)", re.IGNORECASE)


class Refused(Exception):
    """This mirror will not give the file; the message says why. Another mirror may."""


class Cut(Exception):
    """The transfer broke off; trying again may help. ``pause_s``: what the server asked for."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


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
    failures = 0
    with requests.Session() as session:
        for _ in range(ATTEMPTS):
            before = _size(wanted.part)
            if before and before == _known(wanted.part).get("total"):
                return  # all was there, only the last step was missing
            try:
                _attempt(session, wanted, track)
                return
            except Cut as cut:
                failures = 0 if _size(wanted.part) > before else failures
                failures += 1
                if failures >= TRIES:
                    raise Refused(f"{cut} ({failures} times in a row)") from None
                seconds = max(cut.pause_s, FIRST_PAUSE_S * 2 ** (failures - 1))
                pause(min(seconds, LONGEST_PAUSE_S))
    raise Refused(f"cut off {ATTEMPTS} times")


def forget(part: Path) -> None:
    """Remove what was fetched so far."""
    part.unlink(missing_ok=True)
    _about(part).unlink(missing_ok=True)


def _attempt(session: requests.Session, wanted: Wanted, track: Track) -> None:
    headers, start = _resume_headers(wanted)
    try:
        with session.get(
            wanted.url, headers={**HEADERS, **headers}, stream=True, timeout=(CONNECT_S, READ_S)
        ) as response:
            start, total = _accept(response, wanted, start)
            _save(response, wanted.part, start, total, track)
    except requests.exceptions.SSLError as error:
        raise Refused(f"no secure connection: {short_reason(error)}") from None
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
        raise Cut(short_reason(error)) from None
    except requests.RequestException as error:
        raise Refused(short_reason(error)) from None


def _resume_headers(wanted: Wanted) -> tuple[dict[str, str], int]:
    """The headers that ask for the rest, and where it starts; none and 0 where nothing can be resumed."""
    start, known = _size(wanted.part), _known(wanted.part)
    if not start or known.get("url") != wanted.url:
        return {}, 0
    headers = {"Range": f"bytes={start}-"}
    if known.get("validator"):
        headers["If-Range"] = known["validator"]
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
        if first != start or (total is not None and total != _known(wanted.part).get("total", total)):
            forget(wanted.part)
            raise Cut("the server resumed at the wrong place")
    else:
        start, total = 0, _seconds_or_none(response.headers.get("Content-Length"))
    if wanted.bytes is not None and total is not None and total != wanted.bytes:
        raise Refused(f"the file there has {total:,} bytes, not {wanted.bytes:,}")
    if start == 0:
        _remember(response, wanted, total)
    return start, total


def _remember(response: requests.Response, wanted: Wanted, total: int | None) -> None:
    etag = response.headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    forget(wanted.part)
    with full_disk_reported(wanted.part):
        write_json(_about(wanted.part), {"url": wanted.url, "validator": validator, "total": total})


def _save(response: requests.Response, part: Path, start: int, total: int | None, track: Track) -> None:
    steps = ((total or start) - start) // CHUNK
    with full_disk_reported(part), open(part, "ab") as stream:
        for _ in track(_written(response, stream, start), total=steps, desc=f"{part.stem}, MiB"):
            pass
        stream.flush()
    if total is not None and _size(part) < total:
        raise Cut(f"the connection ended after {_size(part):,} of {total:,} bytes")
    if total is not None and _size(part) > total:
        forget(part)
        raise Cut("the server sent more than it promised")


def _written(response: requests.Response, stream: Any, start: int) -> Iterator[None]:
    """Write the body; one item a MiB."""
    got = said = 0
    for chunk in response.raw.stream(1 << 16, decode_content=False):  # some servers call a tgz an encoding
        if start == 0 and got == 0:
            refuse_web_page(chunk)
        stream.write(chunk)
        got += len(chunk)
        while said < got // CHUNK:
            said += 1
            yield


def refuse_web_page(start: bytes) -> None:
    """Raise Refused when a file starts as a web page does: a login, an error or a consent page."""
    if _PAGE_START.match(start):
        raise Refused(WEB_PAGE)


def _content_range(response: requests.Response) -> tuple[int, int | None]:
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
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
    return float(_seconds_or_none(header) or 0)


def _seconds_or_none(header: str | None) -> int | None:
    return int(header) if header is not None and header.isascii() and header.isdigit() else None


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
