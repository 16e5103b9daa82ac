"""Score tables as the two flat levels that ``dvc metrics diff`` wants, and back: the last step, made once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from strata.base.errors import StrataError
from strata.measures.scores import Score, Scored
from strata.results.names import BOUNDS, Name, parse

Metrics = dict[str, dict[str, float | str]]
"""{layer or prompt set: {name: number or text}}: exactly two levels."""


def name_of(score: Score) -> Name:
    """The name of a score's value."""
    return Name(score.metric, score.task, score.space, None, score.facet)


def flatten(found: Scored, facets: Sequence[str] = ()) -> Metrics:
    """Every number and text by its name, layer by layer; what has no value is left out.

    StrataError for two rows of one name.
    """
    result: Metrics = {layer: {} for layer in found.layers}
    for layer, name, value in _entries(found):
        flat = name.flat(facets)
        if flat in result[layer]:
            raise StrataError(f"{layer}: two numbers are called {flat}; rename the task or the facet in it")
        result[layer][flat] = value
    return result


def _entries(found: Scored) -> Iterator[tuple[str, Name, float | str]]:
    for row in found.scores:
        name = name_of(row)
        if row.value is not None:
            yield row.layer, name, row.value
        for column in BOUNDS:
            if (value := getattr(row, column)) is not None:
                yield row.layer, name._replace(bound=column), value
    for policy in found.policies:
        yield policy.layer, Name(policy.policy, policy.task, None, None, policy.facet), policy.value


def unflatten(
    metrics: Mapping[str, Mapping[str, Any]], tasks: Collection[str], facets: Sequence[str]
) -> list[Score]:
    """The scores that ``flatten`` made ``metrics`` of, given all ``tasks`` and ``facets`` there are."""
    rows: dict[tuple[str, Name], dict[str, Any]] = {}
    for layer, values in metrics.items():
        for flat, value in values.items():
            name = parse(flat, tasks, facets)
            if isinstance(value, str) and name.bound != "note":
                continue  # a policy
            columns = rows.setdefault((layer, name._replace(bound=None)), {"value": None})
            columns[name.bound or "value"] = value
    return [
        Score(name.metric, layer=layer, task=name.task, facet=name.facet, space=name.space, **columns)
        for (layer, name), columns in rows.items()
    ]
