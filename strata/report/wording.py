"""What the page says in words: the answers, what is not told apart from them, titles of tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strata.measures.scores import Score
from strata.results.comparison import Comparison, Measure
from strata.results.grid import Grid, GridAnswer, named_rivals
from strata.settings.params import CLASS_TASK

GRID_MEASURES = {"map": "mAP", "ami": "AMI", "knn_accuracy": "k-NN accuracy"}
ASKED_OF_THE_GRID = {"find": "map", "group": "ami", "name": "knn_accuracy"}
ROUNDING = 1e-3  # of the numbers of a run and of its grid
FEW = 3  # rivals that an answer names; the grid's own section names more


@dataclass(frozen=True)
class Answer:
    """One line of the answer: to this question this layer (or cell of the grid) has the ``highest`` number,
    "" where there is only one; ``notes``: what is not told apart from it, and what to be careful about."""

    question: str
    highest: str
    number: str
    notes: list[str]

    @property
    def measure(self) -> str:
        """What the number is called."""
        return self.number.partition(" ")[0]


def task_title(task: str, facets: Sequence[str]) -> str:
    """A retrieval task as a heading."""
    if task == CLASS_TASK:
        return f"Pictures of the same {facets[0]}" if facets else "Whole pictures"
    return f"{task.replace('_', ' ').capitalize()}: the collection’s own queries"


def prompt_title(prompt_set: str) -> str:
    """A prompt set as a tab."""
    return prompt_set.replace("_", " ")


def answers(compared: Comparison, grid: Grid, pooling: str) -> list[Answer]:
    """The answer, one line a question; ``pooling``: of this run, whose layers are named beside the grid's."""
    main = compared.facets[0] if compared.facets else "class"
    lines = []
    for measure in compared.answers:
        task = measure.subject if measure.question == "find" else CLASS_TASK
        answer = grid.answer(task, ASKED_OF_THE_GRID[measure.question])
        question = _question(measure, main)
        if answer is None or measure.question == "name":
            nearest = [] if answer is None else [f"By the nearest pictures: {_cell_said(answer)}"]
            own = [caution(measure), *nearest]
            lines.append(Answer(question, measure.best.layer, number(measure), [n for n in own if n]))
        elif task != CLASS_TASK and measure.best.number > (answer.numbers["naive"] or 0.0) + ROUNDING:
            others = f"of its cells the highest is {_cell_said(answer)}"
            own = [caution(measure), f"By a match that the grid does not have; {others}"]
            lines.append(Answer(question, measure.best.layer, number(measure), [n for n in own if n]))
        else:
            notes = [*_apart(answer), f"This run ({pooling}): {_run_said(measure)}"]
            lines.append(Answer(question, answer.best.name, _grid_number(answer), notes))
    if (words := compared.words) is not None:
        shown = Measure("name", words.layer, "top-1" if words.metric == "top1" else "mAP", [words])
        asked = f"Naming by text alone, prompt set “{prompt_title(words.layer)}”"
        lines.append(Answer(asked, "", _with_chance(shown.title, words), []))
    return lines


def _grid_number(answer: GridAnswer) -> str:
    found = answer.numbers
    row = Score("", found["naive"], found["naive_low"], found["naive_high"], found["chance"])
    return _with_chance(GRID_MEASURES[answer.measure], row)


def _apart(answer: GridAnswer) -> Iterator[str]:
    """Which cells may be as good; what is left of the value when cells are chosen and judged apart."""
    found = answer.numbers
    n_cells = int(found["n_cells"] or 1)
    if n_cells == 1:
        yield "The only combination that was scored."
    elif answer.rivals is None:
        yield f"The highest of {n_cells} combinations; nothing says how far it is ahead of the others."
    elif answer.rivals:
        named, more = "; ".join(answer.rivals[:FEW]), len(answer.rivals) - FEW
        rest = f"; and {more} more" if more > 0 else ""
        yield f"Not told apart from it, of {n_cells} combinations: {named}{rest}."
    else:
        yield f"Told apart from all {n_cells - 1} other combinations."
    low, chance = found["naive_low"], found["chance"]
    if low is not None and chance is not None and low <= chance:
        yield "Not clearly above chance."
    if found["cross_fitted"] is not None:
        yield f"Chosen on some groups and judged on the others: {found['cross_fitted']:.3f}."


def _cell_said(answer: GridAnswer) -> str:
    return f"{answer.best.name}, {_grid_number(answer)}. {' '.join(_apart(answer))}"


def _run_said(measure: Measure) -> str:
    best = measure.best
    said = f"{best.layer} {best.number:.3f}"
    if best.low is not None and best.high is not None:
        said += f" [{best.low:.3f}, {best.high:.3f}]"
    named = ", ".join(measure.rivals)
    return f"{said}; not told apart: {named}." if named else f"{said}."


def grid_said(answer: GridAnswer) -> str:
    """The highest cell of the grid, its value naive and cross-fitted, and the cells that may be as good."""
    found = answer.numbers
    title = GRID_MEASURES[answer.measure]
    text = f"Of {found['n_cells']} cells of the grid: {answer.best.name}, {title} {found['naive']:.3f}"
    if found["cross_fitted"] is not None:
        text += f" ({found['cross_fitted']:.3f}"
        if found["cross_fitted_low"] is not None:
            text += f" [{found['cross_fitted_low']:.3f}, {found['cross_fitted_high']:.3f}]"
        text += " when chosen on some groups and judged on the others"
        text += f"; highest in {100 * (found['p_best'] or 0):.0f} % of bootstrap samples)"
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
    reference = "naming always the largest class" if measure.question == "name" else "chance"
    return _with_chance(measure.title, measure.best, reference)


def _with_chance(title: str, best: Score, reference: str = "chance") -> str:
    text = f"{title} {best.number:.3f}"
    if best.low is not None and best.high is not None:
        text += f" [{best.low:.3f}, {best.high:.3f}]"
    if best.chance is not None:
        text += f", {reference} {best.chance:.3f}" if best.chance else f", {reference} 0"
    return text


def caution(measure: Measure) -> str:
    """Which other layers may be as good, and whether it is above chance at all."""
    best, rivals = measure.best, measure.rivals
    words = []
    if best.low is None:
        note = f" ({best.note})" if best.note else ""
        ahead = "" if len(measure.scores) == 1 else ", so nothing says how far it is ahead of the others"
        words.append(f"no interval{note}{ahead}")
    if best.chance is not None and best.low is not None and best.low <= best.chance:
        words.append("not clearly above chance")
    if rivals:
        reach = "its interval reaches" if len(rivals) == 1 else "their intervals reach"
        words.append(f"not told apart from {', '.join(rivals)} ({reach} this value)")
    if not words:
        return ""
    text = "; ".join(words)
    return text[0].upper() + text[1:] + "."


def _question(measure: Measure, main: str) -> str:
    if measure.question == "group":
        return f"Grouping by {main}"
    if measure.question == "name":
        return f"Naming the {main} with a linear probe"
    if measure.subject == CLASS_TASK:
        return f"Finding pictures of the same {main}"
    return f"Finding by the collection’s own queries, “{measure.subject.replace('_', ' ')}”"
