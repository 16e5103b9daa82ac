"""Two runs compared: queries are paired by name, chance is not told apart, others are refused."""

from __future__ import annotations

import doctest
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.collection.tables import tables_from_rows
from strata.measures.intervals import t_interval
from strata.measures.scores import Policy, Scored
from strata.results import printed_tables
from strata.results.paired_runs import RunTables, compare_runs, only_in_one, paired_values, unlike
from strata.results.paired_tables import NUMBERS, comparison_table, number_rows
from strata.results.printed_tables import Cell, Printed, as_latex, as_markdown, as_text

N = 24
GROUPS = [f"g{i % 8}" for i in range(N)]


def run(name: str, layers: dict[str, Any], order: Any = range(N), **policies: str) -> RunTables:
    """``layers``: layer -> (24,) AP of the queries, whose rows stand in ``order``."""
    order = list(order)
    per_query = {
        layer: pa.table(
            {
                "task": ["detail"] * N,
                "space": ["full"] * N,
                "query_id": [f"q{i:02d}" for i in order],
                "group": [GROUPS[i] for i in order],
                "n_positives": pa.array([3] * N, pa.int64()),
                "ap_step": pa.array([values[i] for i in order], pa.float64(), from_pandas=True),
                "ap_trapezoid": pa.array(np.zeros(N)),
            }
        )
        for layer, values in layers.items()
    }
    told = {"ap": "step", "junk": "skip", "self_match": "exclude", **policies}
    rows = [Policy(key, value, layer, "detail") for layer in layers for key, value in told.items()]
    images = [{"image_id": "p", "path": "p", "labels": [], "status": "ok"}]
    queries = [{"query_id": f"q{i:02d}", "image_id": "p", "group": GROUPS[i]} for i in range(N)]
    return RunTables(
        name, per_query, Scored(policies=rows), tables_from_rows(images, queries), {"ap": "step"}
    )


def drawn(seed: int) -> list[float]:
    return np.random.default_rng(seed).uniform(0.2, 0.6, N).tolist()


def test_the_difference_is_that_of_the_second_over_the_first() -> None:
    one, other = np.array(drawn(0)), np.array(drawn(0)) + 0.1 + 0.05 * np.arange(N) / N
    (row,) = compare_runs(run("a", {"late": one}), run("b", {"late": other}))
    assert row.second - row.first == pytest.approx((other - one).mean())
    assert row.found.difference == t_interval(other - one, GROUPS, -1, 1)
    assert (row.found.wins, row.found.ties, row.found.losses) == (N, 0, 0)
    assert row.told_apart
    assert row.found.p == row.found.smallest_p == 2 / 2**8


@given(st.permutations(range(N)))
def test_queries_are_paired_by_name_and_not_by_place(order: list[int]) -> None:
    one, other = drawn(0), drawn(1)
    straight = compare_runs(run("a", {"late": one}), run("b", {"late": other}))
    (shuffled,) = compare_runs(run("a", {"late": one}), run("b", {"late": other}, order))
    assert shuffled.found == straight[0].found


def test_p_is_adjusted_over_the_table_without_rows_where_nothing_differs() -> None:
    one, better = np.array(drawn(0)), np.array(drawn(0)) + 0.1
    first = run("a", {"stem": one, "late": one, "early": one})
    second = run("b", {"stem": one, "late": better, "early": drawn(3)})
    stem, late, early = compare_runs(first, second)
    assert (stem.p_holm, stem.told_apart) == (None, False)
    assert late.p_holm == pytest.approx(2 * late.found.p)
    assert early.p_holm == early.found.p > 0.05
    assert late.told_apart
    assert not early.told_apart


def test_a_query_without_positives_is_left_out() -> None:
    values = [math.nan, *drawn(0)[1:]]
    (row,) = compare_runs(run("a", {"late": values}), run("b", {"late": values}))
    assert sum(row.found[3:]) == N - 1
    assert row.first == pytest.approx(np.nanmean(values))


def test_the_ap_is_the_protocols() -> None:
    first, second = (run(name, {"late": drawn(0)}, ap="trapezoid") for name in "ab")
    assert compare_runs(first, second)[0].first == 0


def test_runs_that_were_asked_different_things_are_refused_and_it_says_which() -> None:
    first, second = run("a", {"late": drawn(0)}), run("b", {"late": drawn(1)}, junk="negative")
    assert unlike(first, second) == ["detail: junk (skip in a; negative in b)"]
    rows = first.tables.queries.to_pylist()
    fewer = replace(first.tables, queries=first.tables.queries.slice(1))
    assert unlike(first, replace(first, tables=fewer)) == [
        "queries (1 in the first alone, 0 in the second alone)"
    ]
    regrouped = tables_from_rows(first.tables.images.to_pylist(), [{**row, "group": "g"} for row in rows])
    assert unlike(first, replace(first, tables=regrouped)) == ["queries (column group)"]
    assert "protocol" in unlike(first, replace(first, protocol={"ap": "trapezoid"}))[0]
    with pytest.raises(StrataError, match=r"^a and b were asked different things.*detail: junk"):
        compare_runs(first, second)


def test_queries_with_other_numbers_of_positives_are_refused() -> None:
    first, second = run("a", {"late": drawn(0)}), run("b", {"late": drawn(1)})
    table = second.per_query["late"]
    place = table.schema.names.index("n_positives")
    changed = table.set_column(place, "n_positives", pa.array([4] * N, pa.int64()))
    with pytest.raises(StrataError, match="a and b: detail queries differ at late: column n_positives"):
        compare_runs(first, replace(second, per_query={"late": changed}))


def test_no_layer_in_common_names_what_there_is() -> None:
    with pytest.raises(StrataError, match="a has detail, late; b has detail, stem"):
        compare_runs(run("a", {"late": drawn(0)}), run("b", {"stem": drawn(0)}))


def test_what_only_one_run_has_is_said() -> None:
    first, second = run("a", {"late": drawn(0), "stem": drawn(1)}), run("b", {"late": drawn(0)})
    assert only_in_one(first, second) == ["stem: only in a."]
    notes = comparison_table(compare_runs(first, second), "a", "b", only_in_one(first, second)).notes
    assert notes[-1] == "stem: only in a."


def test_two_layers_can_be_paired() -> None:
    both = run("a", {"late": drawn(0), "stem": drawn(1)})
    one, other, groups = paired_values(both, both, "detail", ("late", "stem"))
    assert (one.tolist(), other.tolist(), groups) == (drawn(0), drawn(1), GROUPS)


def test_the_table_marks_the_better_run_and_what_is_not_told_apart() -> None:
    one = np.array(drawn(0))
    first = run("max", {"late": one, "stem": one, "early": one})
    rows = compare_runs(first, run("gem", {"late": one + 0.1, "stem": drawn(3), "early": one}))
    table = comparison_table(rows, "max", "gem")
    late, stem, early = ([cell.text for cell in row] for row in table.rows)
    assert late[4:6] == ["+0.100", "–"]
    assert stem[4].endswith(" ≈")
    assert early[4:8] == ["+0.000 ≈", "–", "1.000", "–"]
    assert [cell.best for cell in table.rows[0]][2:4] == [False, True]
    assert not any(cell.best for cell in table.rows[2])
    assert "detail: 24 queries in 8 groups." in table.notes
    assert "detail: no query differs at early." in table.notes
    numbers = list(number_rows(rows))
    assert tuple(numbers[0]) == NUMBERS
    assert numbers[0]["difference"] == pytest.approx(0.1)
    assert numbers[0]["groups"] == 8


def test_the_table_says_when_groups_are_too_few_to_tell_anything_apart() -> None:
    layers = {f"l{i}": drawn(i) for i in range(7)}
    rows = compare_runs(run("a", layers), run("b", {name: drawn(9) for name in layers}))
    notes = comparison_table(rows, "a", "b").notes
    assert "detail: with 8 groups no p is below 0.0078, nor after Holm below 0.055" in " ".join(notes)


def test_the_same_cells_as_text_markdown_and_latex() -> None:
    table = Printed(["task", "mAP a_b"], [[Cell("x|y"), Cell("-0.1 ≈", best=True)]], notes=["see 1 %"])
    assert as_text(table) == "task  mAP a_b\nx|y   -0.1 ≈*\nsee 1 %"
    assert as_markdown(table).splitlines() == [
        "| task | mAP a_b |", "|---|---:|", "| x/y | **-0.1 ≈** |", "", "see 1 %"
    ]  # fmt: skip
    assert as_latex(table).splitlines() == [
        "% see 1 %",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"task & mAP a\_b \\",
        r"\midrule",
        r"x\textbar{}y & \textbf{$-$0.1 $\approx$} \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_the_examples_give_what_they_say() -> None:
    assert doctest.testmod(printed_tables).failed == 0
