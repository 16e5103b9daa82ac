"""The recipes of docs/extending.md as changes that can be made to a copy of the project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^(?:(?P<new>New file )?`(?P<path>[^`]+)`:\n\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```", re.M | re.S
)


@dataclass(frozen=True)
class Recipe:
    """``files``: path and content of new ones; ``diffs``: path and diff; ``commands``: lines to run."""

    files: list[tuple[str, str]]
    diffs: list[tuple[str, str]]
    commands: list[str]

    @property
    def touched(self) -> int:
        """How many files are written or changed."""
        return len({path for path, _ in (*self.files, *self.diffs)})

    @property
    def changed_lines(self) -> int:
        """Lines added to or taken out of files that are there."""
        return sum(line.startswith(("+", "-")) for _, diff in self.diffs for line in diff.splitlines())

    def apply(self, root: Path) -> None:
        """Write the new files and make the changes; AssertionError where a diff does not fit once."""
        for name, content in self.files:
            assert not (root / name).exists(), name
            (root / name).write_text(content, encoding="utf-8")
        for name, diff in self.diffs:
            lines = diff.splitlines(keepends=True)
            before = "".join(line[1:] or "\n" for line in lines if not line.startswith("+"))
            after = "".join(line[1:] or "\n" for line in lines if not line.startswith("-"))
            text = (root / name).read_text(encoding="utf-8")
            assert text.count(before) == 1, f"{name}: it holds {text.count(before)} times:\n{before}"
            (root / name).write_text(text.replace(before, after), encoding="utf-8")


def recipes() -> dict[str, Recipe]:
    """Heading -> recipe."""
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    _, *sections = re.split(r"^## ", text, flags=re.M)
    return {section.partition("\n")[0]: _read(section) for section in sections}


def _read(section: str) -> Recipe:
    files, diffs, commands = [], [], []
    for block in BLOCK.finditer(section):
        path, kind, content = block["path"], block["kind"], block["text"]
        if kind == "bash":
            commands += content.splitlines()
        elif block["new"]:
            files.append((path, content))
        else:
            assert path, f"a {kind} block without a file: {content}"
            assert kind == "diff", path
            diffs.append((path, content))
    return Recipe(files, diffs, commands)
