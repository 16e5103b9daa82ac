"""What the page says in words: the answer, the headline tiles, the titles of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from strata.measures.scores import Score
from strata.results.comparison import Comparison, Measure
from strata.results.grid import Grid, GridAnswer, named_rivals
from strata.settings.params import CLASS_TASK, EMBEDDING

GRID_MEASURES = {"map": "mAP", "ami": "AMI", "knn_accuracy": "k-NN accuracy"}


@dataclass(frozen=True)
class Answer:
    """One line of the answer: for this question that layer, with its number and what to be careful about;
    ``grid``: what all cells of the grid say to it."""

    question: str
    layer: str
    number: str
    note: str
    grid: str = ""


@dataclass(frozen=True)
class HeadlineTile:
    """One number of the header."""

    name: str
    value: str
    note: str


def task_title(task: str, facets: Sequence[str]) -> str:
    """A retrieval task as a heading."""
    if task == CLASS_TASK:
        return f"Pictures of the same {facets[0] if facets else 'class'}"
    return f"{task.replace('_', ' ').capitalize()}: the collection’s own queries"


def prompt_title(prompt_set: str) -> str:
    """A prompt set as a tab."""
    return prompt_set.replace("_", " ")


def answers(compared: Comparison, grid: Grid) -> list[Answer]:
    """The answer, one line a question."""
    main = _main_facet(compared)
    measured = {"find": "map", "group": "ami", "name": "knn_accuracy"}
    lines = []
    for measure in compared.answers:
        task = measure.subject if measure.question == "find" else CLASS_TASK
        answer = grid.answer(task, measured[measure.question])
        over_all = "" if answer is None else grid_said(answer)
        question = _question(measure, main)
        lines.append(Answer(question, measure.best.layer, number(measure), caution(measure), over_all))
    return lines


def grid_said(answer: GridAnswer) -> str:
    """The best cell of the grid, its value naive and cross-fitted, and the cells that may be as good."""
    found = answer.numbers
    title = GRID_MEASURES[answer.measure]
    text = f"Of {found['n_cells']} cells of the grid: {answer.best.name}, {title} {found['naive']:.3f}"
    if found["cross_fitted"] is not None:
        text += f" ({found['cross_fitted']:.3f}"
        if found["cross_fitted_low"] is not None:
            text += f" [{found['cross_fitted_low']:.3f}, {found['cross_fitted_high']:.3f}]"
        text += " when chosen on some groups and judged on the others"
        text += f"; best in {100 * (found['p_best'] or 0):.0f} % of bootstrap samples)"
    if answer.rivals is not None:
        text += f"; not told apart: {named_rivals(answer.rivals)}"
    smallest = found["smallest_p"]
    if smallest is not None and smallest > 0.05:
        text += (
            f". {found['n_groups']} groups can tell nothing apart: the smallest possible p is {smallest:.3f}"
        )
    elif smallest is not None and smallest > 0.001:
        text += f". With {found['n_groups']} groups the smallest possible p is {smallest:.3f}"
    return text + "."


def grid_title(answer: GridAnswer, facets: Sequence[str]) -> tuple[str, str]:
    """A question of the grid as a tab and as a heading."""
    main = facets[0] if facets else "class"
    if answer.measure == "map":
        name = main if answer.task == CLASS_TASK else answer.task.replace("_", " ")
        return f"find: {name}", f"{task_title(answer.task, facets)}, mAP"
    if answer.measure == "ami":
        return f"group: {main}", f"Clusters and the {main}, AMI"
    return f"name: {main}", f"Naming the {main} by the nearest pictures, accuracy"


def number(measure: Measure) -> str:
    """``mAP 0.412 [0.352, 0.468], chance 0.062``."""
    best = measure.best
    text = f"{measure.title} {best.number:.3f}"
    if best.low is not None and best.high is not None:
        text += f" [{best.low:.3f}, {best.high:.3f}]"
    if best.chance is not None:
        reference = "naming always the largest class" if measure.question == "name" else "chance"
        text += f", {reference} {best.chance:.3f}" if best.chance else f", {reference} 0"
    return text


def caution(measure: Measure) -> str:
    """Who else might be best, and whether it is above chance at all; "" when there is nothing to say."""
    best, rivals = measure.best, measure.rivals
    words = []
    if best.low is None and best.note is not None:
        words.append(f"no interval ({best.note})")
    if best.chance is not None and best.low is not None and best.low <= best.chance:
        words.append("not clearly above chance")
    if rivals:
        reach = "its interval reaches" if len(rivals) == 1 else "their intervals reach"
        words.append(f"not clearly ahead of {', '.join(rivals)} ({reach} this value)")
    if not words:
        return ""
    text = "; ".join(words)
    return text[0].upper() + text[1:] + "."


def tiles(compared: Comparison, used: int, rejected: int) -> list[HeadlineTile]:
    """The numbers of the header; what the run has no number for is not there."""
    main = _main_facet(compared)
    found = []
    for measure in (compared.finding, compared.grouping, compared.naming):
        if measure is None:
            continue
        best = measure.best
        found.append(HeadlineTile(_tile_name(measure, main), f"{best.number:.3f}", _beside(best)))
        embedding = measure.at(EMBEDDING)
        if measure.question == "find" and embedding and embedding is not best:
            note = f"{measure.title}, the final output"
            found.append(HeadlineTile("The embedding, same task", f"{embedding.number:.3f}", note))
    if (words := compared.words) is not None:
        shown = "top-1" if words.metric == "top1" else "mAP"
        note = f"chance {words.chance:.3f}" if words.chance is not None else ""
        name = f"Zero-shot {shown}, {prompt_title(words.layer)}"
        found.append(HeadlineTile(name, f"{words.number:.3f}", note))
    left_out = f"{rejected or 'none'} left out"
    return [*found, HeadlineTile("Pictures used", str(used), left_out)]


def _main_facet(compared: Comparison) -> str:
    return compared.facets[0] if compared.facets else "class"


def _question(measure: Measure, main: str) -> str:
    if measure.question == "group":
        return f"Best layer for grouping by {main}"
    if measure.question == "name":
        return f"Best layer for naming the {main} with a linear probe"
    if measure.subject == CLASS_TASK:
        return f"Best layer for finding pictures of the same {main}"
    return f"Best layer for finding by the collection’s own queries, “{measure.subject.replace('_', ' ')}”"


def _tile_name(measure: Measure, main: str) -> str:
    if measure.question == "group":
        return f"Grouping by {main}, AMI"
    if measure.question == "name":
        return f"Naming the {main}, accuracy"
    return f"Finding, {main if measure.subject == CLASS_TASK else measure.subject.replace('_', ' ')}, mAP"


def _beside(best: Score) -> str:
    if best.chance:
        return f"{best.layer} · chance {best.chance:.3f}"
    return best.layer
