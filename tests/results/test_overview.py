"""All runs side by side: what stands in which table, and what is bold."""

from __future__ import annotations

from typing import Any

from strata.results.overview import NUMBERS, FinishedRun, Overview, number_rows, overviews, printed


def run(name: str, value: float, *, layers: tuple[str, ...] = ("stem", "late"), **params: Any) -> FinishedRun:
    """A run whose class mAP rises from layer to layer, from ``value`` on."""
    own = {
        layer: {
            "class_n_queries": 9,
            "class_map": value + 0.1 * place,
            "class_map_low": value - 0.1,
            "class_map_high": value + 0.1,
            "class_map_chance": 0.05,
        }
        for place, layer in enumerate(layers)
    }
    told = {"dataset": "demo", "pooling": "max", "pool": {"center": False}, "layers": list(layers), **params}
    clusters = {layer: {"ami": value} for layer in layers}
    return FinishedRun(name, "c" * 40, told, {"retrieval": own, "clusters": clusters}, experiment=True)


def texts(table: Overview) -> list[list[str]]:
    return [[cell.text + "*" * cell.best for cell in row] for row in printed(table).rows]


def test_a_row_is_a_run_a_column_a_layer_and_the_best_is_bold() -> None:
    found, grouped = overviews([run("HEAD", 0.2), run("gem", 0.3, pooling="gem")])
    assert (found.dataset, found.question) == ("demo", "mAP of class queries")
    assert (found.params, found.layers) == (["pooling"], ["stem", "late"])
    assert texts(found) == [["HEAD", "max", "0.200", "0.300"], ["gem", "gem", "0.300*", "0.400*"]]
    assert grouped.question == "AMI of the clusters"


def test_layers_stand_as_params_say_and_a_run_may_lack_one() -> None:
    runs = [run("HEAD", 0.2), run("other", 0.1, layers=("late", "embedding"))]
    found, _ = overviews(runs)
    assert found.layers == ["stem", "late", "embedding"]
    assert found.params == []
    assert texts(found) == [["HEAD", "0.200", "0.300*", "–"], ["other", "–", "0.100", "0.200"]]


def test_data_sets_have_tables_of_their_own() -> None:
    tables = overviews([run("HEAD", 0.2), run("oxford", 0.1, dataset="oxford5k")])
    assert [table.dataset for table in tables] == ["demo", "demo", "oxford5k", "oxford5k"]
    assert all(len(table.entries) == 1 for table in tables)


def test_nested_parameters_that_differ_are_named_by_their_path() -> None:
    found, _ = overviews([run("HEAD", 0.2), run("centred", 0.2, pool={"center": True})])
    assert found.params == ["pool.center"]
    assert [entry.params for entry in found.entries] == [["no"], ["yes"]]


def test_every_number_comes_with_its_bounds() -> None:
    rows = list(number_rows(overviews([run("HEAD", 0.2)])))
    assert tuple(rows[0]) == NUMBERS
    assert (rows[0]["layer"], rows[0]["value"], rows[0]["low"], rows[0]["chance"]) == ("stem", 0.2, 0.1, 0.05)
    assert rows[-1]["low"] is None
