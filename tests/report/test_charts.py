"""Geometry of the layer charts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strata.measures.scores import Score
from strata.report.charts import HEIGHT, LEFT, TOP, WIDTH, axis_labels, layer_panel, mark_title, scale_for

shares = st.floats(-0.2, 1, allow_nan=False)
scores = st.lists(
    st.builds(
        lambda name, value, width, chance: Score(
            "map", value, value - width, value + width, chance, layer=name
        ),
        st.text("abc.0", min_size=1, max_size=40),
        shares,
        st.floats(0, 0.2),
        st.floats(0, 1),
    ),
    min_size=1,
    max_size=14,
)


@given(scores)
def test_everything_drawn_lies_inside_the_axes(found: list[Score]) -> None:
    panel = layer_panel("detail", "mAP", found, scale_for(found))
    for mark in panel.marks:
        assert LEFT <= mark.x <= WIDTH
        assert mark.low_y is not None
        assert mark.high_y is not None
        assert TOP - 0.01 <= mark.high_y <= mark.y <= mark.low_y <= panel.bottom + 0.01 < HEIGHT
    assert sum(mark.best for mark in panel.marks) == 1


@given(scores)
def test_an_axis_has_two_to_seven_ticks_and_holds_zero(found: list[Score]) -> None:
    ticks = scale_for(found).ticks()
    assert 2 <= len(ticks) <= 7
    assert ticks[0] <= 0 <= ticks[-1]


def test_a_higher_value_stands_higher() -> None:
    found = [Score("map", 0.2, layer="a"), Score("map", 0.4, layer="b")]
    low, high = layer_panel("t", "mAP", found, scale_for(found)).marks
    assert high.y < low.y
    assert high.best
    assert not low.best


def test_a_missing_interval_or_chance_is_not_drawn() -> None:
    found = [Score("map", 0.2, layer="a")]
    panel = layer_panel("t", "mAP", found, scale_for(found))
    assert panel.marks[0].low_y is None
    assert panel.chance == ""
    assert panel.guessing == ""


def test_the_dashed_line_is_named_with_its_value_or_range() -> None:
    found = [Score("map", 0.2, chance=0.05, layer="a"), Score("map", 0.3, chance=0.05, layer="b")]
    assert layer_panel("t", "mAP", found, scale_for(found)).guessing == "chance 0.05"
    found.append(Score("map", 0.3, chance=0.25, layer="c"))
    assert (
        layer_panel("t", "accuracy", found, scale_for(found), "largest class").guessing
        == "largest class 0.05 – 0.25"
    )


def test_module_paths_lose_what_they_share_and_then_their_end() -> None:
    assert axis_labels(["stem", "trunk.blocks.5.1", "trunk.blocks.0"]) == ["stem", "blocks.5.1", "blocks.0"]
    assert axis_labels(["layer1.0", "layer2.1"]) == ["layer1.0", "layer2.1"]
    assert axis_labels(["layer1.0"]) == ["layer1.0"]
    assert axis_labels(["blocks_5_1_depthwise_convolution"]) == ["blocks_5_1_depthw…"]


def test_long_names_are_slanted() -> None:
    found = [Score("map", 0.2, chance=0.1, layer=f"blocks_{i}_depthwise") for i in range(6)]
    assert layer_panel("t", "mAP", found, scale_for(found)).slanted


def test_the_alternative_text_says_the_numbers() -> None:
    score = Score("map", 0.4124, 0.35, 0.47, 0.06, layer="late")
    assert mark_title(score, "mAP") == "late: mAP 0.412, 95 % interval 0.350 to 0.470, chance 0.060"
