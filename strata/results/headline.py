"""The handful of numbers that ``dvc exp show`` puts in its columns: which layer is best, and by how much."""

from __future__ import annotations

from collections.abc import Mapping

from strata.measures.scores import Score
from strata.results.comparison import Comparison
from strata.settings.params import CLASS_TASK, EMBEDDING


def headline(
    compared: Comparison, *, policies: Mapping[str, float | str], pictures: int, rejected: int
) -> dict[str, float | str]:
    """One flat mapping; what a run has no number for is left out."""
    flat: dict[str, float | str | None] = {
        **policies,
        "pictures": pictures,
        "pictures_used": pictures - rejected,
        "pictures_rejected": rejected,
    }
    finding, grouping, naming, words = compared.finding, compared.grouping, compared.naming, compared.words
    if finding is not None:
        best = finding.best
        flat |= {"best_task": finding.subject, "best_layer": best.layer, "best_map": best.value}
        flat |= {"best_map_low": best.low, "best_map_high": best.high, "best_map_chance": best.chance}
        flat["embedding_map"] = _value(finding.at(EMBEDDING))
    # boxes matched by region do not see the pooling, class retrieval does
    for measure in compared.found:
        if measure is not finding and measure.subject == CLASS_TASK:
            flat |= {"best_class_layer": measure.best.layer, "best_class_map": measure.best.value}
    if grouping is not None:
        best = grouping.best
        flat |= {"best_cluster_layer": best.layer, "best_ami": best.value}
        flat["embedding_ami"] = _value(grouping.at(EMBEDDING))
        if nmi := compared.of_main_facet(compared.grouped, "nmi"):
            flat |= {"best_nmi": _value(nmi.at(best.layer)), "embedding_nmi": _value(nmi.at(EMBEDDING))}
    if naming is not None:
        best = naming.best
        flat |= {"best_probe_layer": best.layer, "best_probe_accuracy": best.value}
        flat["best_probe_majority"] = best.chance
    if words is not None:
        flat |= {"zeroshot_set": words.layer, f"zeroshot_{words.metric}": words.value}
        flat["zeroshot_chance"] = words.chance
    return {name: value for name, value in flat.items() if value is not None}


def _value(score: Score | None) -> float | None:
    return None if score is None else score.value
