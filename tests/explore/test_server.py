"""The explorer answers its own page and nobody else; marks are files that a folder reads."""

from __future__ import annotations

import csv
import http.client
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import strata
from strata.base.errors import StrataError
from strata.datasets.folder_queries import read_queries, read_relevance
from strata.explore.explorer import Explorer
from strata.explore.marks import Marks
from strata.explore.server import MOST_JSON
from tests.explore.conftest import Served


@dataclass
class Client:
    """Speaks to a served explorer with any headers."""

    port: int
    explorer: Explorer

    def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        own = f"127.0.0.1:{self.port}"
        sent = {"Host": own, **({"Origin": f"http://{own}"} if method == "POST" else {}), **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, content, {name: value for name, value in sent.items() if value})
        response = connection.getresponse()
        found = response.status, response.read(), {k.lower(): v for k, v in response.getheaders()}
        connection.close()
        return found

    def json(self, method: str, path: str, body: Any = None) -> Any:
        status, content, _ = self(method, path, body)
        assert status == 200, content
        return json.loads(content)


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return Client(served.port, served.explorer)


def png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_another_host_or_origin_is_refused(client: Client, headers: dict[str, str]) -> None:
    assert client("GET", "/api/collection", **headers)[0] == 403
    assert client("POST", "/api/ask", {"picture": 0, "layer": "late"}, **headers)[0] == 403


def test_a_post_without_an_origin_is_refused(client: Client) -> None:
    assert client("POST", "/api/mark", {"labelled": [0], "label": "x"}, Origin="")[0] == 403


def test_every_answer_forbids_what_is_from_outside(client: Client) -> None:
    for path in ("/", "/api/collection", "/picture/0/thumbnail", "/nowhere"):
        headers = client("GET", path)[2]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/page/..%2fserver.py",
        "/page/server.py",
        "/picture/..%2f..%2fetc/original",
        "/picture/0/other",
        "/picture/-1/large",
    ],
)
def test_no_path_comes_from_the_browser(client: Client, path: str) -> None:
    assert client("GET", path)[0] in (400, 404)


def test_a_number_that_is_no_picture_is_one_line(client: Client) -> None:
    status, content, _ = client("GET", "/picture/99999/large")
    assert (status, json.loads(content)) == (400, {"error": "there is no picture 99999"})


def test_a_picture_asks_as_the_library_does(client: Client) -> None:
    found = client.json("POST", "/api/ask", {"picture": 3, "layer": "late", "top": 5, "match": "global"})
    run = client.explorer.run
    wanted = strata.search(run, run.ids()[3], layer="late", top=5)
    assert [run.ids()[one["n"]] for one in found] == [one.image_id for one in wanted]


def test_a_box_is_found_as_boxes_inside_the_pictures(client: Client) -> None:
    sizes = client.json("GET", "/api/collection")["sizes"]
    asked = {"picture": 3, "layer": "late", "boxes": [[20, 20, 120, 120], [50, 50, 200, 150]]}
    for one in client.json("POST", "/api/ask", asked):
        assert len(one["boxes"]) == 2
        width, height = sizes[one["n"]]
        for x0, y0, x1, y1 in one["boxes"]:
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height


@pytest.mark.parametrize(
    "asked",
    [
        {"picture": 3, "layer": "no such layer"},
        {"picture": 3, "layer": "late", "boxes": [[0, 0, 99999, 5]]},
        {"picture": 3, "layer": "late", "path": "/etc/passwd"},
        {"picture": 3, "layer": "late", "top": 0},
        {"upload": "nothing", "layer": "late"},
        {"text": "  "},
        {},
    ],
    ids=str,
)
def test_a_wrong_question_is_one_line(client: Client, asked: dict[str, Any]) -> None:
    status, content, _ = client("POST", "/api/ask", asked)
    assert status == 400
    assert "\n" not in json.loads(content)["error"]


def test_a_picture_from_outside_finds_its_own_file(client: Client) -> None:
    content = client("GET", "/picture/4/original")[1]
    token = client.json("POST", "/api/upload", content)["upload"]
    found = client.json("POST", "/api/ask", {"upload": token, "layer": "late", "match": "global"})
    assert found[0]["n"] == 4


@pytest.mark.parametrize("content", [b"", b"<script>alert(1)</script>", png(64, 64)[:60], png(20_000, 6_000)])
def test_what_is_no_picture_or_too_large_is_refused(client: Client, content: bytes) -> None:
    status, said, _ = client("POST", "/api/upload", content)
    assert status == 400
    assert json.loads(said)["error"]


def test_a_body_without_end_is_given_up(client: Client) -> None:
    assert client("POST", "/api/ask", b" " * (MOST_JSON + 10))[0] == 400


def test_marks_are_what_a_folder_reads_and_survive(client: Client) -> None:
    mark = {"query": 3, "query_box": [1, 2, 30, 40], "picture": 5, "verdict": "right", "box": [5, 5, 9, 9]}
    client.json("POST", "/api/mark", mark)
    client.json("POST", "/api/mark", mark | {"picture": 6, "verdict": "wrong"})
    client.json("POST", "/api/mark", mark | {"picture": 7, "verdict": "unsure", "box": None})
    ids, folder, said = client.explorer.ids, client.explorer.folder, []
    queries, left_out = read_queries(folder / "queries.csv", "queries.csv", ids, said.append)
    relevance = read_relevance(folder / "relevance.csv", "relevance.csv", ids, queries, left_out, said.append)
    assert [(row["image_id"], row["x1"]) for row in queries] == [(ids[3], 30.0)]
    assert [(row["image_id"], row["grade"]) for row in relevance] == [(ids[5], "good"), (ids[7], "junk")]
    assert not said
    assert Marks(folder).all()["queries"] == json.loads(json.dumps(client.explorer.marks.all()["queries"]))


def test_a_mark_taken_back_leaves_nothing(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    marks.judge("a", None, "b", "right", None)
    marks.judge("a", None, "b", "none", None)
    with (tmp_path / "queries.csv").open() as stream:
        assert list(csv.DictReader(stream)) == []
    with pytest.raises(StrataError, match="a mark is one of"):
        marks.judge("a", None, "b", "maybe", None)


def test_words_sort_every_picture(client: Client) -> None:
    found = client.json("POST", "/api/words", {"words": ["ship", "house"]})
    assert set(found["nearest"]) <= {0, 1}
    assert len(found["nearest"]) == len(client.explorer.ids)
    assert all(0.5 <= share <= 1 for share in found["shares"])


@pytest.mark.parametrize("by", ["", "tsne"])
def test_a_map_has_a_place_for_every_picture(client: Client, by: str) -> None:
    places = client.json("GET", f"/api/map/late?by={by}")
    assert len(places) == len(client.explorer.ids)
    assert all(0 <= side <= 1 for place in places for side in place)


def test_a_run_made_again_is_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.explorer, "_made", (0, 0))
    status, content, _ = client("POST", "/api/ask", {"picture": 0, "layer": "late"})
    assert status == 400
    assert "changed underneath" in json.loads(content)["error"]
