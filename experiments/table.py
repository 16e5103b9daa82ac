"""One Markdown table of all cells: ours beside the study's figures, intervals, chance and differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from experiments.cells import VARIANTS, Place
from experiments.running import Scores
from strata.measures.scores import Score
from strata.results.flat import name_of

HEAD = ("cell", "data", "of", "measure", "the study", "as run", "as it should be", "chance")
ABSENT = "-"
NOTHING = "no number"

Name = tuple[str, str, str]  # file, layer or prompt set, metric


def study_table(
    places: Sequence[Place], results: Mapping[str, Scores], failures: Mapping[str, str], *, demo: bool
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


def _rows(place: Place, results: Mapping[str, Scores]) -> Iterator[tuple[str, ...]]:
    runs = [results.get(place.runs[variant]) for variant in VARIANTS]
    found = [None if scores is None else _by_name(scores) for scores in runs]
    figures = {
        name: figure
        for pattern, figure in place.show.items()
        for name in _names(pattern, figure is not None, [scores for scores in found if scores])
    }
    if not figures:
        states = ("not run" if scores is None else NOTHING for scores in found)
        yield place.cell.name, place.data, ABSENT, ABSENT, ABSENT, *states, ABSENT
    for name, figure in figures.items():
        file, entry, metric = name
        chances = (_chance(scores, name) for scores in found if scores)
        yield (
            place.cell.name,
            place.data,
            entry,
            f"{file} {metric}",
            ABSENT if figure is None else f"{figure:.3f}",
            *("not run" if scores is None else _value(scores.get(name)) for scores in found),
            next((chance for chance in chances if chance != ABSENT), ABSENT),
        )


def _by_name(scores: Scores) -> dict[Name, Score]:
    return {(file, row.layer, name_of(row).flat()): row for file, rows in scores.items() for row in rows}


def _names(pattern: str, always: bool, found: Sequence[Mapping[Name, Score]]) -> list[Name]:
    """What ``pattern`` fits, in the metrics' order; ``always``: the pattern itself where it fits nothing."""
    file, entry, metric = pattern.split(".")
    fitting = [
        name
        for scores in found
        for name in scores
        if name[0] == file and fnmatchcase(name[1], entry) and fnmatchcase(name[2], metric)
    ]
    return list(dict.fromkeys(fitting)) or ([(file, entry, metric)] if always else [])


def _value(score: Score | None) -> str:
    if score is None or score.value is None:
        return NOTHING
    if score.low is None or score.high is None:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def _chance(scores: Mapping[Name, Score], name: Name) -> str:
    """The number's own chance level; of a share of right guesses also the share of the largest class."""
    score, majority = scores.get(name), scores.get((*name[:2], "majority"))
    if score is None or score.chance is None:
        return ABSENT
    levels = [f"{score.chance:.3f}"]
    if majority is not None and score.metric in ("top1", "accuracy"):
        levels.append(f"{majority.number:.3f}")
    return ", ".join(dict.fromkeys(levels))


def _line(cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
