"""The handful of numbers that ``dvc exp show`` puts in its columns: the best layer of every question.

They have the names of the other files. What a run was asked (its parameters) DVC shows itself.
"""

from __future__ import annotations

from strata.measures.scores import Score
from strata.results.comparison import Comparison
from strata.results.flat import name_of
from strata.settings.params import CLASS_TASK


def headline(compared: Comparison, *, pictures: int, rejected: int) -> dict[str, float | str]:
    """One flat mapping of at most fifteen numbers; what a run has no number for is left out.

    mAP of the data set's own queries (of their first task) and of the classes, AMI and the probe's accuracy
    of the main facet, each with its interval and its ``_layer``; the first prompt set's score; the pictures.
    """
    by_class = next((measure for measure in compared.found if measure.subject == CLASS_TASK), None)
    measures = [compared.finding, by_class, compared.grouping, compared.naming]
    flat: dict[str, float | str | None] = {
        "pictures_used": pictures - rejected,
        "pictures_rejected": rejected,
    }
    for best in (measure.best for measure in measures if measure is not None):
        name = name_of(best).flat(compared.facets)
        flat |= _with_interval(name, best) | {f"{name}_layer": best.layer}
    if compared.words is not None:
        flat |= _with_interval(f"zeroshot_{compared.words.metric}", compared.words)
    return {name: value for name, value in flat.items() if value is not None}


def _with_interval(name: str, score: Score) -> dict[str, float | None]:
    return {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}
