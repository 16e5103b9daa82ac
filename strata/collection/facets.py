"""Which class each picture has in one facet: a picture can be classed by motif *and* by mood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.collection.tables import Tables

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FacetLabels:
    """``codes`` (N,) int64 index ``class_ids``; -1 where a picture has no label of the facet, or several."""

    facet: str
    class_ids: list[str]
    codes: Integers
    several: int


def facet_names(tables: Tables) -> list[str]:
    """The facets in table order; the first is the main one."""
    return list(dict.fromkeys(tables.classes["facet"].to_pylist()))


def facet_labels(tables: Tables, image_ids: Sequence[str], facet: str) -> FacetLabels:
    """The labels of ``image_ids`` (N of them, in this order) in ``facet``."""
    classes = zip(tables.classes["class_id"].to_pylist(), tables.classes["facet"].to_pylist(), strict=True)
    class_ids = [class_id for class_id, of in classes if of == facet]
    owners, found = label_pairs(tables.images, pa.array(image_ids, pa.string()), class_ids)
    counts = np.bincount(owners, minlength=len(image_ids))
    single = counts[owners] == 1
    codes = np.full(len(image_ids), -1, np.int64)
    codes[owners[single]] = found[single]
    return FacetLabels(facet, class_ids, codes, int((counts > 1).sum()))


def label_pairs(images: pa.Table, image_ids: pa.Array, class_ids: Sequence[str]) -> tuple[Integers, Integers]:
    """Which of ``image_ids`` (N,) have which of ``class_ids`` (K,): ``class_pairs`` of their labels."""
    return class_pairs(labels_of(images, image_ids), class_ids)


def labels_of(images: pa.Table, image_ids: pa.Array) -> pa.ListArray:
    """(N,) lists of class_ids, those of ``image_ids``. KeyError for an id that ``images`` does not have."""
    places = pc.index_in(image_ids, value_set=images["image_id"].combine_chunks())
    if places.null_count:
        raise KeyError(image_ids.filter(places.is_null())[0].as_py())
    return images["labels"].combine_chunks().take(places)


def class_pairs(labels: pa.ListArray, class_ids: Sequence[str]) -> tuple[Integers, Integers]:
    """Which of ``labels`` (N,) hold which of ``class_ids`` (K,): every pair once, sorted.

    Returns (M,) places in ``labels`` and (M,) places in ``class_ids``. A million pictures are a few arrays
    here, no objects.
    """
    codes = pc.index_in(pc.list_flatten(labels), value_set=pa.array(class_ids, pa.string()))
    known = codes.is_valid()
    owners = pc.list_parent_indices(labels).filter(known).to_numpy().astype(np.int64)
    pairs = np.unique(owners * len(class_ids) + codes.filter(known).to_numpy())
    return pairs // max(len(class_ids), 1), pairs % max(len(class_ids), 1)
