"""A server that lies, on the loopback: the right bytes, or one clear line and no file.

Each try serves one file under a plan of one to four wrong answers (another file, other sizes, dates and
ETags, cuts, trickles, redirects, odd headers, bodies without an end) before the server answers truly, and
fetches it twice, as two runs would. Waits are shortened: a minute of the rules is a fifth of a second here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

from strata.base.errors import StrataError
from strata.fetching import connections, transfer
from strata.fetching.mirrors import downloads, fetch
from strata.fetching.sources import RemoteFile
from torture.tries import repeated

TRY_S = 30.0
_CONTENT = random.Random(1).randbytes(200_000)
_OTHER = random.Random(2).randbytes(200_000)
_TAGS = ('"a"', '"b"', 'W/"a"', "", None)
_DATES = ("Mon, 02 Nov 2026 10:00:00 GMT", "Tue, 03 Nov 2026 10:00:00 GMT", "no date", None)
_LENGTHS = ("0", "-1", "1", "200000", "200001", "9" * 30, "9" * 5000, "x", "1,2", None)


def run(seed: int, until: float) -> tuple[int, list[str]]:
    """Tries until ``time.monotonic()`` is ``until``: how many, and a line for each that failed."""
    return repeated(one, seed, until)


def one(name: str) -> str | None:
    """One try, all of it drawn from ``name``; None, or what went wrong."""
    chance = random.Random(name)
    started = time.monotonic()
    with _project(), _serving(_Plan(chance)) as url:
        known = chance.random()
        file = RemoteFile(
            name="a.zip",
            urls=[f"{url}/a.zip"],
            bytes=len(_CONTENT) if known < 0.5 else None,
            sha256=hashlib.sha256(_CONTENT).hexdigest() if 0.3 < known < 0.7 else None,
            unpack=False,
        )
        said = _fetched(file) or _fetched(file)
    if said is None and time.monotonic() - started > TRY_S:
        said = f"it took {time.monotonic() - started:.0f} s"
    return None if said is None else f"transfers {name}: {said}"


def _fetched(file: RemoteFile) -> str | None:
    try:
        content = fetch(file, "torture", pause=lambda seconds: None).path.read_bytes()
    except StrataError as error:
        line = str(error)
        if not line.isprintable() or len(line) > 2000:
            return f"no clear line: {line[:200]!r}"
        return "a refused file is there" if (downloads() / file.name).exists() else None
    except BaseException as error:  # whatever it is, it is no clear line
        return f"{type(error).__name__}: {str(error)[:200]!r}"
    known = file.bytes is not None or file.sha256 is not None
    if file.sha256 is not None and content != _CONTENT:
        return "other bytes than the SHA-256 says"
    if known and len(content) != len(_CONTENT):
        return f"{len(content):,} bytes instead of {len(_CONTENT):,}"
    whole = (_CONTENT, _OTHER)
    if not any(content == one[: len(content)] for one in whole):
        return "bytes of two files joined"
    return None


@contextlib.contextmanager
def _project() -> Iterator[None]:
    """An empty project as the working folder, waits shortened, no proxy before the loopback."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, contextlib.ExitStack() as stack:
        stack.callback(os.chdir, before)
        stack.enter_context(mock.patch.dict(os.environ, {"NO_PROXY": "*", "STRATA_STORE": f"{folder}/store"}))
        stack.enter_context(mock.patch.object(connections, "SLOW_S", 0.2))
        stack.enter_context(mock.patch.object(transfer, "PATIENCE_S", 5.0))
        os.chdir(folder)
        yield


@dataclass
class _Plan:
    """The wrong answers still to be given, and one end for all that are on their way."""

    chance: random.Random
    wrong: list[Callable[[_Handler], None]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.wrong = [self.chance.choice(_ANSWERS) for _ in range(self.chance.randint(1, 4))]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    plan: _Plan

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            self.plan.wrong.pop(0)(self) if self.plan.wrong else _truly(self)

    def start(self) -> int:
        """Where the asked range starts."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found[1]) if found else 0

    def head(self, status: int, **headers: str | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is logged."""


def _truly(handler: _Handler) -> None:
    handler.head(200, ETag='"a"', Content_Length=str(len(_CONTENT)))
    handler.wfile.write(_CONTENT)


def _cut(handler: _Handler) -> None:
    chance, start = handler.plan.chance, min(handler.start(), len(_CONTENT))
    place = chance.randrange(start, len(_CONTENT) + 1)
    span = f"bytes {start}-{len(_CONTENT) - 1}/{len(_CONTENT)}" if start else None
    handler.head(
        206 if start else 200,
        ETag=chance.choice(_TAGS[:3]),
        Last_Modified=chance.choice(_DATES),
        Content_Length=str(len(_CONTENT) - start),
        Content_Range=span,
    )
    handler.wfile.write(_CONTENT[start:place])
    handler.close_connection = True


def _rest_of_another(handler: _Handler) -> None:
    """A rest of another file, under another name: its ETag, or its size."""
    chance, start = handler.plan.chance, handler.start()
    size = chance.choice((len(_OTHER) - 1, len(_OTHER) - 1000))
    content = _OTHER[:size]
    span = f"bytes {start}-{size - 1}/{size}"
    handler.head(206, ETag='"other"', Content_Length=str(max(0, size - start)), Content_Range=span)
    handler.wfile.write(content[start:])


def _odd_length(handler: _Handler) -> None:
    handler.head(200, Content_Length=handler.plan.chance.choice(_LENGTHS), ETag='"a"')
    handler.wfile.write(_CONTENT)
    handler.close_connection = True


def _odd_range(handler: _Handler) -> None:
    said = handler.plan.chance.choice(
        ("bytes 0-1/2", "bytes */5", "bytes -1--1/9", "", "bytes 5-", f"bytes 0-{'9' * 5000}/{'9' * 5000}")
    )
    handler.head(206, Content_Range=said, Content_Length="5")
    handler.wfile.write(b"wrong")


def _status(handler: _Handler) -> None:
    status = handler.plan.chance.choice((204, 304, 400, 403, 404, 416, 429, 500, 503, 599))
    handler.head(
        status, Retry_After=handler.plan.chance.choice(("1", "9" * 400, "x", None)), Content_Length="0"
    )
    handler.close_connection = True


def _redirect(handler: _Handler) -> None:
    targets = (
        "/a.zip",
        "http://[::1",
        "ftp://a/",
        "file:///etc/passwd",
        "//",
        " ",
        "\udcff",
        "http://127.0.0.1:1/",
    )
    target = handler.plan.chance.choice(targets).encode("utf-8", "surrogateescape")
    handler.wfile.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + target + b"\r\n\r\n")


def _trickle(handler: _Handler) -> None:
    starts = (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")
    handler.wfile.write(handler.plan.chance.choice(starts))
    while not handler.plan.over.wait(0.02):
        handler.wfile.write(b"a")


def _endless(handler: _Handler) -> None:
    handler.head(200, Transfer_Encoding="chunked")
    sent = 0
    while not handler.plan.over.is_set() and sent < 8 << 20:
        handler.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
        sent += 1 << 16
    handler.close_connection = True


def _noise(handler: _Handler) -> None:
    handler.wfile.write(handler.plan.chance.randbytes(handler.plan.chance.choice((1, 100, 100_000))))
    handler.close_connection = True


def _page(handler: _Handler) -> None:
    handler.head(200, Content_Length="22", Content_Type="application/zip")
    handler.wfile.write(b"<!DOCTYPE html> sign in")


_ANSWERS: tuple[Callable[[_Handler], None], ...] = (
    _cut,
    _cut,
    _cut,
    _rest_of_another,
    _rest_of_another,
    _odd_length,
    _odd_range,
    _status,
    _redirect,
    _trickle,
    _endless,
    _noise,
    _page,
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up on a liar is right."""


@contextlib.contextmanager
def _serving(plan: _Plan) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"plan": plan}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        plan.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
