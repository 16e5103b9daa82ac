"""The best cell of a question, and what can be said of it."""

from __future__ import annotations

import numpy as np
import pytest

from strata.grid.answering import Answer
from strata.grid.cells import Cell
from strata.grid.choosing import choose_cells

GROUPS = [f"g{i}" for i in range(12)]
STEADY = np.linspace(0.2, 0.6, 12)


def answer(pooling: str, values: np.ndarray | None, value: float = 0.0, measure: str = "map") -> Answer:
    mean = value if values is None else float(values.mean())
    return Answer(Cell("late", pooling, "raw", "global"), "class", measure, mean, values, 0.1)  # type: ignore[arg-type]


def test_cells_that_are_clearly_worse_are_told_apart() -> None:
    random = np.random.default_rng(0)
    answers = [
        answer("max", STEADY + 0.2),
        answer("gem", STEADY + 0.2 + random.normal(0, 0.05, 12)),
        answer("avg", STEADY),
    ]
    values, (chosen,) = choose_cells(answers, {"class": GROUPS})
    assert {chosen.best.cell.pooling, *(cell.pooling for cell in chosen.rivals)} == {"max", "gem"}
    assert sum(value.p_best or 0 for value in values) == pytest.approx(1)
    assert [value.p_apart for value in values if value.answer is chosen.best] == [1.0]


def test_a_lucky_cell_is_worth_less_where_it_was_not_chosen() -> None:
    random = np.random.default_rng(1)
    answers = [answer(str(i), random.random(12)) for i in range(40)]
    _, (chosen,) = choose_cells(answers, {"class": GROUPS})
    assert chosen.choice is not None
    fair = chosen.choice.cross_fitted.mean
    assert fair is not None
    assert fair < 0.6 < chosen.best.value


def test_a_measure_of_all_pictures_has_a_best_and_no_doubt_to_measure() -> None:
    values, (chosen,) = choose_cells(
        [answer("max", None, 0.3, "ami"), answer("gem", None, 0.4, "ami")], {"class": GROUPS}
    )
    assert (chosen.best.cell.pooling, chosen.choice, chosen.rivals) == ("gem", None, [])
    assert values[0].interval.reason == "one number for all pictures: there is nothing to cross-fit over"
