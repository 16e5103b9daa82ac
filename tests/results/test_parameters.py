"""Parameters as flat names."""

from __future__ import annotations

from strata.results.parameters import flat_params


def test_parameters_become_policies_without_dots_or_nulls() -> None:
    values = {"pooling": "max", "extract": {"image_size": None, "gem_p": 3.0, "l2": False}}
    assert flat_params(values, "_") == {
        "pooling": "max",
        "extract_image_size": "none",
        "extract_gem_p": 3.0,
        "extract_l2": "no",
    }


def test_parameters_are_listed_by_their_path() -> None:
    params = flat_params({"layers": ["stem", "late"], "extract": {"levels": 3}})
    assert params == {"layers": "stem, late", "extract.levels": 3}
