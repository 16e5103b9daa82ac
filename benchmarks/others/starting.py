"""Install a peer's environment, start its script there, and have it do its work round by round."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def install(name: str, folder: Path) -> str:
    """Make the environment ``folder/name`` if it is not there; returns why it cannot be had, '' if it can."""
    done = subprocess.run(
        ["bash", str(HERE / "install.sh"), str(folder), sys.executable, name], capture_output=True, text=True
    )
    failed = folder / name / "failed"
    if failed.is_file():
        return failed.read_text(encoding="utf-8").strip()
    return "" if done.returncode == 0 else _last_line(done.stderr)


class Peer:
    """A peer's running script (``serving``): ``seconds`` has it do its work once more.

    Raises ChildProcessError with the last line it wrote when it ends before it answers.
    """

    def __init__(self, environment: Path, script: str, *arguments: str | Path) -> None:
        self._log = open(environment / f"{script}.log", "w+", encoding="utf-8")  # noqa: SIM115 - till the end
        self._process = subprocess.Popen(
            [environment / "bin" / "python", "-m", f"benchmarks.others.{script}", *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Peer:
        self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
        self._log.close()

    def seconds(self) -> float:
        """What its work took this time, by its own clock."""
        assert self._process.stdin is not None
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        return float(self._answer()["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # some peers say things of their own on the way
                answer: dict[str, Any] = json.loads(line)
                return answer
        self._process.wait()
        self._log.seek(0)
        raise ChildProcessError(_last_line(self._log.read()))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it ended without a word"])[-1]
