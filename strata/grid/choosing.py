"""Every number of the grid with its interval, and for each question the best cell and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from strata.grid.answering import Answer
from strata.grid.cells import Cell
from strata.measures.choice import Choice, choose
from strata.measures.intervals import Interval, t_interval

ONE_NUMBER = "one number for all pictures: there is nothing to cross-fit over"


@dataclass(frozen=True)
class Valued:
    """A number of a cell. ``p_best``: how often a bootstrap of the groups has it first; ``p_apart``: p that
    it is as good as the best, all cells considered; None where nothing can be resampled."""

    answer: Answer
    interval: Interval
    p_best: float | None
    p_apart: float | None


@dataclass(frozen=True)
class Chosen:
    """The best cell of a question. ``choice``: None where there is only one number a cell."""

    task: str
    measure: str
    best: Answer
    cells: list[Cell]
    choice: Choice | None

    @property
    def rivals(self) -> list[Cell]:
        """The cells that are not told apart from the best."""
        return [] if self.choice is None else [self.cells[cell] for cell in self.choice.not_told_apart]


def choose_cells(
    answers: Sequence[Answer], groups: Mapping[str, Sequence[str]]
) -> tuple[list[Valued], list[Chosen]]:
    """Every number and every question's best. ``groups``: task -> (Q,) group of every query."""
    values: list[Valued] = []
    chosen: list[Chosen] = []
    for task, measure in dict.fromkeys((answer.task, answer.measure) for answer in answers):
        own = [answer for answer in answers if (answer.task, answer.measure) == (task, measure)]
        cells = [answer.cell for answer in own]
        table = [answer.values for answer in own if answer.values is not None]
        if not table:
            best = max(own, key=lambda answer: answer.value)
            chosen.append(Chosen(task, measure, best, cells, None))
            values += [
                Valued(answer, Interval(answer.value, None, None, 0, ONE_NUMBER), None, None)
                for answer in own
            ]
            continue
        choice = choose(np.array(table), groups[task])
        chosen.append(Chosen(task, measure, own[choice.best], cells, choice))
        for number, answer in enumerate(own):
            interval = t_interval(table[number], groups[task])
            p_best, p_apart = float(choice.p_best[number]), float(choice.p_apart[number])
            values.append(Valued(answer, interval, p_best, p_apart))
    return values, chosen
