"""Score tables keep numbers, texts and holes apart."""

from __future__ import annotations

from strata.measures.scores import score_table


def test_numbers_texts_and_holes_have_their_own_places():
    table = score_table({"late": {"n": 3, "note": "why", "low": None}, "early": {"n": 0.5}})
    assert table.to_pylist() == [
        {"layer": "late", "metric": "n", "value": 3.0, "text": None, "is_count": True},
        {"layer": "late", "metric": "note", "value": None, "text": "why", "is_count": False},
        {"layer": "late", "metric": "low", "value": None, "text": None, "is_count": False},
        {"layer": "early", "metric": "n", "value": 0.5, "text": None, "is_count": False},
    ]
