"""The tables behind the charts."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

from strata.results.comparison import compare_layers
from strata.results.plots import LAYER_COLUMNS, csv_text, layer_tables

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "made_results.py"))


def test_every_measure_has_a_table_with_layers_numbered_in_forward_order() -> None:
    tables = dict(layer_tables(compare_layers(MADE["RESULTS"]), ["stem", "middle", "embedding"]))
    assert tables["detail_map"][1] == {
        "layer": "embedding",
        "order": 2,
        "value": 0.45,
        "low": 0.35,
        "high": 0.55,
        "chance": None,
    }
    assert list(tables) == [
        "class_map",
        "detail_map",
        "ami",
        "nmi",
        "ami_mood",
        "accuracy",
    ]


def test_csv_quotes_what_needs_it_and_leaves_nulls_empty() -> None:
    assert csv_text(("a", "b"), [{"a": 'x, "y"', "b": None}]) == 'a,b\n"x, ""y""",\n'


def test_the_template_of_dvc_plots_draws_the_columns_of_the_tables() -> None:
    folder = Path(__file__).parents[2] / ".dvc" / "plots"
    template = json.loads((folder / "layers.json").read_text(encoding="utf-8"))
    assert set(template["data"]["format"]["parse"]) == set(LAYER_COLUMNS) - {"layer"}
    page = (folder / "offline.html").read_text(encoding="utf-8")
    assert "{plot_divs}" in page
    assert not re.search(r"(src|href)=", page)
