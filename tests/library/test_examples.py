"""The examples of the public API and of the README run as they stand, in a project with a finished run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import strata

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = [name for name in strata.__all__ if not isinstance(getattr(strata, name), type)]


def run_examples(test: doctest.DocTest) -> doctest.TestResults:
    return doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_has_examples_that_run(
    name: str, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    tests = doctest.DocTestFinder(recurse=False).find(getattr(strata, name), name, globs={})
    examples = [test for test in tests if test.examples]
    assert examples, f"strata.{name} has no example"
    for test in examples:
        assert run_examples(test).failed == 0


def test_the_readme_runs_as_a_library(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    exec(compile(block, "README.md", "exec"), {})
