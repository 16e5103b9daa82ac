"""Time and memory of every stage as the rows grow tenfold and tenfold again; the chart is docs/scale.svg.

``python -m benchmarks scale`` measures what ``.bench/scale/measured.jsonl`` does not hold yet: a run that was
stopped goes on, and without that file everything is measured anew (half an hour). To measure a piece again:
``python -m benchmarks.scale PART ROWS STAGE ...``. There is nothing to be faster than here: the result has no
rows, but tables as remarks.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import Result
from benchmarks.scaling.chart import draw
from benchmarks.scaling.measuring import Measured, kept, measure, measure_missing
from benchmarks.scaling.plan import PARTS
from benchmarks.scaling.settings import QUERYING, RESTARTS, ROOT
from benchmarks.scaling.table import Grown, memory_table, time_table
from benchmarks.settings import Settings

CHART = ROOT / "docs/scale.svg"
SMALL = (60, 120)
CHAIN = ("pool", "reduce", "cluster", "retrieve")
GIB = 1024  # MiB


def run(settings: Settings) -> Result:
    """Measure what is not measured yet, draw the chart, and say what was found. Small: no chart is kept."""
    work = settings.work / "scale"
    if settings.small:
        shutil.rmtree(work, ignore_errors=True)
    for name, part in PARTS.items():
        for rows in SMALL if settings.small else part.sizes:
            measure_missing(work, name, rows)
    grown = grown_stages(kept(work))
    chart = draw(grown)
    if not settings.small:
        CHART.parent.mkdir(exist_ok=True)
        CHART.write_text(chart, encoding="utf-8")
    return Result("Scale: time and memory as the rows grow", (), remarks(grown))


def grown_stages(found: Measured) -> list[Grown]:
    """Every reported stage in the order of the plan, those without a measurement left out."""
    return [
        Grown(stage + part.suffix, found[name, stage])
        for name, part in PARTS.items()
        for stage in part.shown
        if (name, stage) in found
    ]


def remarks(grown: Sequence[Grown]) -> tuple[str, ...]:
    """The tables and how to read them."""
    return (
        "![Time and memory of every stage](../docs/scale.svg)",
        time_table(grown),
        "The exponent is that of the growth: what the smallest size took is start-up and is subtracted, its "
        "rows too, and the two largest sizes give the slope (a straight line gives 1.00; - : the growth to "
        "the middle size is below 0.3 s or 15 % of the start-up).",
        memory_table(grown),
        "Peak resident memory of the stage's process. In brackets without the pages of files it had mapped, "
        "which the system drops when something else needs the room; what a row more takes of that, between "
        "the two largest sizes. Sampled every 10 ms.",
        chain_said(grown),
        f"Made-up features: one layer of 512 channels, 30 classes ({QUERYING:,} pictures query in class "
        f"retrieval at every size, 30 clusters, {RESTARTS} starts of k-means); by region: 14 regions of 64 "
        "channels and 100 boxed queries; pictures: JPEG files of 64 x 48 pixels, extract with demo-rn, layer "
        "stem. Everything else as in params.yaml.",
    )


def chain_said(grown: Sequence[Grown]) -> str:
    """The largest peak of pool, reduce, cluster and retrieve with the most rows they all ran with."""
    runs = [one.runs for one in grown if one.name in CHAIN]
    rows = min((max(own) for own in runs), default=0)
    peak = max((own[rows].peak_mib for own in runs), default=0.0)
    return f"pool, reduce, cluster and retrieve of {rows:,} rows: the largest peak is {peak / GIB:.2f} GiB."


def main() -> None:
    """Measure one part with one number of rows; the project stays for the next call."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("rows", type=int)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="default: all of them")
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    given = parser.parse_args()
    stages = given.stages or PARTS[given.part].stages_at(given.rows)
    measure(given.work / "scale", given.part, given.rows, stages)


if __name__ == "__main__":
    main()
