"""Run the campaigns in turn: python -m torture --minutes 2 --seed 1 [--only flips,pictures].

A campaign is a module of this package with ``run(seed, until) -> (tries, failures)``: it tries until
``time.monotonic()`` passes ``until`` and gives a line a failure. The same seed makes the same tries, as far
as the clock lets them come.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import random
import sys
import time
from collections.abc import Callable

CAMPAIGNS = ("flips", "pictures", "archives", "transfers")
Run = Callable[[int, float], tuple[int, list[str]]]
SHOWN = 20  # failures of a campaign


def main() -> None:
    """Run what was asked for; print each failure and a Markdown table; exit 1 when there was one."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0, help="of all campaigns together")
    parser.add_argument("--seed", type=int, default=None, help="default: drawn and printed")
    there = [name for name in CAMPAIGNS if importlib.util.find_spec(f"torture.{name}")]
    parser.add_argument("--only", type=lambda text: text.split(","), default=there, metavar="A,B")
    asked = parser.parse_args()
    if unknown := set(asked.only) - set(there):
        parser.error(f"no campaign {', '.join(sorted(unknown))}; there are {', '.join(there)}")
    seed = random.SystemRandom().randrange(2**31) if asked.seed is None else asked.seed
    print(f"torture: seed {seed}, {asked.minutes:g} minutes, {', '.join(asked.only)}", flush=True)
    runs = {name: importlib.import_module(f"torture.{name}").run for name in asked.only}
    table, failures = campaign_table(runs, seed, 60 * asked.minutes)
    for failure in failures:
        print(f"torture: failed: {failure}", file=sys.stderr)
    print(table)
    sys.exit(bool(failures))


def campaign_table(runs: dict[str, Run], seed: int, seconds: float) -> tuple[str, list[str]]:
    """Run the campaigns, each for an equal part of what is left; a Markdown table and the failures."""
    end = time.monotonic() + seconds
    rows, shown = ["| campaign | tries | failures | seconds |", "|---|--:|--:|--:|"], []
    for i, (name, run) in enumerate(runs.items()):
        started = time.monotonic()
        tries, failures = run(seed, started + max(0.0, end - started) / (len(runs) - i))
        rows.append(f"| {name} | {tries:,} | {len(failures):,} | {time.monotonic() - started:.0f} |")
        shown += [f"{name}: {failure}" for failure in failures[:SHOWN]]
        if not tries:
            shown.append(f"{name}: not one try")
    return "\n".join(rows), shown


if __name__ == "__main__":
    main()
