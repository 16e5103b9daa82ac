"""What the comparison of two runs says: a table for people, rows of numbers for CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from strata.results.paired_runs import LEVEL, Row
from strata.results.printed_tables import Cell, Printed

NUMBERS = (
    *("task", "layer", "first", "second", "difference", "low", "high", "p", "p_holm", "smallest_p"),
    *("wins", "ties", "losses", "groups", "note"),
)


def comparison_table(rows: Sequence[Row], first: str, second: str, left_out: Sequence[str] = ()) -> Printed:
    """A row a task and layer: both mAP (the better one marked best), what ``second`` gains over ``first``.

    ``left_out``: what only one of them has, a text each.
    """
    columns = [
        *("task", "layer", f"mAP {first}", f"mAP {second}", "difference", "95 % interval"),
        *("p", "p (Holm)", "won", "tied", "lost"),
    ]
    return Printed(
        columns, [_cells(row) for row in rows], texts=2, notes=[*_notes(rows, first, second), *left_out]
    )


def number_rows(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The same unrounded, by ``NUMBERS``."""
    for row in rows:
        gain, p, smallest, *counts = row.found
        values = (*row[:4], *gain[:3], p, row.p_holm, smallest, *counts, *gain[3:])
        yield dict(zip(NUMBERS, values, strict=True))


def _cells(row: Row) -> list[Cell]:
    gain = row.found.difference
    reach = "–" if gain.low is None or gain.high is None else f"{gain.low:+.3f} to {gain.high:+.3f}"
    difference = f"{row.second - row.first:+.3f}{'' if row.told_apart else ' ≈'}"
    return [
        *(Cell(row.task), Cell(row.layer)),
        *(
            Cell(f"{row.first:.3f}", row.first > row.second),
            Cell(f"{row.second:.3f}", row.second > row.first),
        ),
        *(Cell(difference), Cell(reach)),
        *(Cell(_p(row.found.p)), Cell("–" if row.p_holm is None else _p(row.p_holm))),
        *(Cell(str(count)) for count in (row.found.wins, row.found.ties, row.found.losses)),
    ]


def _p(value: float) -> str:
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def _notes(rows: Sequence[Row], first: str, second: str) -> list[str]:
    notes = [
        f"difference: {second} less {first}; won, tied and lost: queries, from {second}'s side.",
        f"≈: not told apart (p by sign flips over groups, Holm over the table, above {LEVEL:g}).",
    ]
    tests = [row for row in rows if row.p_holm is not None]
    for task in dict.fromkeys(row.task for row in rows):
        own = [row for row in rows if row.task == task]
        groups = own[0].found.difference.n_groups
        notes.append(f"{task}: {sum(own[0].found[3:])} queries in {groups} groups.")
        smallest = min((row.found.smallest_p for row in own if row in tests), default=0.0)
        if smallest * len(tests) > LEVEL:
            notes.append(
                f"{task}: with {groups} groups no p is below {smallest:.2g}, nor after Holm below "
                f"{min(1.0, smallest * len(tests)):.2g}: these rows cannot be told apart."
            )
        if any(row.p_holm is None for row in own):
            same = ", ".join(row.layer for row in own if row.p_holm is None)
            notes.append(f"{task}: no query differs at {same}.")
        reasons = dict.fromkeys(row.found.difference.reason for row in own if row.p_holm is not None)
        notes += [f"{task}: no interval: {reason}." for reason in reasons if reason]
    return notes
