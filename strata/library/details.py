"""Ask a finished run where else a detail occurs: the same answers as the stage ``retrieve`` gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from strata.base.errors import StrataError
from strata.dense.asking import picture_reader
from strata.dense.details import Collection, Query, find_details, open_collection
from strata.dense.indexing import indexed_layers
from strata.dense.params import DenseParams, dense_params
from strata.dense.search import DenseMatch, Expander
from strata.dense.tower import DenseView
from strata.library.run import Run
from strata.library.search import run_model
from strata.maps.geometry import Box
from strata.settings.params import DenseSettings, DenseSetup, ExtractParams, parse

KEYS = ("size_px", "stride", "dims", "whiten_power", "cells", "mirror", "focus", "sample", "rerank", "seed")
STAGES = ("extract", "index", "retrieve")


class FoundDetail(NamedTuple):
    """``score``: in spreads above the usual score; ``box``: x0, y0, x1, y1 in pixels of the picture."""

    image_id: str
    score: float
    box: Box


@dataclass(frozen=True)
class Details:
    """One layer of a run, its dense index open and its network loaded; ask it as often as you like."""

    layer: str
    collection: Collection
    params: DenseParams

    @property
    def ids(self) -> Sequence[str]:
        """The pictures that are searched."""
        return self.collection.index.ids

    def find(
        self,
        queries: Sequence[Query],
        *,
        own: Sequence[str | None] = (),
        expand: int = 0,
        boxes: int = 1,
        top: int | None = None,
    ) -> list[list[FoundDetail]]:
        """Where else each boxed detail occurs, best first: a list a query.

        queries : (H, W, 3) uint8 pixels and a box (x0, y0, x1, y1) in them.
        own : the image_id of each query's picture, None where the run does not have it; it is not found.
        expand : so many of the first boxes query as well. boxes : found in a picture, at most. top : in all.

        Raises StrataError for a box that is no box.
        """
        places = {image_id: place for place, image_id in enumerate(self.ids)}
        params = replace(self.params, expand=expand, boxes=boxes)
        asked = [None if image_id is None else places.get(image_id) for image_id in own]
        found = find_details(self.collection, queries, params, asked)
        return [
            [
                FoundDetail(self.ids[place], score, (x0, y0, x1, y1))
                for place, score, (x0, y0, x1, y1) in zip(
                    one.places[:top].tolist(),
                    one.scores[:top].tolist(),
                    one.boxes[:top].tolist(),
                    strict=True,
                )
            ]
            for one in found
        ]


@lru_cache(maxsize=2)
def open_details(run: Run, layer: str | None = None, *, device: str | None = "cpu") -> Details:
    """Open the dense index of a layer of a run (None: the first that has one) and load its network, once.

    Raises StrataError where the run has no such index.

    Examples
    --------
    >>> import strata
    >>> run = strata.open_run(".")
    >>> details = strata.open_details(run)  # doctest: +SKIP
    >>> picture = details.collection.read(run.ids()[0])  # doctest: +SKIP
    >>> found = details.find([(picture, (10, 10, 60, 60))], own=run.ids()[:1], top=5)  # doctest: +SKIP
    """
    layers = indexed_layers(run.data / "index")
    if not layers or layer not in (None, *layers):
        wanted = layer or "middle"
        raise StrataError(
            f"{run.root}: the run has no dense index of {wanted!r} (it has: {', '.join(layers) or 'none'}); "
            f"`dvc exp run -S 'dense.layers=[{wanted}]'` makes one"
        )
    chosen = layer or layers[0]
    params, view = dense_of_run(run)
    read = picture_reader(run.tables, run.root)
    collection = open_collection(run.data / "index" / chosen, view, read, device=device)
    return Details(chosen, collection, params)


def dense_match_of_run(run: Run, device: str | None = "cpu") -> DenseMatch:
    """How the stage ``retrieve`` of a run found details."""
    params, view = dense_of_run(run)
    retrieve = run.used("retrieve")["params.yaml"]
    params = replace(params, boxes=retrieve["dense.boxes"], expand=retrieve["retrieve"]["expand"])
    read = picture_reader(run.tables, run.root)

    def open_expander(folder: Path) -> Expander:
        return open_collection(folder, view, read, device=device).expander(params)

    return DenseMatch(params, open_expander)


def dense_of_run(run: Run) -> tuple[DenseParams, DenseView]:
    """What the stages were told when they ran, one box a picture and no expansion."""
    told = {key: value for stage in STAGES for key, value in run.used(stage)["params.yaml"].items()}
    settings = {key.removeprefix("dense."): value for key, value in told.items() if key.startswith("dense.")}
    own = next(
        values["dense"] for values in run.used("index").values() if values is not None and "dense" in values
    )
    dataset = None if own is None else parse(DenseSetup, own, "dvc.lock: dense")
    params = dense_params(parse(DenseSettings, settings, "dvc.lock: dense"), dataset, KEYS)
    extract = parse(ExtractParams, told["extract"], "dvc.lock: extract")
    name, conf = run_model(run)
    view = DenseView(name, conf, extract.precision, extract.pixel_norm, params.size_px, params.stride)
    return params, view
