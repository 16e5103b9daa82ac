"""The examples in the docstrings of measures run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import strata.measures

MODULES = [module.name for module in pkgutil.iter_modules(strata.measures.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"strata.measures.{name}")).failed == 0
