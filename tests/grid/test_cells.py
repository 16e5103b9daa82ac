"""Cells by name, their parameters, and which poolings a layer has."""

from __future__ import annotations

from strata.grid.cells import Cell, poolings_of, run_params
from strata.maps.features import LayerInfo

REGIONS = LayerInfo("late", "x", "regions", 8, 14, 14, 3, 3.0, True)


def test_a_cell_has_a_short_name() -> None:
    assert Cell("late", "gem", "raw", "global").name == "late x gem"
    assert Cell("embedding", None, "whitened", "global").name == "embedding, whitened"


def test_a_match_by_region_has_no_pooling_and_no_whitening() -> None:
    assert run_params(Cell("late", None, "centred", "region")) == {
        "pool.center": "true",
        "retrieve.match": "region",
    }


def test_poolings_are_limited_to_what_is_stored() -> None:
    assert poolings_of(REGIONS, ["max", "spoc", "cls", "crow"], 3) == (
        ["max", "cls"],
        ["late: not stored for spoc, crow"],
    )
    vectors = LayerInfo("embedding", "x", "vector", 8, 1, 1, 3, 3.0, False)
    assert poolings_of(vectors, ["max", "rmac"], 3) == ([None], [])
