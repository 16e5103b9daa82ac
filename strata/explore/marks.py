"""What people mark while they look: a ground truth in files that the data set ``folder`` reads.

Every mark is saved at once: ``marks.json`` holds all of them, ``queries.csv``, ``relevance.csv`` and
``labels.csv`` are made from it. Right is the grade good and unsure is junk; wrong needs no row, what is not
named is not relevant.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.base.files import read_json, write_json, write_text
from strata.collection.tables import BOX
from strata.maps.geometry import Box
from strata.results.plots import csv_text

GRADES = {"right": "good", "unsure": "junk"}
VERDICTS = ("right", "wrong", "unsure", "none")


class Marks:
    """The marks of one folder. Raises StrataError where the file there cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        path = folder / "marks.json"
        found: dict[str, Any] = read_json(path) if path.is_file() else {}
        self._queries: dict[str, Any] = found.get("queries", {})
        self._labels: dict[str, str] = found.get("labels", {})
        self._words: list[str] = found.get("words", [])

    def judge(self, query: str, query_box: Box | None, image_id: str, verdict: str, box: Box | None) -> None:
        """Note that ``image_id`` (what is in ``box``) answers the query rightly, wrongly, or unsurely."""
        if verdict not in VERDICTS:
            raise StrataError(f"a mark is one of {', '.join(VERDICTS)}, not {verdict!r}")
        name = query if query_box is None else f"{query}@{','.join(f'{side:.0f}' for side in query_box)}"
        with self._lock:
            asked = self._queries.setdefault(name, {"image_id": query, "box": query_box, "marks": {}})
            asked["marks"].pop(image_id, None)
            if verdict != "none":
                asked["marks"][image_id] = {"verdict": verdict, "box": box}
            if not asked["marks"]:
                del self._queries[name]
            self._save()

    def label(self, image_ids: list[str], label: str) -> None:
        """Give pictures a label; an empty one takes it away."""
        with self._lock:
            for image_id in image_ids:
                self._labels.pop(image_id, None)
                if label.strip():
                    self._labels[image_id] = label.strip()
            self._save()

    def keep_words(self, words: list[str]) -> None:
        """Keep a list of words, as ``words`` of conf/paths/folder.yaml takes it."""
        with self._lock:
            self._words = words
            self._save()

    def all(self) -> dict[str, Any]:
        """Everything marked, as ``marks.json`` holds it."""
        return {"queries": self._queries, "labels": self._labels, "words": self._words}

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        write_json(self._folder / "marks.json", self.all())
        queries, relevance = [], []
        for name, asked in self._queries.items():
            queries.append(
                {"query_id": name, "file": asked["image_id"], "group": name} | _sides(asked["box"])
            )
            relevance += [
                {"query_id": name, "file": image_id, "grade": GRADES[mark["verdict"]]} | _sides(mark["box"])
                for image_id, mark in asked["marks"].items()
                if mark["verdict"] in GRADES
            ]
        labels = [{"file": name, "label": label} for name, label in self._labels.items()]
        self._write("queries.csv", ["query_id", "file", *BOX, "group"], queries)
        self._write("relevance.csv", ["query_id", "file", "grade", *BOX], relevance)
        self._write("labels.csv", ["file", "label"], labels)
        write_text(self._folder / "words.txt", "".join(f"{word}\n" for word in self._words))

    def _write(self, name: str, columns: list[str], rows: list[dict[str, Any]]) -> None:
        write_text(self._folder / name, csv_text(columns, rows))


def _sides(box: Box | None) -> dict[str, float | None]:
    return dict.fromkeys(BOX) if box is None else dict(zip(BOX, box, strict=True))
