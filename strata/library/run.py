"""A finished run as arrays and tables: what the stages left in ``data/``, and what they were told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.base.files import read_table
from strata.collection.tables import Tables, read_tables
from strata.descriptors.vectors import read_vectors
from strata.maps.features import layer_names, read_rows

RowKind = Literal["image", "outside", "query"]
SCORED = ("rankings", "clusters", "probe", "zeroshot")


@dataclass(frozen=True, eq=False)
class Run:
    """A project's folder after ``dvc repro``. Tables are Arrow's: ``.to_pandas()`` where pandas is there.

    What is read is kept: open a run again when it has been made again. ``data/README.md`` of the project says
    what is in the tables.
    """

    root: Path

    @property
    def data(self) -> Path:
        """The folder of what the stages left."""
        return self.root / "data"

    @cached_property
    def layers(self) -> list[str]:
        """The layers in the order they were asked for."""
        return layer_names(self.data / "features")

    @cached_property
    def tables(self) -> Tables:
        """The collection: ``images``, ``queries``, ``relevance`` and ``classes``."""
        return read_tables(self.data / "tables")

    @cached_property
    def rows(self) -> pa.Table:
        """``rows.parquet``: row, kind, image_id, query_id of every descriptor."""
        return read_rows(self.data / "features")

    def ids(self, kind: RowKind = "image") -> list[str]:
        """What the rows of ``descriptors(layer, kind)`` are: image_ids, or query_ids of boxed queries."""
        column = self.rows["query_id" if kind == "query" else "image_id"]
        found: list[str] = column.filter(pa.array(self._of(kind))).to_pylist()
        return found

    def descriptors(
        self, layer: str, kind: RowKind = "image", *, reduced: bool = False
    ) -> npt.NDArray[np.float32]:
        """(N, D) float32: a layer's vectors, one for each of ``ids(kind)``.

        kind : image (the database), outside (pictures that only query) or query (boxed queries).
        reduced : after PCA.
        """
        folder = self.data / ("reduced" if reduced else "descriptors")
        values = read_vectors(folder / f"{self._known(layer)}.parquet").values
        wanted = self._of(kind)
        return values if wanted.all() else values[wanted]

    def neighbours(self, layer: str) -> pa.Table:
        """``topk.parquet``: the nearest pictures of every query of every task."""
        return read_table(self.data / "rankings" / self._known(layer) / "topk.parquet")

    def per_query(self, layer: str) -> pa.Table:
        """``per_query.parquet``: what the ranking of every query is worth, and what chance would have."""
        return read_table(self.data / "rankings" / self._known(layer) / "per_query.parquet")

    def scores(self) -> pa.Table:
        """All scores of the run, a row each; ``of``: rankings, clusters, probe or zeroshot."""
        found = []
        for name in SCORED:
            table = read_table(self.data / name / "scores.parquet")
            found.append(table.add_column(0, "of", pa.array([name] * table.num_rows, pa.string())))
        return pa.concat_tables(found, promote_options="default")

    def used(self, stage: str) -> dict[str, dict[str, Any]]:
        """What a stage was told when it ran: file -> its parameters, from ``dvc.lock``."""
        stages = self._lock.get("stages", {})
        if stage not in stages:
            raise StrataError(f"{self.root / 'dvc.lock'}: it knows no stage {stage!r}; run `dvc repro`")
        found: dict[str, dict[str, Any]] = stages[stage].get("params", {})
        return found

    @cached_property
    def _lock(self) -> dict[str, Any]:
        path = self.root / "dvc.lock"
        try:
            content: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StrataError(f"{path}: no such file; run `dvc repro` to make it") from None
        return content

    def _of(self, kind: RowKind) -> npt.NDArray[np.bool_]:
        return np.asarray(self.rows["kind"].to_numpy(zero_copy_only=False) == kind)

    def _known(self, layer: str) -> str:
        if layer not in self.layers:
            raise StrataError(
                f"{self.root}: the run has no layer {layer!r}; it has: {', '.join(self.layers)}"
            )
        return layer


def open_run(root: str | Path = ".") -> Run:
    """Read a finished run in the project's folder ``root``. Raises StrataError where there is none.

    Examples
    --------
    >>> import strata
    >>> run = strata.open_run(".")
    >>> run.layers
    ['stem', 'late', 'embedding']
    >>> len(run.descriptors("late")) == len(run.ids())
    True
    >>> run.neighbours("late").schema.names[:5]
    ['task', 'query_id', 'rank', 'image_id', 'score']

    Score its class retrieval anew, from the vectors alone:

    >>> vectors, ids = run.descriptors("late"), run.ids()
    >>> labels = dict(zip(*(run.tables.images[name].to_pylist() for name in ("image_id", "labels"))))
    >>> alike = [[labels[a][:1] == labels[b][:1] for b in ids] for a in ids]
    >>> scored = strata.evaluate(vectors @ vectors.T, alike, own=range(len(ids)))
    >>> scored.mean("n_ranked") == len(ids) - 1
    True
    """
    run = Run(Path(root))
    if not (run.data / "rankings" / "layers.json").is_file():
        raise StrataError(
            f"{run.root}: no finished run here; run `dvc repro` in a project, or name its folder"
        )
    return run
