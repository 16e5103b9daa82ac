"""The cells of experiments/cells.yaml and the runs they need; a wrong one is refused before anything runs."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stages import settings
from strata.base.errors import StrataError
from strata.settings.consistency import check_consistency
from strata.settings.params import Params, Strict, parse

CELLS = Path("experiments/cells.yaml")
DEMO = "demo"

Variant = Literal["as_run", "as_it_should_be"]
VARIANTS: tuple[Variant, ...] = ("as_run", "as_it_should_be")
Changes = dict[str, Any]
"""Dotted key of params.yaml -> value."""


class Stand(Strict):
    """What takes the study's place on other data: key -> the study's value -> that of the data."""

    values: dict[str, dict[Any, Any]]
    prompts: dict[str, str]


class Cell(Strict):
    """One cell of the study's tables. ``study``: what it reported, by the names in ``show``."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    title: str
    data: Annotated[list[str], Field(min_length=1)]
    both: Changes
    as_run: Changes
    as_it_should_be: Changes
    show: Annotated[list[str], Field(min_length=1)]
    study: dict[str, float] = Field(default_factory=dict)
    difference: str


class Study(Strict):
    """All of cells.yaml."""

    demo: Stand
    common: Changes
    cells: Annotated[list[Cell], Field(min_length=1)]


@dataclass(frozen=True)
class Run:
    """One experiment: its fixed name and every parameter it sets."""

    name: str
    changes: Changes


@dataclass(frozen=True)
class Place:
    """A cell on one data set and the runs its numbers come from; ``show`` holds the names of that data."""

    cell: Cell
    data: str
    show: dict[str, float | None]
    runs: dict[Variant, str]


def read_study(path: Path = CELLS) -> Study:
    """Read and check the shape of cells.yaml."""
    return parse(Study, settings.read_yaml(path), str(path))


def plan(study: Study, cells: Sequence[Cell], *, demo: bool) -> tuple[list[Place], list[Run]]:
    """The places of ``cells`` in the table and the runs behind them; equal runs are made once."""
    stand = study.demo if demo else Stand(values={}, prompts={})
    places, runs = [], dict[str, Run]()
    for cell in cells:
        for data in dict.fromkeys(_stood_in(stand, "dataset", name) for name in cell.data):
            names: dict[Variant, str] = {}
            for variant in VARIANTS:
                asked = {**study.common, **cell.both, **getattr(cell, variant)}
                changes = {key: _stood_in(stand, key, value) for key, value in asked.items()}
                changes = {"dataset": data, **changes}
                name = f"study-{cell.name}-{data}-{variant.replace('_', '-')}"
                names[variant] = runs.setdefault(repr(sorted(changes.items())), Run(name, changes)).name
            show = {_renamed(stand, name): cell.study.get(name) for name in cell.show}
            places.append(Place(cell, data, show, names))
    return places, list(runs.values())


def check_run(run: Run) -> None:
    """Raise StrataError for a run with a key that params.yaml lacks or with values that cannot work."""
    values = copy.deepcopy(settings.read_yaml(settings.PARAMS))
    where = f"{CELLS}: {run.name}"
    for key, value in run.changes.items():
        *parents, last = key.split(".")
        inner: Any = values
        for parent in parents:
            inner = inner.get(parent) if isinstance(inner, Mapping) else None
        if not isinstance(inner, dict) or last not in inner:
            raise StrataError(f"{where}: {key} is not a key of {settings.PARAMS}")
        inner[last] = value
    params = parse(Params, values, where)
    check_consistency(
        params, settings.dataset_conf(params.dataset), settings.model_conf(params.model), whitenings=()
    )


def _stood_in(stand: Stand, key: str, value: Any) -> Any:
    known = stand.values.get(key, {})
    return known.get(value, value) if not isinstance(value, list) else value


def _renamed(stand: Stand, name: str) -> str:
    file, entry, metric = name.split(".")
    return f"{file}.{stand.prompts.get(entry, entry)}.{metric}" if file == "zeroshot" else name
