"""Is ``dvc.lock`` the record of this code, these parameters and data? ``python -m stages.freshness``.

Run it before any ``dvc repro``, which would bring the lock up to date. It asks DVC which stages it would run
and wants the positive answer that everything is up to date: exit codes alone, and ``dvc status``, lie.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from strata.errors import StrataError

UP_TO_DATE = "Data and pipelines are up to date."
RUNNING = re.compile(r"Running stage '([^']+)'")


def main() -> str:
    """One dry run; StrataError names the stages whose record is out of date."""
    if not Path("dvc.lock").is_file():
        raise StrataError("there is no dvc.lock; run `dvc repro` and commit dvc.lock and metrics/")
    dvc = Path(sys.executable).with_name("dvc")
    command = [str(dvc), "repro", "--dry", "--allow-missing"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StrataError(f"{dvc}: no DVC beside this Python; run `make test`, which installs it") from None
    if done.returncode == 0 and UP_TO_DATE in done.stdout:
        return "dvc.lock is up to date"
    stages = RUNNING.findall(done.stdout)
    if stages:
        raise StrataError(
            f"dvc.lock is out of date; run `dvc repro` and commit it. It would run: {', '.join(stages)}"
        )
    raise StrataError(
        f"DVC cannot tell whether dvc.lock is up to date: {_last_line(done.stderr or done.stdout)}"
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next(
        (line for line in reversed(lines) if line.startswith("ERROR")),
        lines[-1] if lines else "it said nothing",
    )


if __name__ == "__main__":
    try:
        print(f"freshness: {main()}")
    except StrataError as error:
        sys.exit(f"freshness: error: {error}")
