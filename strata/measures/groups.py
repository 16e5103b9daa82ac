"""What is independent: the groups that intervals, sign flips and bootstraps go over.

A group is what would be drawn anew if the study were repeated: a detail with all its instances, a landmark
with its five queries, a class with its pictures.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csr_matrix, triu
from scipy.sparse.csgraph import connected_components

MOST_STRADDLING = 0.15  # share of pictures that may have labels in two groups; see groups_of_labels

Codes = npt.NDArray[np.int64]


def group_codes(groups: npt.ArrayLike | Sequence[Hashable]) -> Codes:
    """(Q,) labels -> (Q,) int64 numbers from 0, in order of first appearance.

    >>> group_codes(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    return _code(groups.tolist() if isinstance(groups, np.ndarray) else groups)  # type: ignore[arg-type]


def groups_of_labels(labels: Sequence[Sequence[str]]) -> list[str]:
    """The group of every picture when it is the classes that are drawn: one label each, named after a label.

    labels : N lists of labels of one facet (motif, say: labels of another facet would join everything), each
    picture's in any order and without repeats.

    One label a picture: its group is its class. Where pictures carry several, classes that share pictures are
    merged, those that share most first, until at most 15 % of the pictures have labels in two groups; such a
    picture goes with its rarest label. In simulation with new classes the intervals over these groups cover
    92 to 97 %; over rarest labels without merging they cover 90 % when 40 % of the pictures carry a second
    label at random, 70 % when all do. Where everything is merged into a few groups there is no interval:
    those classes are not independent. Pictures without labels are one group, "".

    >>> groups_of_labels([["cow"], ["dog"], ["dog"], ["cow"]])
    ['cow', 'dog', 'dog', 'cow']
    >>> groups_of_labels([["chair", "table"], ["table", "chair"], ["chair"], ["dog"]])
    ['chair', 'chair', 'chair', 'dog']
    """
    names = sorted({name for found in labels for name in found})
    if not names:
        return [""] * len(labels)
    position = {name: number for number, name in enumerate(names)}
    columns = np.array([position[name] for found in labels for name in found], np.int64)
    lengths = np.array([len(found) for found in labels], np.int64)
    rows = np.repeat(np.arange(len(labels)), lengths)
    frequency = np.bincount(columns, minlength=len(names))
    root = _merged(rows, columns, len(labels), len(names))
    by_rarity = np.lexsort((columns, frequency[columns], rows))
    rarest = columns[by_rarity][np.unique(rows, return_index=True)[1]]
    # A group is named after its most frequent label, the first by name of equals.
    by_frequency = np.lexsort((np.arange(len(names)), -frequency, root))
    first = np.unique(root[by_frequency], return_index=True)[1]
    title = dict(zip(root[by_frequency][first].tolist(), by_frequency[first].tolist(), strict=True))
    result = [""] * len(labels)
    for row, label in zip(np.flatnonzero(lengths).tolist(), rarest.tolist(), strict=True):
        result[row] = names[title[int(root[label])]]
    return result


def _merged(rows: Codes, columns: Codes, n_pictures: int, n_labels: int) -> Codes:
    """(L,) the component of every label after the fewest merges that leave few pictures between two.

    Pairs of labels in order of the pictures they share (ties by name): a longer prefix of them only joins
    more, so the shortest that does is found by halving.
    """
    has = csr_matrix((np.ones(len(rows)), (rows, columns)), (n_pictures, n_labels))
    shared = coo_matrix(triu(has.T @ has, 1))
    order = np.lexsort((shared.col, shared.row, -shared.data))
    starts = np.unique(rows, return_index=True)[1]

    def joined(count: int) -> Codes:
        one, other = shared.row[order[:count]], shared.col[order[:count]]
        graph = csr_matrix((np.ones(count), (one, other)), (n_labels, n_labels))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)

    def straddling(count: int) -> float:
        found = joined(count)[columns]
        apart = np.minimum.reduceat(found, starts) != np.maximum.reduceat(found, starts)
        return float(apart.sum() / len(starts))

    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if straddling(middle) <= MOST_STRADDLING else (middle + 1, high)
    return joined(low)


def _code(groups: Iterable[Hashable]) -> Codes:
    """A dict is several times faster than sorting strings, and intervals are taken hundreds of times."""
    seen: dict[Hashable, int] = {}
    return np.fromiter((seen.setdefault(group, len(seen)) for group in groups), np.int64)
