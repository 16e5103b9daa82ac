"""One Markdown table of all cells: ours beside the study's figures, intervals, chance and differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from experiments.cells import VARIANTS, Place
from experiments.running import Metrics

HEAD = ("cell", "data", "of", "measure", "the study", "as run", "as it should be", "chance")
ABSENT = "-"
NOTHING = "no number"

Name = tuple[str, str, str]  # file, layer or prompt set, metric


def study_table(
    places: Sequence[Place], results: Mapping[str, Metrics], failures: Mapping[str, str], *, demo: bool
) -> str:
    """The page. ``results`` and ``failures``: by run; every run of ``places`` is in one of them."""
    lines = ["# The study's experiments, run again", ""]
    if demo:
        lines += ["On the built-in demo: the study's own figures are of other pictures and other models.", ""]
    lines += [_line(HEAD), _line("---" for _ in HEAD)]
    lines += [_line(row) for place in places for row in _rows(place, results)]
    lines += [
        "",
        "Brackets hold 95 % intervals; chance is that of a random order or guess, after it the largest",
    ]
    lines += ["class where there is one. Numbers are shares, 1 is all.", "", "## The cells", ""]
    for place in places:
        runs = ", ".join(f"`{place.runs[variant]}`" for variant in VARIANTS)
        lines.append(f"- **{place.cell.name}**, {place.data}: {place.cell.title}. {place.cell.difference}")
        lines.append(f"  Runs: {runs}.")
    if failures:
        lines += ["", "## Not run", ""]
        lines += [f"- `{name}`: {reason}" for name, reason in failures.items()]
    return "\n".join(lines) + "\n"


def _rows(place: Place, results: Mapping[str, Metrics]) -> Iterator[tuple[str, ...]]:
    found = {variant: results.get(place.runs[variant]) for variant in VARIANTS}
    figures = {
        name: figure
        for pattern, figure in place.show.items()
        for name in _names(pattern, figure is not None, [metrics for metrics in found.values() if metrics])
    }
    if not figures:
        states = (_state(found[variant]) for variant in VARIANTS)
        yield place.cell.name, place.data, ABSENT, ABSENT, ABSENT, *states, ABSENT
    for (file, entry, metric), figure in figures.items():
        values = {variant: (metrics or {}).get(file, {}).get(entry, {}) for variant, metrics in found.items()}
        ours = (_value(values[v], metric) if found[v] else _state(found[v]) for v in VARIANTS)
        chances = (_chance(values[variant], metric) for variant in VARIANTS)
        yield (
            place.cell.name,
            place.data,
            entry,
            f"{file} {metric}",
            ABSENT if figure is None else f"{figure:.3f}",
            *ours,
            next((chance for chance in chances if chance != ABSENT), ABSENT),
        )


def _names(pattern: str, always: bool, found: Sequence[Metrics]) -> list[Name]:
    """What ``pattern`` fits, in the metrics' order; ``always``: the pattern itself where it fits nothing."""
    file, entries, wanted = pattern.split(".")
    fitting = [
        (file, entry, metric)
        for metrics in found
        for entry, values in metrics.get(file, {}).items()
        if fnmatchcase(entry, entries)
        for metric in values
        if fnmatchcase(metric, wanted)
    ]
    return list(dict.fromkeys(fitting)) or ([(file, entries, wanted)] if always else [])


def _value(values: Mapping[str, Any], metric: str) -> str:
    value = values.get(metric)
    if not isinstance(value, (int, float)):
        return NOTHING
    low, high = values.get(f"{metric}_low"), values.get(f"{metric}_high")
    numbers = isinstance(low, (int, float)) and isinstance(high, (int, float))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]" if numbers else f"{value:.3f}"


def _chance(values: Mapping[str, Any], metric: str) -> str:
    """The metric's own chance level; of a share of right guesses also the share of the largest class."""
    guessed = metric in ("top1", "accuracy")
    chance = (
        values.get("chance") if guessed or metric == "balanced_accuracy" else values.get(f"{metric}_chance")
    )
    if not isinstance(chance, (int, float)):
        return ABSENT
    majority = values.get("majority") if guessed else None
    return f"{chance:.3f}, {majority:.3f}" if isinstance(majority, (int, float)) else f"{chance:.3f}"


def _state(metrics: Metrics | None) -> str:
    return "not run" if metrics is None else NOTHING


def _line(cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
