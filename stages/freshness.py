"""Is ``dvc.lock`` the record of this code, these parameters and data? ``python -m stages.freshness``.

Run it before any ``dvc repro``, which would bring the lock up to date. It asks DVC which stages it would run
and wants the positive answer that everything is up to date: exit codes alone, and ``dvc status``, lie.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from strata.base.errors import StrataError

UP_TO_DATE = "Data and pipelines are up to date."
STAGE = re.compile(r"(?:Running stage|failed to reproduce) '([^']+)'")


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
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    said = " ".join(" ".join(errors or [done.stderr]).split())
    because = f" ({said})" if said else ""
    stages = dict.fromkeys(STAGE.findall(done.stdout + done.stderr))
    if not stages:
        raise StrataError(f"DVC cannot tell whether dvc.lock is up to date{because}")
    raise StrataError(
        f"dvc.lock is out of date at {', '.join(stages)}; run `dvc repro` and commit it{because}"
    )


if __name__ == "__main__":
    try:
        print(f"freshness: {main()}")
    except StrataError as error:
        sys.exit(f"freshness: error: {error}")
