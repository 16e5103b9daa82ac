"""The explorer's requests and answers.

Pictures are named by their number in ``run.ids()``; no path ever comes from the browser. Only requests to
this machine by its own name are answered (no rebinding), and only the page itself may post.
"""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pydantic
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from strata.base.errors import StrataError, one_line
from strata.explore.explorer import Asked, Explorer, Marked, Words
from strata.explore.pictures import LARGE_PX, THUMBNAIL_PX, contact_sheet, kept_jpeg
from strata.explore.wall import layout, neighbour_layout, wall
from strata.library.asking import picture_rows
from strata.maps.geometry import Box

PAGE = Path(__file__).parent / "page"
KINDS = {"index.html": "text/html", "app.js": "text/javascript", "style.css": "text/css"}
MOST_BYTES = 64 * 2**20  # of an upload
MOST_JSON = 2**20
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


class Basket(pydantic.BaseModel, extra="forbid"):
    """Picked pictures."""

    pictures: list[int] = pydantic.Field(min_length=1, max_length=1000)


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
