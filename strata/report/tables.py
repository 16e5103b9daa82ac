"""The metric tables: one row a layer, one column a number, the best of each column marked."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from strata.facets import suffixes
from strata.summary import Metrics, Number, metric_names

BOUNDS = ("_low", "_high")
BELOW = (*BOUNDS, "_chance")  # what stands below the number it belongs to
LOW_IS_GOOD = ("ece",)
REFERENCES = ("chance", "majority")  # what guessing reaches: never the best of its column
COUNTS = re.compile(
    r"(.*_)?n(_.*)?|k|classes|components|labelled|left_out|not_converged|probed|smallest|largest"
)
# in metrics/*.json and in the full list, not in the tables: too many columns to read side by side
SELDOM = (
    "map_macro",
    "map_step",
    "map_trapezoid",
    "p_at_5",
    "hit_at_5",
    "mp_revisited_at_10",
    "detection_ap_micro",
)
NAMES = {
    "map": "mAP",
    "map_pca": "mAP, PCA",
    "map_in_cluster": "mAP in own cluster",
    "r_precision": "R-precision",
    "ece": "calibration error",
    "detection_ap": "detection AP",
    "n": "pictures",
    "k": "clusters",
}
PREFIXES = {
    "p_at_": "P@",
    "hit_at_": "hit@",
    "recall_at_": "recall@",
    "mp_revisited_at_": "mP@",
    "top": "top-",
}


@dataclass(frozen=True)
class Cell:
    """``below``: interval and chance; ``share``: the number for the bar under it, 0 to 1; None: no bar."""

    text: str
    below: tuple[str, ...] = ()
    best: bool = False
    share: float | None = None


@dataclass(frozen=True)
class Table:
    """``key`` says what a row is; ``columns`` are (heading, metric); ``note`` what is equal in all rows."""

    caption: str
    key: str
    columns: list[tuple[str, str]]
    rows: list[tuple[str, list[Cell]]]
    note: str


def heading(metric: str) -> str:
    """``p_at_5`` -> ``P@5``; what is not known keeps its words."""
    if metric in NAMES:
        return NAMES[metric]
    if metric in ("ami", "nmi", "ari"):
        return metric.upper()
    for prefix, shown in PREFIXES.items():
        if metric.startswith(prefix) and metric[len(prefix) :].isdigit():
            return shown + metric[len(prefix) :]
    return re.sub("^(map_)?n_", "", metric).replace("_", " ")


def of_task(metrics: Metrics, task: str) -> Metrics:
    """The metrics of one retrieval task, without its name in front."""
    prefix = f"{task}_"
    return {
        key: {m.removeprefix(prefix): value for m, value in values.items() if m.startswith(prefix)}
        for key, values in metrics.items()
    }


def of_facet(metrics: Metrics, facet: str, facets: Sequence[str]) -> Metrics:
    """The metrics of one facet, without its name behind (the main facet's have none)."""
    own = suffixes(facets).get(facet, "")
    others = tuple(suffix for suffix in suffixes(facets).values() if suffix)
    return {
        key: {
            m.removesuffix(own): value
            for m, value in values.items()
            if (m.endswith(own) if own else not m.endswith(others))
        }
        for key, values in metrics.items()
    }


def metric_table(
    caption: str, metrics: Metrics, policies: Container[str], *, key: str = "layer", rank: bool = True
) -> Table:
    """A column a number, in the order they were scored; ``policies``, texts and SELDOM are none.

    ``X_low``, ``X_high`` and ``X_chance`` go below their ``X``; counts equal in all rows go into the note.
    ``rank``: mark the best of a column (the rows answer the same question).
    """
    left_out = {*SELDOM, *(f"{m}{end}" for m in SELDOM for end in BELOW)}
    left_out |= {m for m in metric_names(metrics) if m in policies}
    names = [m for m in metric_names(metrics) if m not in left_out and _numbers(metrics, m)]
    names = [m for m in names if not (m.endswith(BELOW) and m.rpartition("_")[0] in names)]
    same = [m for m in names if _is_count(m) and len(set(_numbers(metrics, m))) == 1]
    shown = [m for m in names if m not in same]
    return Table(
        caption,
        key,
        [(heading(m), m) for m in shown],
        [(row, [_cell(metrics, values, m, rank) for m in shown]) for row, values in metrics.items()],
        ", ".join(f"{heading(m)} {_numbers(metrics, m)[0]:.0f}" for m in same),
    )


def every_number(metrics: Metrics) -> list[tuple[str, list[str]]]:
    """Everything the metrics hold, texts too: (metric, one string a key)."""
    return [
        (metric, [worded(values.get(metric)) for values in metrics.values()])
        for metric in metric_names(metrics)
    ]


def worded(value: Number | str | None) -> str:
    """A value as the tables print it."""
    if value is None:
        return "–"
    if isinstance(value, float) and (abs(value) <= 1 or not value.is_integer()):
        return f"{value:.3f}"
    return value if isinstance(value, str) else str(int(value))


def _cell(metrics: Metrics, values: Mapping[str, Number | str], metric: str, rank: bool) -> Cell:
    value = values.get(metric)
    if value is None or isinstance(value, str):
        return Cell(worded(value))
    low, high, chance = (values.get(metric + end) for end in BELOW)
    below = (f"{worded(low)} – {worded(high)}",) if low is not None and high is not None else ()
    if chance is not None:
        below = (*below, f"chance {worded(chance)}")
    if _is_count(metric):
        return Cell(f"{value:.0f}", below)
    if any(word in metric for word in REFERENCES):
        return Cell(worded(value), below)
    numbers = _numbers(metrics, metric)
    chosen = min(numbers) if metric in LOW_IS_GOOD else max(numbers)
    share = round(float(value), 3) if 0 <= value <= 1 else None
    return Cell(worded(value), below, rank and len(set(numbers)) > 1 and value == chosen, share)


def _is_count(metric: str) -> bool:
    return COUNTS.fullmatch(metric) is not None


def _numbers(metrics: Metrics, metric: str) -> list[float]:
    found: Iterable[Number | str | None] = (values.get(metric) for values in metrics.values())
    return [float(value) for value in found if isinstance(value, (int, float))]
