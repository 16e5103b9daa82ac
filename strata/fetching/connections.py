"""Connections to servers that may lie: a transfer that hardly moves is ended, none is led inwards.

A read waits for a byte, not for progress, so a server that sends one a minute holds it for ever: a watch of
its own counts bytes and closes the connection. Where a redirect leads is seen at the connection itself, by
the address that was reached, whatever a name was said to stand for.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

SLOW_S = 60.0
LEAST_RATE = 1024  # bytes a second, over SLOW_S
SLOW = f"it sends less than {LEAST_RATE >> 10} KiB a second"


class Misled(Exception):
    """A redirect leads where none may; the message says where."""


class Watch:
    """Around one request: closes its connections when less than LEAST_RATE arrives over SLOW_S.

    ``got`` is to be counted up by who reads; ``slow`` is True when the watch ended the transfer.
    """

    def __init__(self, session: WatchedSession) -> None:
        self.got = 0
        self.slow = False
        self._session = session
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._session.begin()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        before = 0
        while not self._over.wait(SLOW_S):
            got = self.got
            self.slow = self.slow or got - before < SLOW_S * LEAST_RATE
            before = got
            if self.slow:
                self._session.hang_up()


class WatchedSession(requests.Session):
    """A session whose requests can be hung up, and whose redirects lead neither inwards nor to plain http.

    Only a request whose first server is in this network or on this machine may be led to another one there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._open: list[HTTPConnection] = []
        self._sockets: list[socket.socket] = []  # a connection forgets its own before the answer is read
        self._first_is_inside: bool | None = None
        adapter = _Adapter(self)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def begin(self) -> None:
        """Start a request: the next server reached is the first one."""
        self._open.clear()
        self._sockets.clear()
        self._first_is_inside = None

    def hang_up(self) -> None:
        """Close the sockets of this request's connections under whoever reads from them."""
        connecting = [connection.sock for connection in self._open if connection.sock is not None]
        for open_socket in [*connecting, *self._sockets]:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def reached(self, connection: HTTPConnection) -> None:
        """Raise Misled when a redirect led from outside to inside. A proxy's own address says nothing."""
        if connection.sock is not None:
            self._sockets.append(connection.sock)
        if connection.proxy is None and connection.sock is not None:
            inside = is_inside(connection.sock.getpeername()[0])
            if self._first_is_inside is None:
                self._first_is_inside = inside
            if inside and not self._first_is_inside:
                connection.close()
                raise Misled(f"it leads to {connection.host}, an address inside this network")

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where a redirect leads. Raises Misled from https to http."""
        target = super().get_redirect_target(resp)
        if target is not None and urlsplit(resp.url).scheme == "https":
            there = urlsplit(urljoin(resp.url, target))
            if there.scheme == "http":
                raise Misled(f"it leads from https to http, to {there.hostname}")
        return target

    def known(self, connection: HTTPConnection) -> None:
        """Take a connection into those that can be hung up."""
        if connection not in self._open:
            self._open.append(connection)


def is_inside(address: str) -> bool:
    """Whether an IP address is this machine's or a private network's: none of the public internet."""
    found = ipaddress.ip_address(address.split("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return not found.ipv4_mapped.is_global
    return not found.is_global


class _Adapter(HTTPAdapter):
    def __init__(self, session: WatchedSession) -> None:
        self._session = session
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._session)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _pools(self._session)
        return manager


def _pools(session: WatchedSession) -> dict[str, Any]:
    """Pools by scheme, whose connections are known to the session before they wait for anything."""

    class Watched:
        def connect(self: Any) -> None:
            session.known(self)
            super().connect()  # type: ignore[misc]
            session.reached(self)

        def request(self: Any, *arguments: Any, **options: Any) -> None:
            session.known(self)
            session.reached(self)  # one that was open already
            super().request(*arguments, **options)  # type: ignore[misc]

    plain = type("Plain", (Watched, HTTPConnection), {})
    secure = type("Secure", (Watched, HTTPSConnection), {})
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
