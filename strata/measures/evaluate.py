"""Score anybody's ranking: similarities or ranked lists in; measures, interval and chance out.

Every policy that changes a number is an argument of ``evaluate``. Nothing has to come from this project's
pipeline, and given the same similarities the numbers are those of its ``per_query.parquet``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.measures import chance
from strata.measures.average_precision import Floats, measure_rankings
from strata.measures.intervals import Interval, t_interval
from strata.measures.measure_names import MEASURES
from strata.measures.named_measures import measure_by_name

Grades = Mapping[Any, Mapping[Any, bool | int | str]]
Positions = npt.NDArray[np.int64]
POSITIVE, JUNK = ("good", "ok", "easy", "hard"), ("junk",)


@dataclass(frozen=True)
class Evaluation:
    """What ``evaluate`` found.

    ``queries`` (Q,) and their ``groups`` (Q,). ``per_query``: column -> (Q,) float64: ``n_positives``,
    ``n_found`` (positives that were ranked), ``n_ranked`` (without junk and own item), the measures of
    ``strata.measures.average_precision`` and ``chance_...``; NaN where a query has no positive. A data frame
    or an Arrow table takes it as it is.
    """

    queries: list[Hashable]
    groups: list[Hashable]
    ap: Literal["step", "trapezoid"]
    per_query: dict[str, Floats]

    @property
    def map(self) -> float | None:
        """Mean average precision over the queries with positives; None without any."""
        return self.mean(f"ap_{self.ap}")

    @property
    def chance(self) -> float | None:
        """The mean average precision of a random order."""
        return self.mean(f"chance_{self.ap}")

    @property
    def interval(self) -> Interval:
        """95 % interval of ``map``, from what varies between groups."""
        return t_interval(self.per_query[f"ap_{self.ap}"], _codes(self.groups))

    def mean(self, column: str) -> float | None:
        """Mean of a column of ``per_query``, NaN left out; None without any value."""
        values = self.per_query[column]
        return None if np.isnan(values).all() else float(np.nanmean(values))

    def __str__(self) -> str:
        if self.map is None:
            return f"no mAP: none of {len(self.queries)} queries has a positive"
        _, low, high, groups, reason = self.interval
        reach = f"no interval: {reason}" if low is None else f"95 % {low:.3f} to {high:.3f}"
        return f"mAP {self.map:.3f} ({reach}; chance {self.chance:.3f}), {groups} groups of queries"


def evaluate(
    found: npt.ArrayLike | Sequence[Sequence[Hashable]] | Mapping[Any, Sequence[Hashable]],
    relevance: npt.ArrayLike | Grades,
    *,
    ap: Literal["step", "trapezoid"] = "step",
    junk: Literal["skip", "negative"] = "skip",
    self_match: Literal["exclude", "include"] = "exclude",
    own: Sequence[Hashable | None] | Mapping[Any, Hashable | None] | None = None,
    own_first: bool | Sequence[bool] = True,
    groups: Sequence[Hashable] | Mapping[Any, Hashable] | None = None,
    queries: Sequence[Hashable] | None = None,
    items: Sequence[Hashable] | None = None,
    positive_grades: Sequence[str] = POSITIVE,
    junk_grades: Sequence[str] = JUNK,
    measures: Sequence[str] = (),
) -> Evaluation:
    """Score the rankings of some queries.

    found : (Q, N) floating point similarities, higher is nearer, -inf for an item that is not ranked (ties
        go to the lower column); or a ranking a query, best first, of items or of column numbers; or
        {query: ranking}, where a query of ``relevance`` without a ranking scores 0.
    relevance : (Q, N) numbers, above 0 positive, below 0 junk; or {query: {item: grade}}, where a grade is
        such a number or a word: one of ``positive_grades``, of ``junk_grades``, or else a miss. A positive
        that is not ranked stays in the denominator.
    ap : step, or the trapezoid of Oxford and Paris (see ``strata.measures.average_precision``).
    junk : skip takes no rank, negative is an ordinary miss.
    own : the item that is the query itself, None for none, by query. ``self_match`` exclude: it is neither
        ranked nor a positive; include: it is ranked, and a positive unless it is junk.
    own_first : with ``include``, does the own item come first whatever the features (its vector is the
        query's)? Chance knows it then.
    groups : what is independent, for the interval; by default every query for itself.
    queries, items : what the rows and columns are called; by default their numbers.
    measures : further ones by name, such as ``ndcg_at_10`` (see ``strata.measures.named_measures``).

    Chance is that of the ranked items in random order, so give whole rankings: the chance of one cut short
    says little. Raises StrataError for what does not fit together.

    Examples
    --------
    >>> import strata
    >>> similarities = [[0.9, 0.8, 0.1, 0.4], [0.2, 0.7, 0.6, 0.5]]
    >>> scored = strata.evaluate(similarities, [[1, 0, 0, 1], [0, -1, 1, 0]])
    >>> scored.per_query["ap_step"].round(3).tolist()
    [0.833, 1.0]
    >>> print(scored)
    mAP 0.917 (no interval: 2 groups: an interval needs 5; chance 0.646), 2 groups of queries

    The same of lists of names, and with junk as a miss:

    >>> rankings = {"q1": ["a", "b", "d", "c"], "q2": ["b", "c", "d", "a"]}
    >>> grades = {"q1": {"a": "good", "d": "good"}, "q2": {"b": "junk", "c": "good"}}
    >>> strata.evaluate(rankings, grades, junk="negative").per_query["ap_step"].round(3).tolist()
    [0.833, 0.5]
    """
    _check_choices(ap, junk, self_match)
    asked = _read(found, relevance, queries, items)
    judge = _judge(relevance, asked, tuple(positive_grades), tuple(junk_grades))
    own_items = _by_query(own, asked.queries, "own", None)
    ranks, counts = [], []
    for query, (order, own_item) in enumerate(zip(asked.orders, own_items, strict=True)):
        itself = asked.position.get(own_item)
        positive, is_junk, unlisted = judge(query, own_item if self_match == "exclude" else ...)
        skipped = is_junk if junk == "skip" else np.zeros_like(is_junk)
        if itself is not None and self_match == "exclude":
            positive[itself], skipped[itself] = False, True
        elif itself is not None:
            positive[itself] = not is_junk[itself]
        kept = order[~skipped[order]]
        ranks.append(np.flatnonzero(positive[kept]))
        own_positive = self_match == "include" and itself is not None and bool(positive[itself])
        counts.append((int(positive.sum()) + unlisted, len(ranks[-1]), len(kept), own_positive))
    total, n_found, n_ranked, own_positives = np.array(counts, np.int64).reshape(-1, 4).T
    first = np.broadcast_to(np.asarray(own_first, np.bool_), total.shape) & (own_positives > 0)
    always = measure_rankings(ranks, total.tolist())
    per_query = {
        "n_positives": total.astype(np.float64),
        "n_found": n_found.astype(np.float64),
        "n_ranked": n_ranked.astype(np.float64),
        **{name: always[:, column] for column, name in enumerate(MEASURES)},
        **{name: measure_by_name(name, ranks, total.tolist()) for name in measures},
        **chance.levels(total, n_found, n_ranked, first),
    }
    group_of = list(range(len(total))) if groups is None else _by_query(groups, asked.queries, "groups", ...)
    return Evaluation(asked.queries, group_of, ap, per_query)


class _Asked(NamedTuple):
    """``position``: item -> its number; ``orders``: a query's positions, best first."""

    queries: list[Hashable]
    position: dict[Hashable, int]
    orders: Iterable[Positions]


Judge = Callable[[int, Any], tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], int]]
"""Query and an item that does not count -> (N,) positive, (N,) junk, positives that are none of the N."""


def _read(found: Any, relevance: Any, queries: Sequence[Hashable] | None, items: Any) -> _Asked:
    if not _are_similarities(found):
        return _read_rankings(found, relevance, queries, items)
    scores = np.asarray(found)
    if scores.ndim != 2:
        raise StrataError(f"similarities are (queries, items), not of shape {scores.shape}")
    if np.isnan(scores).any():
        row = int(np.isnan(scores).any(axis=1).argmax())
        raise StrataError(f"similarities: row {row} holds NaN; use -inf for an item that is not ranked")
    names = _named(items, scores.shape[1], "items")
    orders = (np.argsort(-row, kind="stable")[: np.count_nonzero(row > -np.inf)] for row in scores)
    return _Asked(_named(queries, len(scores), "queries"), _numbered(names), orders)


def _read_rankings(found: Any, relevance: Any, queries: Sequence[Hashable] | None, items: Any) -> _Asked:
    if isinstance(found, Mapping):
        graded = relevance if isinstance(relevance, Mapping) else {}
        names = list(found) + [query for query in graded if query not in found]
        rankings = [_plain(found.get(query, ())) for query in names]
    else:
        rankings = [_plain(ranking) for ranking in found]
        names = _named(queries, len(rankings), "queries")
    if items is not None:
        known: Iterable[Hashable] = items
    elif isinstance(relevance, Mapping):
        known = dict.fromkeys(item for ranking in (*rankings, *relevance.values()) for item in ranking)
    else:
        known = range(np.asarray(relevance).shape[-1])
    position = _numbered(list(known))
    return _Asked(names, position, [_order(*entry, position) for entry in zip(names, rankings, strict=True)])


def _order(query: Hashable, ranking: list[Hashable], position: Mapping[Hashable, int]) -> Positions:
    unknown = [item for item in ranking if item not in position]
    if unknown:
        raise StrataError(f"rankings: query {query!r} ranks {unknown[0]!r}, which is none of the items")
    if len(set(ranking)) < len(ranking):
        twice = next(item for number, item in enumerate(ranking) if item in ranking[:number])
        raise StrataError(f"rankings: query {query!r} ranks {twice!r} twice")
    return np.array([position[item] for item in ranking], np.int64)


def _judge(relevance: Any, asked: _Asked, good: tuple[str, ...], bad: tuple[str, ...]) -> Judge:
    size = len(asked.position)
    if not isinstance(relevance, Mapping):
        numbers = np.asarray(relevance)
        if numbers.shape != (len(asked.queries), size):
            raise StrataError(
                f"relevance is of shape {numbers.shape}; it needs a row for each of {len(asked.queries)} "
                f"queries and a column for each of {size} items"
            )
        return lambda query, left_out: (numbers[query] > 0, numbers[query] < 0, 0)
    words = {grade for grades in relevance.values() for grade in grades.values() if isinstance(grade, str)}
    if words and not words & set(good):
        raise StrataError(f"relevance: grades are {sorted(words)}, positive_grades {list(good)}")

    def judge(query: int, left_out: Any) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], int]:
        positive, is_junk, unlisted = np.zeros(size, np.bool_), np.zeros(size, np.bool_), 0
        for item, grade in relevance.get(asked.queries[query], {}).items():
            worth = (grade in good) - (grade in bad) if isinstance(grade, str) else int(grade)
            place = asked.position.get(item)
            if place is None:
                unlisted += worth > 0 and item != left_out
            else:
                positive[place], is_junk[place] = worth > 0, worth < 0
        return positive, is_junk, unlisted

    return judge


def _are_similarities(found: Any) -> bool:
    if isinstance(found, Mapping):
        return False
    if hasattr(found, "__array__"):
        return bool(np.asarray(found).dtype.kind == "f")
    return isinstance(next((value for row in found for value in row), None), (float, np.floating))


def _plain(ranking: Any) -> list[Hashable]:
    return ranking.tolist() if isinstance(ranking, np.ndarray) else list(ranking)


def _named(names: Sequence[Hashable] | None, count: int, what: str) -> list[Hashable]:
    if names is None:
        return list(range(count))
    if len(names) != count:
        raise StrataError(f"{what}: {len(names)} names for {count} of them")
    return list(names)


def _numbered(names: Sequence[Hashable]) -> dict[Hashable, int]:
    position = {name: number for number, name in enumerate(names)}
    if len(position) < len(names):
        raise StrataError("items: a name stands there twice")
    return position


def _by_query(values: Any, queries: Sequence[Hashable], what: str, missing: Any) -> list[Any]:
    """One value a query; ``missing`` where a mapping has none (...: that is an error)."""
    if isinstance(values, Mapping):
        values = [values.get(query, missing) for query in queries]
    found = [missing] * len(queries) if values is None else _plain(values)
    if len(found) != len(queries) or any(value is ... for value in found):
        raise StrataError(f"{what}: there must be one for each of {len(queries)} queries")
    return found


def _codes(groups: Sequence[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(group, len(numbers)) for group in groups]


def _check_choices(ap: str, junk: str, self_match: str) -> None:
    for name, value, known in (
        ("ap", ap, ("step", "trapezoid")),
        ("junk", junk, ("skip", "negative")),
        ("self_match", self_match, ("exclude", "include")),
    ):
        if value not in known:
            raise StrataError(f"{name} = {value!r} is neither {known[0]} nor {known[1]}")
