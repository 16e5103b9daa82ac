"""Zero-shot in pictures: text against picture, likeliest classes, confusions, the best pictures of a text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.files import read_array, read_json, read_table
from strata.naming.scoring import probabilities
from strata.report.confusion import MOST_IN_MATRIX, Confusion, Shade, confusion_of, shade
from strata.report.thumbnails import Gallery, Tile

SAMPLES = 10
LIKELIEST = 5
PICTURES_PER_TEXT = 6
STUDY_RANGE = (0.1, 0.3)  # the colour range of the 2021 study's heat map
MOST_TEXTS = 14

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class HeatMap:
    """Cosine of every text (row) with a sample of pictures (columns). ``strong``: the picture's own class."""

    pictures: list[Tile]
    rows: list[tuple[str, list[Shade]]]
    low: float
    high: float

    @property
    def as_in_the_study(self) -> bool:
        """Whether the colours are the study's."""
        return (self.low, self.high) == STUDY_RANGE


@dataclass(frozen=True)
class Bar:
    """One of a picture's likeliest classes."""

    name: str
    probability: float
    true: bool


@dataclass(frozen=True)
class Guess:
    """A picture beside its five likeliest classes."""

    tile: Tile
    true: str
    bars: list[Bar]


@dataclass(frozen=True)
class BestPictures:
    """A class, its text, and the pictures that match it best."""

    name: str
    text: str
    tiles: list[Tile]


@dataclass(frozen=True)
class PromptSheet:
    """Everything shown of one prompt set; ``labelled``: has any picture shown one of its classes?"""

    prompt_set: str
    classes: int
    heat: HeatMap
    guesses: list[Guess]
    confusion: Confusion | None
    best: list[BestPictures]
    labelled: bool


def prompt_sheets(folder: Path, prompt_sets: Sequence[str], gallery: Gallery) -> list[PromptSheet]:
    """One sheet a prompt set, in the given order, from what the zero-shot stage left in ``folder``.

    Predictions stand in the order of the logits' rows, prompt set by prompt set.
    """
    status, logits = read_json(folder / "status.json"), read_array(folder / "logits.npy", mmap=True)
    predictions = read_table(folder / "predictions.parquet", ["prompt_set", "image_id"])
    sets = predictions["prompt_set"]
    first = predictions.filter(pc.equal(sets, sets[0])) if len(sets) else predictions
    image_ids = first["image_id"].combine_chunks()
    confusion = _by_set(read_table(folder / "confusion.parquet"))
    best = _by_set(read_table(folder / "best_pictures.parquet"))
    columns = _by_set(read_table(folder / "columns.parquet"), position=True)
    sheets = []
    for name in prompt_sets:
        own = columns.get(name, [])
        if not own or not len(image_ids):
            continue
        places = sample(image_ids, [column["class_id"] for column in own], gallery)
        samples = image_ids.take(places).to_pylist()
        values = np.asarray(logits[places], np.float64)[:, [column["position"] for column in own]]
        shares = probabilities(values, sigmoid=status.get("probability") == "sigmoid")
        heat = heat_map(cosines(values, status), own, samples, gallery)
        guessed = guesses(shares, own, samples, gallery)
        mistaken = confusion_of(confusion.get(name, []), own)
        pictures = best_pictures(best.get(name, []), own, gallery)
        known = any(guess.true for guess in guessed)
        sheets.append(PromptSheet(name, len(own), heat, guessed, mistaken, pictures, known))
    return sheets


def _by_set(table: pa.Table, *, position: bool = False) -> dict[str, list[dict[str, Any]]]:
    result: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for i, row in enumerate(table.to_pylist()):
        result[row["prompt_set"]].append({**row, "position": i} if position else row)
    return dict(result)


def cosines(logits: Floats, status: Mapping[str, Any]) -> Floats:
    """logit = scale * cosine + bias, solved for the cosine."""
    return (logits - float(status.get("logit_bias") or 0.0)) / float(status.get("logit_scale") or 1.0)


def sample(
    image_ids: pa.Array, class_ids: Sequence[str], gallery: Gallery, count: int = SAMPLES
) -> list[int]:
    """Places of ``count`` of ``image_ids``: one a class in turn, the middle one by id; of pictures without
    any of the classes, those that are spread evenly. No score decides."""
    owners, codes = gallery.label_pairs(image_ids, class_ids)
    members = [owners[codes == code] for code in range(len(class_ids))]
    rounds = ((turn, own) for turn in range(count) for own in members if turn < len(own))
    turns = [int(own[(len(own) // 2 + turn) % len(own)]) for turn, own in rounds]
    even = dict.fromkeys(i * len(image_ids) // count for i in range(count))
    return list(dict.fromkeys(turns))[:count] or list(even)


def heat_map(
    cosine: Floats, columns: Sequence[Mapping[str, Any]], samples: Sequence[str], gallery: Gallery
) -> HeatMap:
    """The study's picture: texts in rows, pictures in columns; 0.1 to 0.3 unless a value lies outside.

    cosine : (S, K) of the ``samples`` with the ``columns``.
    """
    shown = list(range(len(columns)))
    if len(columns) > MOST_TEXTS:
        own = {label for image_id in samples for label in gallery.labels(image_id)}
        shown = ([i for i in shown if columns[i]["class_id"] in own] or shown)[:MOST_TEXTS]
    values = cosine[:, shown].T
    low, high = min(STUDY_RANGE[0], float(values.min())), max(STUDY_RANGE[1], float(values.max()))
    rows = []
    for line, i in zip(values, shown, strict=True):
        true = [columns[i]["class_id"] in gallery.labels(image_id) for image_id in samples]
        texts = [f"{round(value, 2) + 0.0:.2f}" for value in line]  # + 0.0: no "-0.00"
        shares = (line - low) / (high - low)
        rows.append((_text(columns[i]), list(map(shade, texts, shares, true))))
    tiles = [gallery.tile(image_id) for image_id in samples]
    return HeatMap(tiles, rows, round(low, 2), round(high, 2))


def guesses(
    shares: Floats, columns: Sequence[Mapping[str, Any]], samples: Sequence[str], gallery: Gallery
) -> list[Guess]:
    """Each sampled picture with its likeliest classes and their probabilities, ``shares`` (S, K)."""
    result = []
    for image_id, line in zip(samples, shares, strict=True):
        own = gallery.labels(image_id)
        order = np.argsort(-line, kind="stable")[:LIKELIEST]
        bars = [Bar(columns[i]["name"], float(line[i]), columns[i]["class_id"] in own) for i in order]
        true = ", ".join(column["name"] for column in columns if column["class_id"] in own)
        mark = "" if not true else "hit" if bars[0].true else "miss"
        result.append(Guess(gallery.tile(image_id, mark=mark, alt=f"{image_id}: {true}"), true, bars))
    return result


def best_pictures(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[Mapping[str, Any]], gallery: Gallery
) -> list[BestPictures]:
    """For each class its text and the pictures with the highest probability."""
    by_class: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["rank"]):
        by_class[row["class_id"]].append(row)
    known = {column["class_id"] for column in columns}
    result = []
    for column in columns[:MOST_IN_MATRIX]:
        tiles = [_best_tile(row, known, gallery) for row in by_class[column["class_id"]][:PICTURES_PER_TEXT]]
        if tiles:
            result.append(BestPictures(column["name"], _text(column), tiles))
    return result


def _best_tile(row: Mapping[str, Any], known: set[str], gallery: Gallery) -> Tile:
    """``known``: the class_ids of the prompt set; a picture without any is neither right nor wrong."""
    image_id, probability = row["image_id"], f"{row['probability']:.2f}"
    own = known & set(gallery.labels(image_id))
    mark = "" if not own else "hit" if row["class_id"] in own else "miss"
    alt = ", ".join(filter(None, (image_id, mark, probability)))
    return gallery.tile(image_id, mark=mark, caption=probability, alt=alt)


def _text(column: Mapping[str, Any]) -> str:
    """A class's first text; how many more there are."""
    texts: list[str] = column["texts"]
    if not texts:
        return str(column["name"])
    return texts[0] + (f" (+{len(texts) - 1})" if len(texts) > 1 else "")
