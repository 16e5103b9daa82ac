"""A file from mirrors: resumed, checked, tried again, and clear about what went wrong."""

from __future__ import annotations

import errno
import hashlib
import random
from pathlib import Path
from typing import Any

import pytest

from strata.base.errors import StrataError
from strata.fetching import transfer
from strata.fetching.mirrors import downloads, fetch, known_sha256, record_first
from strata.fetching.sources import RemoteFile

CONTENT = random.Random(7).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def wanted(*urls: str, **known: Any) -> RemoteFile:
    values = {"name": "a.zip", "bytes": None, "sha256": None, "unpack": False, **known}
    return RemoteFile(urls=list(urls), **values)


def got(file: RemoteFile) -> bytes:
    pauses: list[float] = []
    fetched = fetch(file, "tiny", pause=pauses.append)
    assert all(pause <= transfer.LONGEST_PAUSE_S for pause in pauses)
    assert fetched.sha256 == hashlib.sha256(fetched.path.read_bytes()).hexdigest()
    return fetched.path.read_bytes()


def refused(file: RemoteFile) -> str:
    """The error's one line."""
    with pytest.raises(StrataError) as caught:
        fetch(file, "tiny", pause=lambda seconds: None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def url(server: Any) -> str:
    server.files["/a.zip"] = CONTENT
    return f"{server.url}/a.zip"


def test_a_file_comes_whole_and_is_kept(server: Any, url: str) -> None:
    assert got(wanted(url, bytes=len(CONTENT), sha256=SHA256)) == CONTENT
    assert got(wanted(url)) == CONTENT
    assert len(server.asked) == 1
    assert [path.name for path in downloads().iterdir()] == ["a.zip"]


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_cut_transfer_is_resumed_in_the_same_run(server: Any, url: str, fault: Any, quarter: int) -> None:
    place = len(CONTENT) * quarter // 4
    server.faults["/a.zip"] = [fault["cut_at"](place)]
    assert got(wanted(url, sha256=SHA256)) == CONTENT
    assert server.ranges_of("/a.zip") == [None, f"bytes={place}-"]


def test_a_file_cut_at_every_quarter_is_resumed_by_the_next_runs(
    server: Any, url: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TRIES", 1)
    for quarter in (1, 2, 3):
        place = len(CONTENT) * quarter // 4
        server.faults["/a.zip"] = [fault["cut_at"](place)]
        assert "connection" in refused(wanted(url))
        assert not (downloads() / "a.zip").exists()
        assert (downloads() / "a.zip.part").stat().st_size == place
    assert got(wanted(url)) == CONTENT
    quarters = [f"bytes={len(CONTENT) * quarter // 4}-" for quarter in (1, 2, 3)]
    assert server.ranges_of("/a.zip") == [None, *quarters]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(
    server: Any, url: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TRIES", 1)
    server.faults["/a.zip"] = [fault["cut_at"](1_000_000)]
    refused(wanted(url))
    server.files["/a.zip"] = CONTENT[::-1]
    assert got(wanted(url)) == CONTENT[::-1]


def test_a_server_without_ranges_is_read_from_the_start(server: Any, url: str, fault: Any) -> None:
    server.ranges = False
    server.faults["/a.zip"] = [fault["cut_at"](1_000_000)]
    assert got(wanted(url)) == CONTENT


def test_a_part_that_was_whole_needs_no_more(server: Any, url: str) -> None:
    got(wanted(url))
    (downloads() / "a.zip").rename(downloads() / "a.zip.part")
    about = f'{{"url": "{url}", "total": {len(CONTENT)}, "validator": null}}'
    (downloads() / "a.zip.part.json").write_text(about)
    assert got(wanted(url)) == CONTENT
    assert len(server.asked) == 1


def test_another_mirrors_part_is_not_continued(
    server: Any, url: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TRIES", 1)
    server.files["/b.zip"] = CONTENT[::-1]
    server.faults["/a.zip"] = [fault["cut_at"](1_000_000)]
    assert got(wanted(url, f"{server.url}/b.zip")) == CONTENT[::-1]


def test_mirrors_are_asked_in_order(server: Any, url: str) -> None:
    assert got(wanted(f"{server.url}/gone.zip", url)) == CONTENT
    assert [path for path, _ in server.asked] == ["/gone.zip", "/a.zip"]


def test_500_then_200(server: Any, url: str, fault: Any) -> None:
    server.faults["/a.zip"] = [fault["status"](500), fault["status"](503, {"Retry-After": "2"})]
    pauses: list[float] = []
    fetch(wanted(url), "tiny", pause=pauses.append)
    assert pauses == [1.0, 2.0]


def test_404_is_not_asked_again(server: Any) -> None:
    message = refused(wanted(f"{server.url}/gone.zip"))
    assert "a.zip could not be fetched" in message
    assert "the server says 404" in message
    assert "data/incoming/" in message
    assert len(server.asked) == 1


def test_500_for_ever_ends(server: Any, url: str, fault: Any) -> None:
    server.faults["/a.zip"] = [fault["status"](500)] * 20
    assert "the server says 500 (4 times in a row)" in refused(wanted(url))


def test_nobody_listening_is_one_line() -> None:
    assert "connection refused" in refused(wanted("http://127.0.0.1:9/a.zip"))


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/zip"])
def test_a_web_page_is_not_taken_for_the_file(server: Any, url: str, fault: Any, content_type: str) -> None:
    server.faults["/a.zip"] = [fault["web_page"](content_type)]
    assert "web page instead of the file" in refused(wanted(url))
    assert got(wanted(url)) == CONTENT


def test_a_web_page_does_not_cost_what_was_there(
    server: Any, url: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TRIES", 1)
    server.faults["/a.zip"] = [fault["cut_at"](2_000_000), fault["web_page"]("text/html")]
    refused(wanted(url))
    refused(wanted(url))
    assert got(wanted(url)) == CONTENT
    assert server.ranges_of("/a.zip")[-1] == "bytes=2000000-"


def test_a_wrong_hash_says_both_and_keeps_nothing(server: Any, url: str) -> None:
    message = refused(wanted(url, sha256="0" * 64))
    assert SHA256 in message
    assert "0" * 64 in message
    assert "conf/datasets/tiny.yaml" in message
    assert list(downloads().iterdir()) == []


def test_a_mirror_with_a_wrong_file_is_passed_over(server: Any, url: str) -> None:
    server.files["/old.zip"] = b"PK old"
    assert got(wanted(f"{server.url}/old.zip", url, sha256=SHA256)) == CONTENT


def test_a_wrong_size_is_refused_before_the_transfer(server: Any, url: str) -> None:
    assert "has 3,000,000 bytes, not 5" in refused(wanted(url, bytes=5))


def test_a_change_since_the_first_download_is_an_error(server: Any, url: str) -> None:
    file = wanted(url)
    got(file)
    record_first(file, SHA256)
    record_first(file, "f" * 64)
    assert known_sha256(file) == SHA256
    (downloads() / "a.zip").unlink()
    server.files["/a.zip"] = CONTENT + b"x"
    assert f"the first download had {SHA256}" in refused(file)
    changed = hashlib.sha256(CONTENT + b"x").hexdigest()
    assert got(wanted(url, sha256=changed)) == CONTENT + b"x"


def test_the_users_own_file_is_used_instead_of_the_network(server: Any, url: str, project: Path) -> None:
    own = project / "data/incoming/a.zip"
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT)
    fetched = fetch(wanted(url, sha256=SHA256), "tiny")
    assert fetched.own
    assert fetched.path == own
    assert server.asked == []


def test_the_users_own_wrong_file_is_an_error_and_stays(project: Path) -> None:
    own = project / "data/incoming/a.zip"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"other")
    assert str(own) in refused(wanted("http://127.0.0.1:9/a.zip", sha256=SHA256))
    assert own.read_bytes() == b"other"


def test_a_full_disk_is_one_line_and_the_next_run_continues(
    server: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = transfer._written

    def full(*arguments: Any) -> Any:
        for number, step in enumerate(written(*arguments)):
            yield step
            if number == 0:
                raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "_written", full)
        assert "the disk is full" in refused(wanted(url))
    assert got(wanted(url)) == CONTENT
    assert server.ranges_of("/a.zip")[1] is not None


def test_progress_is_told_in_mebibytes(url: str) -> None:
    said: list[tuple[str, int, int]] = []

    def track(items: Any, *, total: int, desc: str) -> Any:
        items = list(items)
        said.append((desc, total, len(items)))
        return iter(items)

    fetch(wanted(url), "tiny", track=track)
    assert said == [("a.zip, MiB", 2, 2)]
