"""The explorer's requests and answers.

Pictures are named by their number in ``run.ids()``; no path ever comes from the browser. Only requests to
this machine by its own name are answered (no rebinding), and only the page itself may post.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pydantic
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from strata.base.errors import StrataError, one_line
from strata.collection.headers import readable_formats
from strata.explore.marks import Marks
from strata.explore.pictures import LARGE_PX, THUMBNAIL_PX, contact_sheet, kept_jpeg
from strata.explore.wall import layout, neighbour_layout, wall
from strata.library.asking import Match, Metric, Mode, Question, ask, ask_vector, picture_rows
from strata.library.run import Run
from strata.library.words import sort_by_words, text_vectors
from strata.maps.geometry import Box
from strata.maps.views import decode_picture
from strata.settings.params import Pooling

PAGE = Path(__file__).parent / "page"
KINDS = {"index.html": "text/html", "app.js": "text/javascript", "style.css": "text/css"}
MOST_BYTES = 64 * 2**20  # of an upload
MOST_PIXELS = 100_000_000
MOST_JSON = 2**20
UPLOADS_KEPT = 8
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Handler = Callable[[Request], Awaitable[Response]]


class Asked(pydantic.BaseModel, extra="forbid"):
    """A question of the page: one of ``picture`` (a number), ``upload`` (a token) and ``text``."""

    picture: int | None = None
    upload: str | None = None
    text: str | None = None
    boxes: list[Box] = pydantic.Field(default=[], max_length=8)
    layer: str = ""
    match: Match = "dense"
    metric: Metric = "cosine"
    pooling: Pooling | None = None
    mode: Mode = "and"
    reduced: bool = False
    top: int = pydantic.Field(default=60, ge=1, le=1000)


class Marked(pydantic.BaseModel, extra="forbid"):
    """A mark: of an answer, or labels."""

    query: int | None = None
    query_box: Box | None = None
    picture: int | None = None
    verdict: str = ""
    box: Box | None = None
    labelled: list[int] = []
    label: str | None = None


class Words(pydantic.BaseModel, extra="forbid"):
    """Words to sort the wall by; ``template`` has ``{name}`` in it."""

    words: list[str] = pydantic.Field(min_length=1, max_length=100)
    template: str = "a photo of a {name}."
    keep: bool = False


class Basket(pydantic.BaseModel, extra="forbid"):
    """Picked pictures."""

    pictures: list[int] = pydantic.Field(min_length=1, max_length=1000)


class Explorer:
    """One run and what is kept while it is looked at. ``kept``: thumbnails; ``marks``: a folder."""

    def __init__(self, run: Run, kept: Path, marks: Path) -> None:
        self.run, self.kept, self.folder = run, kept, marks
        self.marks = Marks(marks)
        self.ids = run.ids()
        self.uploads: OrderedDict[str, bytes] = OrderedDict()
        self._made = self._stamp()

    def fresh(self) -> None:
        """StrataError when the run was made again since it was opened."""
        if self._stamp() != self._made:
            raise StrataError("the run changed underneath; stop `make explore` and start it again")

    def _stamp(self) -> tuple[int, ...]:
        paths = (self.run.data / "features" / "rows.parquet", self.run.data / "descriptors" / "layers.json")
        return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in paths)

    def image_id(self, number: int) -> str:
        """The picture of a number."""
        if not 0 <= number < len(self.ids):
            raise StrataError(f"there is no picture {number}")
        return self.ids[number]

    def answers(self, asked: Asked) -> list[dict[str, Any]]:
        """Numbers, scores and boxes of what was found."""
        self.fresh()
        if asked.text is not None:
            found = ask_vector(self.run, text_vectors(self.run, [asked.text])[0], asked.top)
        else:
            query: Any
            if asked.upload is not None:
                query = self.uploads.get(asked.upload)
                if query is None:
                    raise StrataError("that picture is no longer here; drop it again")
            else:
                query = self.image_id(-1 if asked.picture is None else asked.picture)
            question = Question(
                asked.layer,
                tuple(asked.boxes),
                asked.match,
                asked.metric,
                asked.pooling,
                asked.mode,
                asked.reduced,
                asked.top,
            )
            found = ask(self.run, query, question)
        numbers = {image_id: number for number, image_id in enumerate(self.ids)}
        return [{"n": numbers[one.image_id], "score": one.score, "boxes": one.boxes} for one in found]

    def upload(self, content: bytes) -> dict[str, Any]:
        """Keep a picture from outside for some questions; its token is the hash of its bytes."""
        try:
            with Image.open(io.BytesIO(content), formats=readable_formats()) as image:
                pixels = image.width * image.height
        except Exception as error:  # Pillow's parsers raise whatever a damaged header makes them raise
            raise StrataError(f"not a picture that can be read ({one_line(error)})"[:200]) from None
        if pixels > MOST_PIXELS:
            raise StrataError(f"{pixels:,} pixels; at most {MOST_PIXELS:,} are taken")
        height, width = decode_picture(content).shape[:2]
        token = hashlib.sha256(content).hexdigest()
        self.uploads[token] = content
        while len(self.uploads) > UPLOADS_KEPT:
            self.uploads.popitem(last=False)
        return {"upload": token, "width": width, "height": height}

    def mark(self, marked: Marked) -> dict[str, Any]:
        """Save a mark at once; returns all marks."""
        if marked.label is not None:
            self.marks.label([self.image_id(number) for number in marked.labelled], marked.label[:200])
        elif marked.query is not None and marked.picture is not None:
            own, other = self.image_id(marked.query), self.image_id(marked.picture)
            self.marks.judge(own, marked.query_box, other, marked.verdict, marked.box)
        return self.marks.all()

    def sort(self, words: Words) -> dict[str, Any]:
        """Which word each picture is nearest to, and how surely."""
        names = [word.strip() for word in words.words if word.strip()]
        if not names or "{name}" not in words.template:
            raise StrataError("words, one a line, and a template with {name} in it")
        if words.keep:
            self.marks.keep_words(names)
        nearest, shares = sort_by_words(self.run, [words.template.replace("{name}", name) for name in names])
        return {"words": names, "nearest": nearest.tolist(), "shares": shares.round(4).tolist()}


def make_app(explorer: Explorer, port: int) -> ASGIApp:
    """The web application of one explorer, for the loopback at ``port``."""

    async def page(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in KINDS:
            return Response(status_code=404)
        return Response(
            (PAGE / name).read_bytes(), media_type=KINDS[name], headers={"Cache-Control": "no-cache"}
        )

    async def collection(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(lambda: wall(explorer.run)))

    async def picture(request: Request) -> Response:
        image_id, side = explorer.image_id(request.path_params["number"]), request.path_params["kind"]
        if side == "original":
            path = explorer.run.root / picture_rows(explorer.run)[image_id]["path"]
            content = await run_in_threadpool(path.read_bytes)
            return Response(content, media_type=_media_type(content))
        longest = {"thumbnail": THUMBNAIL_PX, "large": LARGE_PX}.get(side)
        if longest is None:
            return Response(status_code=404)
        content = await run_in_threadpool(kept_jpeg, explorer.run, image_id, longest, explorer.kept)
        return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})

    async def mapped(request: Request) -> Response:
        how = neighbour_layout if request.query_params.get("by") == "tsne" else layout
        return JSONResponse(await run_in_threadpool(how, explorer.run, request.path_params["layer"]))

    async def marks(request: Request) -> Response:
        return JSONResponse(explorer.marks.all())

    async def upload(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(explorer.upload, await _body(request, MOST_BYTES)))

    async def sheet(request: Request) -> Response:
        basket = Basket.model_validate(await _json(request))
        shown: list[tuple[str, str, tuple[Box, ...]]] = [
            (explorer.image_id(n), "", ()) for n in basket.pictures
        ]
        made = await run_in_threadpool(contact_sheet, explorer.run, shown)
        stream = io.BytesIO()
        made.save(stream, "PNG")
        return Response(stream.getvalue(), media_type="image/png")

    async def copies(request: Request) -> Response:
        basket = Basket.model_validate(await _json(request))
        folder = explorer.folder / "basket"
        folder.mkdir(parents=True, exist_ok=True)
        for place, number in enumerate(basket.pictures, 1):
            path = Path(picture_rows(explorer.run)[explorer.image_id(number)]["path"])
            (folder / f"{place:04}-{path.name}").write_bytes((explorer.run.root / path).read_bytes())
        return JSONResponse({"folder": str(folder), "copied": len(basket.pictures)})

    def answering(model: type[pydantic.BaseModel], work: Callable[[Any], Any]) -> Handler:
        async def handler(request: Request) -> Response:
            return JSONResponse(await run_in_threadpool(work, model.model_validate(await _json(request))))

        return handler

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/page/{name}", page),
            Route("/api/collection", collection),
            Route("/picture/{number:int}/{kind}", picture),
            Route("/api/map/{layer}", mapped),
            Route("/api/marks", marks),
            Route("/api/ask", answering(Asked, explorer.answers), methods=["POST"]),
            Route("/api/mark", answering(Marked, explorer.mark), methods=["POST"]),
            Route("/api/words", answering(Words, explorer.sort), methods=["POST"]),
            Route("/api/upload", upload, methods=["POST"]),
            Route("/api/sheet", sheet, methods=["POST"]),
            Route("/api/copies", copies, methods=["POST"]),
        ],
        exception_handlers={
            StrataError: _refused,
            pydantic.ValidationError: _refused,
            OSError: _refused,
        },
    )
    return _Guard(GZipMiddleware(app, minimum_size=2000), port)


class _Guard:
    """Answers only requests to this machine's own name, and posts of its own page; adds safe headers."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get("origin")
        own = {f"http://{host}" for host in self._hosts}
        posts = scope["method"] not in ("GET", "HEAD")
        if (
            headers.get("host") not in self._hosts
            or (origin is not None and origin not in own)
            or (posts and origin is None)
            or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        ):
            return await Response("only the page itself may ask", status_code=403)(scope, receive, send)

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, guarded)


async def _refused(request: Request, error: Exception) -> Response:
    said = (
        "that is no question this page asks"
        if isinstance(error, pydantic.ValidationError)
        else one_line(error)
    )
    return JSONResponse({"error": said}, status_code=400)


async def _body(request: Request, most: int) -> bytes:
    """The body, given up as soon as it is longer than ``most`` bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise StrataError(f"more than {most:,} bytes are not taken")
        parts.append(part)
    return b"".join(parts)


async def _json(request: Request) -> Any:
    try:
        return json.loads(await _body(request, MOST_JSON))
    except ValueError:
        raise StrataError("the request is no JSON") from None


def _media_type(content: bytes) -> str:
    """A picture's type by its bytes; what a browser would not show is downloaded."""
    known = {b"\xff\xd8": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif", b"BM": "image/bmp"}
    if content[8:12] == b"WEBP":
        return "image/webp"
    return next(
        (kind for start, kind in known.items() if content.startswith(start)), "application/octet-stream"
    )
