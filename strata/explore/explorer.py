"""What the explorer's page asks, and the answers: one run, uploads and marks. Knows nothing of HTTP."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pydantic
from PIL import Image

from strata.base.errors import StrataError, one_line
from strata.collection.headers import readable_formats
from strata.explore.marks import Marks
from strata.library.asking import Match, Metric, Mode, Question, ask, ask_vector
from strata.library.run import Run
from strata.library.words import sort_by_words, text_vectors
from strata.maps.geometry import Box
from strata.maps.views import decode_picture
from strata.settings.params import Pooling

MOST_PIXELS = 100_000_000  # of an upload
UPLOADS_KEPT = 8


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
