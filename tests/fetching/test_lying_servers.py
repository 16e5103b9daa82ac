"""Servers that lie about which file it is, how long it is, how fast it comes and where it lies."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.fetching import connections, single_pictures, transfer
from strata.fetching.connections import is_inside
from strata.fetching.mirrors import downloads, fetch
from strata.fetching.single_pictures import Address, fetch_pictures
from strata.fetching.sources import RemoteFile

CONTENT = random.Random(7).randbytes(300_000)
OTHER = random.Random(8).randbytes(300_000)
PLACE = 100_000


def wanted(url: str, size: int | None = None) -> RemoteFile:
    return RemoteFile(name="a.zip", urls=[url], bytes=size, sha256=None, unpack=False)


def got(url: str, size: int | None = None) -> bytes:
    return fetch(wanted(url, size), "tiny", pause=lambda seconds: None).path.read_bytes()


def refused(url: str, size: int | None = None) -> str:
    with pytest.raises(StrataError) as caught:
        got(url, size)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rest_of(content: bytes, **headers: str) -> Callable[..., bool]:
    """Answers any range with the rest of ``content``, whatever If-Range asks."""

    def fault(handler: Any, _: bytes) -> bool:
        start = int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))
        said = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        handler.answer(206, content[start:], {**said, **{k.replace("_", "-"): v for k, v in headers.items()}})
        return True

    return fault


def cut(content: bytes, **headers: str) -> Callable[..., bool]:
    """The first PLACE bytes of ``content``, then the connection ends."""

    def fault(handler: Any, _: bytes) -> bool:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.answer(200, content[:PLACE], said, length=len(content))
        handler.close_connection = True
        return True

    return fault


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"ETag": '"a"'}, {"ETag": '"b"'}),
        ({"ETag": '"a"'}, {}),
        ({"ETag": 'W/"a"'}, {"ETag": 'W/"b"'}),
        ({"Last_Modified": "Mon"}, {"Last_Modified": "Tue"}),
        ({"ETag": '"a"', "Last_Modified": "Mon"}, {"ETag": '"a"', "Last_Modified": "Tue"}),
    ],
)
def test_the_rest_of_another_file_is_never_joined(
    server: Any, first: dict[str, str], then: dict[str, str]
) -> None:
    server.files["/a.zip"] = OTHER
    server.faults["/a.zip"] = [cut(CONTENT, **first), rest_of(OTHER, **then)]
    assert got(f"{server.url}/a.zip") == OTHER
    assert server.ranges_of("/a.zip") == [None, f"bytes={PLACE}-", None]


@pytest.mark.parametrize("headers", [{"ETag": '"a"'}, {}])
def test_a_rest_with_another_total_size_is_never_joined(server: Any, headers: dict[str, str]) -> None:
    server.files["/a.zip"] = OTHER[:-1]
    server.faults["/a.zip"] = [cut(CONTENT, **headers), rest_of(OTHER[:-1], **headers)]
    assert got(f"{server.url}/a.zip") == OTHER[:-1]


def test_the_rest_of_the_same_file_is_joined(server: Any) -> None:
    same = {"ETag": 'W/"a"', "Last_Modified": "Mon"}
    server.faults["/a.zip"] = [cut(CONTENT, **same), rest_of(CONTENT, **same)]
    assert got(f"{server.url}/a.zip") == CONTENT


def endless(handler: Any, _: bytes) -> bool:
    """A body without an end, in chunks."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for _i in range(10_000):
        handler.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
    return True


def test_a_file_of_known_size_is_read_one_byte_further(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.faults["/a.zip"] = [endless]
    sizes = []
    forget = transfer.forget
    monkeypatch.setattr(
        transfer,
        "forget",
        lambda part: (sizes.append(part.stat().st_size if part.exists() else 0), forget(part)),
    )
    assert "has more than 200,000 bytes" in refused(f"{server.url}/a.zip", size=200_000)
    assert max(sizes) == 200_001
    assert list(downloads().iterdir()) == []


@pytest.mark.parametrize("length", ["-5", "9" * 5000, "²", "none", "99999999999999999999"])
def test_a_length_that_is_none_is_no_traceback(server: Any, length: str) -> None:
    def fault(handler: Any, _: bytes) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", length)
        handler.end_headers()
        handler.wfile.write(CONTENT)
        handler.close_connection = True
        return True

    server.files["/a.zip"] = CONTENT
    server.faults["/a.zip"] = [fault]
    assert got(f"{server.url}/a.zip") == CONTENT


def trickle(before: bytes) -> Callable[..., bool]:
    """Writes ``before`` and then a byte every twentieth of a second, for ten seconds."""

    def fault(handler: Any, _: bytes) -> bool:
        handler.wfile.write(before)
        for _i in range(200):
            time.sleep(0.05)
            handler.wfile.write(b"a")
            handler.wfile.flush()
        handler.close_connection = True
        return True

    return fault


STATUS = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "before",
    [
        STATUS,
        STATUS + b"X-Long: ",
        STATUS + b"Content-Length: 1000\r\n\r\n",
        STATUS + b"Connection: close\r\n\r\n",
        STATUS + b"Transfer-Encoding: chunked\r\n\r\n5;",
        STATUS + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n",
    ],
)
def test_a_server_that_hardly_sends_is_given_up(
    server: Any, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    monkeypatch.setattr(connections, "SLOW_S", 0.3)
    server.faults["/a.zip"] = [trickle(before)] * 9
    server.faults["/a.jpg"] = [trickle(before)] * 9
    started = time.monotonic()
    assert "less than 1 KiB a second" in refused(f"{server.url}/a.zip")
    (why,) = fetch_pictures([Address(f"{server.url}/a.jpg", "a.jpg")], Path("store"))
    assert why is not None
    assert "less than 1 KiB a second" in why
    assert time.monotonic() - started < 8
    assert not any(thread.name.endswith("(_look)") for thread in threading.enumerate())


def test_a_transfer_cut_again_and_again_ends(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PATIENCE_S", 1.0)
    place = [0]

    def one_byte(handler: Any, _: bytes) -> bool:
        start = place[0]
        place[0] += 1
        said = {"ETag": '"a"', "Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}
        handler.answer(206 if start else 200, CONTENT[start : start + 1], said, length=len(CONTENT) - start)
        handler.close_connection = True
        return True

    server.faults["/a.zip"] = [one_byte] * 100_000
    with pytest.raises(StrataError, match="less than 1 KiB a second"):
        fetch(wanted(f"{server.url}/a.zip"), "tiny", pause=lambda seconds: time.sleep(0.01))


def redirect(target: str) -> Callable[..., bool]:
    def fault(handler: Any, _: bytes) -> bool:
        handler.answer(302, b"", {"Location": target})
        return True

    return fault


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 counts as an address of the public internet; the rest of the loopback does not."""
    monkeypatch.setattr(connections, "is_inside", lambda address: address != "127.0.0.1")


@pytest.mark.usefixtures("outside")
def test_no_redirect_leads_from_outside_inwards(
    server: Any, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/a.zip"] = CONTENT
    with fault["serving"](host="127.0.0.2") as inner:
        inner.files["/secret"] = OTHER
        server.faults["/a.zip"] = [redirect(f"{inner.url}/secret")]
        assert "inside this network" in refused(f"{server.url}/a.zip")
        server.faults["/a.jpg"] = [redirect(f"{inner.url}/secret")]
        store = Path("store")
        both = [Address(f"{inner.url}/secret", "own"), Address(f"{server.url}/a.jpg", "a.jpg")]
        monkeypatch.setattr(single_pictures, "WORKERS", 1)
        why = fetch_pictures(both, store, pause=lambda seconds: None)
        assert why[0] is None
        assert "inside this network" in str(why[1])
        assert [path for path, _ in inner.asked] == ["/secret"]
        inner.faults["/b.zip"] = [redirect(f"{inner.url}/secret")]
        assert got(f"{inner.url}/b.zip") == OTHER


@pytest.mark.parametrize(
    "target",
    [
        "http://[::1",
        "http://\udcff/",
        "ftp://a/",
        "file:///etc/passwd",
        "//",
        "http://a:99999/",
        "gopher:",
        " ",
    ],
)
def test_a_redirect_to_nowhere_is_one_line(server: Any, target: str) -> None:
    def fault(handler: Any, _: bytes) -> bool:
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ")
        handler.wfile.write(target.encode("utf-8", "surrogateescape") + b"\r\n\r\n")
        return True

    server.faults["/a.zip"] = [fault] * 9
    assert "could not be fetched" in refused(f"{server.url}/a.zip")


def test_redirects_in_a_circle_end(server: Any) -> None:
    server.faults["/a.zip"] = [redirect("/a.zip")] * 200
    assert "could not be fetched" in refused(f"{server.url}/a.zip")
    assert len(server.asked) < 150


def test_https_is_not_led_to_plain_http() -> None:
    session = connections.WatchedSession()
    answer = type("Answer", (), {"is_redirect": True, "url": "https://a.org/x"})()
    for target, bad in (
        ("http://a.org/y", True),
        ("https://b.org/", False),
        ("/z", False),
        ("//b.org/", False),
    ):
        answer.headers = {"location": target}
        if bad:
            with pytest.raises(connections.Misled, match="from https to http, to a"):
                session.get_redirect_target(answer)
        else:
            assert session.get_redirect_target(answer) == target


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("192.168.1.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:8.8.8.8", False),
        ("8.8.8.8", False),
        ("2001:4860:4860::8888", False),
    ],
)
def test_what_is_inside(address: str, inside: bool) -> None:
    assert is_inside(address) == inside


def test_what_was_refused_leaves_no_wrong_file(server: Any) -> None:
    server.files["/a.zip"] = CONTENT
    assert hashlib.sha256(got(f"{server.url}/a.zip")).digest() == hashlib.sha256(CONTENT).digest()
    assert [path.name for path in downloads().iterdir()] == ["a.zip"]
