"""What a run was asked and what it answered, as files that other tools read.

What takes no rank (junk, the query's own picture) is left out of rankings and qrels alike, so that a tool
that knows neither finds the same AP.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from strata.base.files import write_text
from strata.collection.tables import BOX
from strata.results.plots import csv_text
from strata.results.trec import qrel_lines, run_lines, token
from strata.retrieval.queries import QuerySet
from strata.retrieval.questions import Questions
from strata.retrieval.whole_rankings import WholeRanking

QUERIES = ("query_id", "image_id", "group")
FOUND = ("query_id", "rank", "image_id", *BOX)


def write_judgements(folder: Path, asked: Questions, query_set: QuerySet) -> None:
    """FOLDER/qrels/TASK.txt (positives alone, also those that could not be read) and FOLDER/queries/TASK.csv
    (what a query's own picture and its group are) of every task."""
    ids = asked.database.image_ids
    names = [
        {"query_id": token(query.query_id), "image_id": token(query.image_id), "group": query.group}
        for query in query_set.queries
    ]
    for task in query_set.tasks:
        lines: list[str] = []
        for index, query in enumerate(query_set.queries):
            judged = task.judge(index)
            found = [ids[place] for place in judged.positives.tolist()]
            unread = (f"(not read, {number})" for number in range(judged.n_positives - len(found)))
            lines += qrel_lines(query.query_id, [*found, *unread])
        write_text(folder / "qrels" / f"{task.name}.txt", "".join(lines))
        write_text(folder / "queries" / f"{task.name}.csv", csv_text(QUERIES, names))


def write_rankings(folder: Path, asked: Questions, rankings: Iterable[WholeRanking]) -> None:
    """FOLDER/TASK.run and, where there are boxes to find, FOLDER/TASK.boxes.csv: the boxes found, best first.

    A query at a time, so that rankings of any depth take no memory.
    """
    ids = asked.database.image_ids
    runs: dict[str, TextIO] = {}
    boxes: dict[str, Any] = {}
    with ExitStack() as files:
        for task, query, near, found in rankings:
            if task.name not in runs:
                runs[task.name] = files.enter_context(_opened(folder / f"{task.name}.run"))
            items = [ids[place] for place in near.places.tolist()]
            runs[task.name].writelines(run_lines(query.query_id, items, near.scores, folder.name))
            if found is None:
                continue
            if task.name not in boxes:
                stream = files.enter_context(_opened(folder / f"{task.name}.boxes.csv"))
                boxes[task.name] = csv.writer(stream, lineterminator="\n")
                boxes[task.name].writerow(FOUND)
            pairs = zip(found.pictures.tolist(), found.boxes.tolist(), strict=True)
            rows = ((query.query_id, rank, ids[place], *box) for rank, (place, box) in enumerate(pairs, 1))
            boxes[task.name].writerows(rows)


def _opened(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="\n")
