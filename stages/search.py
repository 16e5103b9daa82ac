"""Ask the finished run: ``python -m stages.search QUERY`` ranks its pictures.

QUERY is a sentence, a picture file, or an id of the collection. A command, not a stage: it changes nothing.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

from stages.running import run_stage
from strata.base.errors import StrataError
from strata.base.files import write_bytes, write_text
from strata.collection.tables import BOX
from strata.library.asking import (
    Answer,
    Match,
    Question,
    ask,
    ask_vector,
    check_layer,
    dense_layers,
    picture_rows,
)
from strata.library.run import Run, open_run
from strata.maps.geometry import Box
from strata.results.plots import csv_text

LAYER = "late"
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".jp2", ".avif")


def main() -> str:
    arguments = _arguments()
    run = open_run(arguments.run)
    kind = _kind(run, arguments.query)
    found = _answers(run, kind, arguments)
    print("rank  score   id")
    for rank, one in enumerate(found, 1):
        shown = "  ".join(",".join(f"{side:.0f}" for side in box) for box in one.boxes)
        print(f"{rank:4}  {one.score:6.3f}  {one.image_id}" + (f"  {shown}" if shown else ""))
    if arguments.csv:
        write_text(arguments.csv, csv_text(["rank", "score", "image_id", *BOX], _rows(found)))
    if arguments.sheet:
        from strata.explore.pictures import contact_sheet

        sheet = contact_sheet(run, [(one.image_id, f"{one.score:.3f}", one.boxes) for one in found])
        stream = io.BytesIO()
        sheet.save(stream, "PNG")
        write_bytes(arguments.sheet, stream.getvalue())
    return f"{kind} {arguments.query!r}: {len(found)} of {len(run.ids())} pictures"


def _kind(run: Run, query: str) -> str:
    """What a query is; a name that ends like a picture is never taken for a sentence."""
    if query in picture_rows(run):
        return "picture"
    path = Path(query).expanduser()
    if path.is_file() or path.suffix.lower() in PICTURE_ENDINGS:
        return "file"
    return "text"


def _answers(run: Run, kind: str, arguments: argparse.Namespace) -> list[Answer]:
    if arguments.top < 1:
        raise StrataError(f"--top {arguments.top}: at least 1")
    match: Match = arguments.match or ("dense" if arguments.box else "global")
    indexed = dense_layers(run) if match == "dense" else []
    layer = arguments.layer or (indexed or [name for name in run.layers if name == LAYER] or run.layers)[0]
    check_layer(run, layer)
    if kind == "text":
        if (
            arguments.box
            or arguments.match
            or arguments.pooling
            or arguments.layer not in (None, "embedding")
        ):
            raise StrataError(
                "a text is compared with the layer embedding; box, pooling and match are for pictures"
            )
        from strata.library.words import text_vectors

        return ask_vector(run, text_vectors(run, [arguments.query])[0], arguments.top)
    if match != "global" and not arguments.box:
        raise StrataError(f"--match {match} looks for a box: add --box x0,y0,x1,y1")
    question = Question(layer, tuple(arguments.box), match, pooling=arguments.pooling, top=arguments.top)
    query = arguments.query if kind == "picture" else Path(arguments.query).expanduser()
    return ask(run, query, question)


def _rows(found: Sequence[Answer]) -> list[dict[str, object]]:
    return [
        {"rank": rank, "score": one.score, "image_id": one.image_id}
        | dict(zip(BOX, one.boxes[0] if one.boxes else [None] * 4, strict=True))
        for rank, one in enumerate(found, 1)
    ]


def _box(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no box: four numbers x0,y0,x1,y1 in pixels") from None
    return x0, y0, x1, y1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages.search", description="Ask the finished run.")
    parser.add_argument(
        "query", metavar="QUERY", help="a sentence, a picture file, or an id of the collection"
    )
    parser.add_argument("--box", type=_box, action="append", default=[], help="x0,y0,x1,y1; may be repeated")
    parser.add_argument("--layer", help=f"default: the dense layer for a box, else {LAYER}")
    parser.add_argument("--pooling", help="another one than the run's")
    parser.add_argument("--match", choices=("dense", "region", "global"), help="default: dense for a box")
    parser.add_argument("--top", type=int, default=20)
    parser.add_argument("--csv", type=Path, metavar="FILE")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="write a contact sheet")
    parser.add_argument("--run", type=Path, default=Path("."), help="the project's folder")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage("search", main)
