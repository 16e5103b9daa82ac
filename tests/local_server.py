"""A small HTTP server on the loopback for tests: ranges, ETags and, on demand, every fault a mirror can have.

Loaded with ``runpy`` by the tests that need it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[["Handler", bytes], bool]
"""Answers a request wrongly (True), or lets the server answer (False)."""


@dataclass
class Served:
    """What is served, what goes wrong next at which path, and what was asked."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    ranges: bool = True
    etags: bool = True
    at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def ranges_of(self, path: str) -> list[str | None]:
        """The Range headers of the requests for ``path``."""
        return [asked_range for asked, asked_range in self.asked if asked == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_GET(self) -> None:
        served = self.served
        with served.lock:
            served.asked.append((self.path, self.headers.get("Range")))
            served.at_once["all"] += 1
            served.most_at_once = max(served.most_at_once, served.at_once["all"])
            faults = served.faults.get(self.path)
            fault = faults.pop(0) if faults else None
        try:
            content = served.files.get(self.path)
            if fault is not None and fault(self, content or b""):
                return
            if content is None:
                self.answer(404, b"nothing here")
            else:
                self._whole_or_rest(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with served.lock:
                served.at_once["all"] -= 1

    def _whole_or_rest(self, content: bytes) -> None:
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"ETag": etag} if self.served.etags else {}
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", etag) == etag
        if not (found and same and self.served.ranges):
            self.answer(200, content, headers)
        elif int(found[1]) >= len(content):
            self.answer(416, b"")
        else:
            start = int(found[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[start:], headers)

    def answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Tests are quiet."""


def status(code: int, headers: dict[str, str] | None = None) -> Fault:
    """Answer with an error."""

    def fault(handler: Handler, content: bytes) -> bool:
        handler.answer(code, b"no", headers)
        return True

    return fault


def cut_at(place: int) -> Fault:
    """Promise all of the file, hang up when byte ``place`` of it is sent."""

    def fault(handler: Handler, content: bytes) -> bool:
        found = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'}
        if found:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:place]
        handler.answer(206 if found else 200, body, headers, length=len(content) - start)
        handler.close_connection = True
        return True

    return fault


def web_page(content_type: str) -> Fault:
    """Answer 200 with a page, as captive portals do."""

    def fault(handler: Handler, content: bytes) -> bool:
        handler.answer(200, b"<!DOCTYPE html><html>Please sign in</html>", {"Content-Type": content_type})
        return True

    return fault


@contextlib.contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Served]:
    """A server on a free port of the loopback, for as long as the block runs."""
    server = ThreadingHTTPServer((host, 0), type("Bound", (Handler,), {}))
    server.daemon_threads = True
    served = Served(f"http://{host}:{server.server_port}")
    server.RequestHandlerClass.served = served  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
