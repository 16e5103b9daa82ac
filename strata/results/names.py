"""What a score is called in metrics/*.json: ``[task_]metric[_space][_bound][_facet]``.

A bound is ``low``, ``high``, ``chance``, ``n_groups`` or ``note``. The main facet and the space of the
descriptors add nothing. ``parse`` is the way back; ``check_names`` refuses what would leave none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, NoReturn

from strata.base.errors import StrataError
from strata.measures.measure_names import MEASURES
from strata.settings.params import CLASS_TASK

BOUNDS = {"low": "low", "high": "high", "chance": "chance", "n": "n_groups", "note": "note"}
"""Column of a score table -> what it adds to the name."""
SPACES = ("pca", "in_cluster")
OF_TASK = (
    *("map", "map_macro", "map_step", "map_trapezoid", *MEASURES[2:], "recall"),
    *("n_queries", "n_without_positives", "n_unanswered", "n_database"),
    *("detection_ap", "detection_ap_micro", "detection_ceiling"),
)
OF_FACET = (
    *("ami", "nmi", "ari", "purity", "labelled", "left_out", "classes", "probed", "not_converged"),
    *("accuracy", "balanced_accuracy", "train_accuracy", "majority", "chance"),
)
OF_LAYER = ("n", "k", "smallest", "largest", "components", "silhouette", "n_unlabelled", "ece")
TASK_POLICIES = (
    *("ap", "junk", "self_match", "query_view", "match", "metric", "chance", "detection"),
    *("postprocess", "cells", "match_fit_set", "expansion"),
)
FACET_POLICIES = ("drawn",)


class Name(NamedTuple):
    """The parts of a name; ``bound``: a key of ``BOUNDS``, None for the value itself."""

    metric: str
    task: str | None = None
    space: str | None = None
    bound: str | None = None
    facet: str | None = None

    def flat(self, facets: Sequence[str] = ()) -> str:
        """The name in metrics/*.json. ``facets``: all there are, the main one first.

        >>> Name("accuracy", bound="low", facet="mood").flat(["motif", "mood"])
        'accuracy_low_mood'
        >>> Name("map", task="detail", space="pca").flat()
        'detail_map_pca'
        """
        facet = self.facet if self.facet in facets[1:] else None
        bound = BOUNDS[self.bound] if self.bound else None
        return "_".join(part for part in (self.task, self.metric, self.space, bound, facet) if part)


def parse(name: str, tasks: Collection[str], facets: Sequence[str]) -> Name:
    """The parts of a name, given all tasks and facets there are: the longest one that fits is meant."""
    task = max((t for t in tasks if name.startswith(f"{t}_")), key=len, default=None)
    rest = name[len(task) + 1 :] if task else name
    rest, facet = _cut(rest, {facet: facet for facet in facets[1:]})
    rest, bound = _cut(rest, BOUNDS)
    metric, space = _cut(rest, {space: space for space in SPACES})
    if facet is None and metric in OF_FACET:
        facet = next(iter(facets), None)
    return Name(metric, task, space, bound, facet)


def _cut(name: str, endings: Mapping[str, str]) -> tuple[str, str | None]:
    """``name`` less the longest ending that it has, and the key of that ending."""
    fitting = [key for key, ending in endings.items() if name.endswith(f"_{ending}")]
    longest = max(fitting, key=lambda key: len(endings[key]), default=None)
    return (name, None) if longest is None else (name[: -len(endings[longest]) - 1], longest)


def check_names(
    tasks: Collection[str], facets: Sequence[str], where: str, parameters: Collection[str] = ()
) -> None:
    """StrataError for a task or facet with which a name in metrics/*.json would mean two things.

    ``tasks``: the data set's own; ``where``: the file that names them; ``parameters``: names that stand
    beside the scores.
    """
    tasks = [*tasks, CLASS_TASK]
    policies = {name.flat(facets): name for name in _policy_names(tasks, facets)}
    for name in _score_names(tasks, facets):
        flat = name.flat(facets)
        meant = parse(flat, tasks, facets)
        if meant.task != name.task:
            _refuse("task", meant.task or name.task, flat, where)
        if meant != name:
            _refuse("facet", meant.facet or name.facet, flat, where)
        if (other := policies.get(flat)) or flat in parameters:
            _refuse(*_owner(other or name), flat, where)
    for flat, name in policies.items():
        if flat in parameters:
            _refuse(*_owner(name), flat, where)


def _score_names(tasks: Collection[str], facets: Sequence[str]) -> Iterator[Name]:
    for bound in (None, *BOUNDS):
        for metric in OF_FACET:
            yield from (Name(metric, bound=bound, facet=facet) for facet in facets)
            yield Name(metric, bound=bound, facet=next(iter(facets), None))
        for metric in OF_TASK:
            yield from (Name(metric, task, space, bound) for task in tasks for space in (None, *SPACES))
        yield from (Name(metric, bound=bound) for metric in OF_LAYER)


def _policy_names(tasks: Collection[str], facets: Sequence[str]) -> Iterator[Name]:
    yield from (Name(policy, task) for policy in TASK_POLICIES for task in tasks)
    yield from (Name(policy, facet=facet) for policy in FACET_POLICIES for facet in facets)


def _owner(name: Name) -> tuple[str, str | None]:
    return ("task", name.task) if name.task else ("facet", name.facet)


def _refuse(kind: str, called: str | None, flat: str, where: str) -> NoReturn:
    raise StrataError(
        f"{where}: a {kind} cannot be called {called!r}: {flat} in metrics/*.json would mean two things; "
        "give it another name"
    )
