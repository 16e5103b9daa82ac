"""Somebody else's rankings under our protocols: ``python -m stages.score RUN QRELS [--queries CSV]``.

RUN and QRELS are trec files, or CSV with a heading (query_id, image_id, and score or rank; query_id,
image_id, grade). The queries' CSV (query_id, image_id, group, the last two as far as known) says what a
query's own picture is and which queries belong together: intervals go over groups. ``help(strata.evaluate)``
says what the policies mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from stages.running import run_stage, warn
from strata.base.errors import StrataError
from strata.base.files import write_text
from strata.measures.evaluate import JUNK, POSITIVE, Evaluation, evaluate
from strata.measures.measure_names import MEASURES
from strata.results.plots import csv_text
from strata.results.trec import read_columns, read_qrels, read_run


def main() -> str:
    arguments = _arguments()
    rankings, graded = read_run(arguments.run), read_qrels(arguments.qrels)
    if not set(rankings) & set(graded):
        raise StrataError(f"{arguments.run} and {arguments.qrels} have no query in common")
    junk = set(arguments.junk_grade)
    relevance = {
        query: {
            item: -1 if str(grade) in junk and isinstance(grade, int) else grade
            for item, grade in own.items()
        }
        for query, own in graded.items()
    }
    rows = read_columns(arguments.queries, "query_id") if arguments.queries else []
    named = {row["query_id"]: row for row in rows}
    scored = evaluate(
        rankings,
        relevance,
        ap=arguments.ap,
        junk=arguments.junk,
        self_match=arguments.self_match,
        own={query: row["image_id"] for query, row in named.items() if row.get("image_id")},
        groups={query: named.get(query, {}).get("group") or query for query in [*rankings, *graded]},
        positive_grades=arguments.positive_grade,
        junk_grades=arguments.junk_grade,
        measures=arguments.measures,
    )
    if arguments.per_query:
        columns = ("query_id", "group", *scored.per_query)
        write_text(arguments.per_query, csv_text(columns, _rows(scored)))
    lost = sum(scored.per_query["n_positives"]) - sum(scored.per_query["n_found"])
    if lost:
        warn("score", f"{lost:.0f} positives are not ranked; chance is that of what is, in random order")
    for name in (*MEASURES, *arguments.measures):
        print("  ".join([f"{name:18}", *_printed(scored, name)]))
    return str(scored)


def _printed(scored: Evaluation, name: str) -> Iterator[str]:
    chance = f"chance_{name.removeprefix('ap_')}"
    value = scored.mean(name)
    yield "-" if value is None else f"{value:.4f}"
    if chance in scored.per_query and value is not None:
        yield f"chance {scored.mean(chance):.4f}"


def _rows(scored: Evaluation) -> Iterator[dict[str, object]]:
    for place, (query, group) in enumerate(zip(scored.queries, scored.groups, strict=True)):
        numbers = {name: float(values[place]) for name, values in scored.per_query.items()}
        known = {name: None if number != number else number for name, number in numbers.items()}
        yield {"query_id": query, "group": group, **known}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.score", description="Score rankings that something else made."
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="rankings")
    parser.add_argument("qrels", metavar="QRELS", type=Path, help="what is relevant")
    parser.add_argument("--queries", metavar="CSV", type=Path, help="query_id, image_id (its own), group")
    parser.add_argument("--ap", choices=("step", "trapezoid"), default="step")
    parser.add_argument("--junk", choices=("skip", "negative"), default="skip")
    parser.add_argument("--self-match", choices=("exclude", "include"), default="exclude")
    parser.add_argument("--positive-grade", nargs="+", default=POSITIVE, help="words; numbers: above 0")
    parser.add_argument(
        "--junk-grade", nargs="+", default=JUNK, help="words, or numbers; those below 0 always are"
    )
    parser.add_argument("--measures", nargs="+", default=(), metavar="NAME", help="map_at_K, ndcg_at_K, mrr")
    parser.add_argument("--per-query", metavar="CSV", type=Path, help="write every query's measures")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage("score", main)
