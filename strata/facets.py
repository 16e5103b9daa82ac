"""Which class each picture has in one facet: a picture can be classed by motif *and* by mood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strata.tables import Tables


@dataclass(frozen=True)
class FacetLabels:
    """``codes`` (N,) int64 index ``class_ids``; -1 where a picture has no label of the facet, or several."""

    facet: str
    class_ids: list[str]
    codes: npt.NDArray[np.int64]
    several: int


def facet_names(tables: Tables) -> list[str]:
    """The facets in table order; the first is the main one."""
    return list(dict.fromkeys(tables.classes["facet"].to_pylist()))


def facet_labels(tables: Tables, image_ids: Sequence[str], facet: str) -> FacetLabels:
    """The labels of ``image_ids`` (N of them, in this order) in ``facet``."""
    classes = zip(tables.classes["class_id"].to_pylist(), tables.classes["facet"].to_pylist(), strict=True)
    class_ids = [class_id for class_id, of in classes if of == facet]
    position = {class_id: code for code, class_id in enumerate(class_ids)}
    labels = dict(
        zip(tables.images["image_id"].to_pylist(), tables.images["labels"].to_pylist(), strict=True)
    )
    found = [{position[label] for label in labels[image_id] if label in position} for image_id in image_ids]
    counts = np.array([len(codes) for codes in found], np.int64)
    codes = np.array([next(iter(codes)) if len(codes) == 1 else -1 for codes in found], np.int64)
    return FacetLabels(facet, class_ids, codes, int((counts > 1).sum()))


def suffixes(facets: Sequence[str]) -> dict[str, str]:
    """What a facet adds to its metrics' names: nothing for the main one, else its own name."""
    return {facet: f"_{facet}" if position else "" for position, facet in enumerate(facets)}
