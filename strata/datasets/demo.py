"""The built-in collection, drawn at ``download``: labels are motif, medium and mood, queries the details."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from strata.base.files import read_json
from strata.base.hashing import sha256_file
from strata.base.track import Track, Warn
from strata.collection.headers import read_header
from strata.collection.tables import Tables, box_columns, tables_from_rows
from strata.demo import vocabulary
from strata.settings.params import Count, DatasetConf, Strict, parse

# what to call them in a sentence where the one word of the vocabulary would not do
_NAMES = {"oil": "oil painting", "ink": "ink drawing", "chalk": "chalk drawing", "print": "woodcut print"}
_SYNONYMS = {"ink": ("pen drawing",), "print": ("woodcut",), **vocabulary.MOTIF_SYNONYMS}
_FACETS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "motif": (vocabulary.MOTIFS, vocabulary.MOTIF_DESCRIPTIONS),
    "medium": (vocabulary.MEDIA, vocabulary.MEDIUM_DESCRIPTIONS),
    "mood": (vocabulary.MOODS, vocabulary.MOOD_DESCRIPTIONS),
}


class DemoSources(Strict):
    """``sources`` of conf/datasets/demo.yaml."""

    pictures: Count
    seed: Annotated[int, Field(ge=0)]


def download(conf: DatasetConf, sources: Path, out: Path, *, track: Track, warn: Warn) -> int:
    """Draw the collection into ``out``."""
    from strata.demo.collection import write_collection

    wanted = parse(DemoSources, conf.sources, "conf/datasets/demo.yaml: sources")
    write_collection(out, seed=wanted.seed, pictures=wanted.pictures, track=track)
    return sum(1 for _ in (out / "pictures").iterdir())


def build(raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
    """Every painting and odd file is a picture; every boxed detail is a query.

    A detail's positives are the other pictures that show the same kind of detail, one row a box.
    """
    drawn = read_json(raw / "annotations.json")
    entries: list[dict[str, Any]] = drawn["pictures"] + drawn["odd"]
    images = [_image(raw, entry) for entry in track(entries, total=len(entries), desc="prepare")]
    queries, relevance = _details(drawn["pictures"])
    captions = [
        {"image_id": entry["id"], "caption": caption}
        for entry in drawn["pictures"]
        for caption in _captions(entry)
    ]
    return tables_from_rows(images, queries, relevance, _classes(), captions)


def _image(raw: Path, entry: dict[str, Any]) -> dict[str, Any]:
    path = raw / entry["file"]
    header = read_header(path)
    return {
        "image_id": entry["id"],
        "path": path.as_posix(),
        "width": header.width,
        "height": header.height,
        "sha256": sha256_file(path),
        "labels": [entry[facet] for facet in _FACETS if entry[facet] is not None],
        "status": header.status,
    }


def _details(pictures: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of queries and relevance."""
    queries: list[dict[str, Any]] = []
    boxes_of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in pictures:
        for i, detail in enumerate(entry["details"]):
            place = {"image_id": entry["id"], **box_columns(detail["box"])}
            query_id = f"{entry['id']}/{detail['kind']}/{i}"
            queries.append({"query_id": query_id, "group": detail["kind"], **place})
            boxes_of[detail["kind"]].append(place)
    relevance = [
        {"query_id": query["query_id"], "grade": "good", **place}
        for query in queries
        for place in boxes_of[query["group"]]
        if place["image_id"] != query["image_id"]
    ]
    return queries, relevance


def _captions(entry: dict[str, Any]) -> list[str]:
    """Two sentences about a painting: what it is called by name, and what is to be seen."""
    motif, medium, mood = (entry[facet] for facet in _FACETS)
    kinds = dict.fromkeys(detail["kind"] for detail in entry["details"])
    small = " and ".join(f"{_article(kind)} {kind}" for kind in kinds)
    said = f"a {mood} {_NAMES[medium]} of {_article(motif)} {motif}"
    seen = f"{vocabulary.MOTIF_DESCRIPTIONS[motif]}, {vocabulary.MOOD_DESCRIPTIONS[mood]}"
    return [f"{said} with {small}." if small else f"{said}.", f"{seen}."]


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _classes() -> list[dict[str, Any]]:
    return [
        {
            "class_id": word,
            "facet": facet,
            "name": _NAMES.get(word, word),
            "synonyms": list(_SYNONYMS.get(word, ())),
            "description": descriptions[word],
        }
        for facet, (words, descriptions) in _FACETS.items()
        for word in words
    ]
