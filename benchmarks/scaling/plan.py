"""What is measured: which stages, on which made-up project, with how many rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FITTING = {
    "pool": ("data/features", "data/descriptors"),
    "reduce": ("data/descriptors", "data/reduced"),
    "cluster": ("data/reduced", "data/tables", "data/clusters"),
    "retrieve": ("data/rankings",),
}
LATER = {
    "probe": ("data/descriptors", "data/tables", "data/probe"),
    "zeroshot": ("data/named", "data/tables", "data/zeroshot"),
    "grid": ("data/features", "data/tables", "data/grid"),
    "summarize": ("metrics", "data/plots"),
    "report": ("report",),
}
READING = {
    "scan": ("folder", "data/check/dataset/folder/listing.tsv"),
    "download": ("data/check/dataset/folder", "data/raw/folder"),
    "prepare": ("data/raw/folder", "data/tables"),
    "extract": ("data/tables", "data/features", "data/dense"),
}


@dataclass(frozen=True)
class Part:
    """Stages (name -> arguments, in order) that run on one kind of project.

    ``maker``: the module and its words that make one; ``sizes``: in rows; ``most``: where a stage stops
    earlier; ``shown``: those that are reported, as NAME + ``suffix`` (the others only feed them).
    """

    maker: tuple[str, ...]
    stages: Mapping[str, tuple[str, ...]]
    sizes: tuple[int, ...]
    shown: tuple[str, ...]
    most: Mapping[str, int] = field(default_factory=dict)
    suffix: str = ""

    def stages_at(self, rows: int) -> list[str]:
        """The stages that run with so many rows, in order."""
        return [stage for stage in self.stages if rows <= self.most.get(stage, rows)]


PARTS = {
    "pictures": Part(
        ("benchmarks.scaling.pictures",),
        READING,
        (1_000, 10_000, 100_000, 1_000_000),
        tuple(READING),
        {"extract": 100_000},
    ),
    "vectors": Part(
        ("benchmarks.scaling.vectors", "vector"),
        {**FITTING, **LATER},
        (1_000, 10_000, 100_000, 1_000_000),
        (*FITTING, *LATER),
    ),
    "regions": Part(
        ("benchmarks.scaling.vectors", "regions"),
        FITTING,
        (1_000, 10_000, 100_000),
        ("pool", "retrieve"),
        suffix=" by region",
    ),
}
