"""What the page says in words: the answer, the headline tiles, the titles of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from strata.results.headline import (
    CLASS_TASK,
    EMBEDDING,
    Answer,
    Results,
    answers,
    main_prompt_set,
    main_task,
)
from strata.results.summary import Measure, Reading, read


@dataclass(frozen=True)
class Said:
    """One line of the answer: for this question that layer, with its number and what to be careful about."""

    question: str
    layer: str
    number: str
    note: str


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


def said(results: Results) -> list[Said]:
    """The answer, one line a question."""
    return [
        Said(_question(answer.measure, results), answer.best.layer, number(answer), caution(answer))
        for answer in answers(results)
    ]


def number(answer: Answer) -> str:
    """``mAP 0.412 [0.352, 0.468], chance 0.062``."""
    best, measure = answer.best, answer.measure
    text = f"{measure.title} {best.value:.3f}"
    if best.low is not None and best.high is not None:
        text += f" [{best.low:.3f}, {best.high:.3f}]"
    if best.chance is not None:
        reference = "naming always the largest class" if measure.question == "name" else "chance"
        text += f", {reference} {best.chance:.3f}" if best.chance else f", {reference} 0"
    return text


def caution(answer: Answer) -> str:
    """Who else might be best, and whether it is above chance at all; "" when there is nothing to say."""
    best = answer.best
    words = []
    if best.chance is not None and best.low is not None and best.low <= best.chance:
        words.append("not clearly above chance")
    if answer.rivals:
        reach = "its interval reaches" if len(answer.rivals) == 1 else "their intervals reach"
        words.append(f"not clearly ahead of {', '.join(answer.rivals)} ({reach} this value)")
    if not words:
        return ""
    text = "; ".join(words)
    return text[0].upper() + text[1:] + "."


def tiles(results: Results, used: int, rejected: int) -> list[HeadlineTile]:
    """The numbers of the header; what the run has no number for is not there."""
    found = []
    task = main_task(results)
    for answer in answers(results):
        measure = answer.measure
        if measure.question == "find" and measure != task:
            continue
        found.append(
            HeadlineTile(_tile_name(measure, results), f"{answer.best.value:.3f}", _beside(answer.best))
        )
        if measure.question == "find":
            found += [
                HeadlineTile(
                    "The embedding, same task", f"{reading.value:.3f}", f"{measure.title}, the final output"
                )
                for reading in read(results.retrieval, measure)
                if reading.layer == EMBEDDING and reading.layer != answer.best.layer
            ]
    main_set = main_prompt_set(results.zeroshot)
    if main_set is not None:
        values = results.zeroshot[main_set]
        name = "top1" if "top1" in values else "map"
        chance = values.get("chance")
        note = f"chance {chance:.3f}" if isinstance(chance, (int, float)) else ""
        shown = "top-1" if name == "top1" else "mAP"
        found.append(
            HeadlineTile(f"Zero-shot {shown}, {prompt_title(main_set)}", f"{values[name]:.3f}", note)
        )
    found.append(
        HeadlineTile("Pictures used", str(used), f"{rejected} left out" if rejected else "none left out")
    )
    return found


def _question(measure: Measure, results: Results) -> str:
    main = results.facets[0] if results.facets else "class"
    if measure.question == "group":
        return f"Best layer for grouping by {main}"
    if measure.question == "name":
        return f"Best layer for naming the {main} with a linear probe"
    if measure.subject == CLASS_TASK:
        return f"Best layer for finding pictures of the same {main}"
    return f"Best layer for finding by the collection’s own queries, “{measure.subject.replace('_', ' ')}”"


def _tile_name(measure: Measure, results: Results) -> str:
    main = results.facets[0] if results.facets else "class"
    if measure.question == "group":
        return f"Grouping by {main}, AMI"
    if measure.question == "name":
        return f"Naming the {main}, accuracy"
    return f"Finding, {main if measure.subject == CLASS_TASK else measure.subject.replace('_', ' ')}, mAP"


def _beside(best: Reading) -> str:
    if best.chance:
        return f"{best.layer} · chance {best.chance:.3f}"
    return best.layer
