"""prepare: turn the source's files into the five tables every later stage reads."""

from __future__ import annotations

import functools

from stages import settings
from stages.running import paths, run_stage, track, warn
from strata.base.errors import StrataError
from strata.collection.facets import facet_names
from strata.collection.tables import USABLE, Tables, write_tables
from strata.datasets import adaptor
from strata.results.names import check_names


def main() -> str:
    raw, out = paths()
    name = settings.params("dataset").dataset
    conf = settings.dataset("classes", "labels")
    say = functools.partial(warn, "prepare")
    tables = adaptor(name).build(raw, conf, track=track, warn=say)
    refuse_unusable(tables)
    check_names([], facet_names(tables), f"{settings.DATASETS}/{name}.yaml")
    write_tables(out, tables)
    return summary(tables)


def refuse_unusable(tables: Tables) -> None:
    """Raise StrataError when not one picture can be used. (Pixels are decoded later, by extract.)"""
    names, reasons = (tables.images[column].to_pylist() for column in ("image_id", "status"))
    if USABLE in reasons:
        return
    first = "; ".join(f"{image}: {reason}" for image, reason in list(zip(names, reasons, strict=True))[:3])
    raise StrataError(f"no usable picture among {len(names)}; {first}")


def summary(tables: Tables) -> str:
    """The counts, in one line."""
    hashes = tables.images["sha256"].drop_null()
    duplicates = len(hashes) - len(hashes.unique())
    broken = sum(status != USABLE for status in tables.images["status"].to_pylist())
    facets = len(tables.classes["facet"].unique())
    return (
        f"{tables.images.num_rows} pictures ({broken} not usable, {duplicates} duplicates), "
        f"{tables.classes.num_rows} classes in {facets} facets, {tables.queries.num_rows} queries, "
        f"{tables.relevance.num_rows} relevance rows"
    )


if __name__ == "__main__":
    run_stage("prepare", main, sealed=1)
