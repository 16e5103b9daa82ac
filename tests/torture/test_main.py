"""The campaigns are counted, and a failure or an idle campaign is not hidden."""

from __future__ import annotations

from torture.__main__ import campaign_table


def test_tries_and_failures_are_counted() -> None:
    table, failures = campaign_table({"a": lambda *_: (1200, []), "b": lambda *_: (3, ["bit 1"])}, 1, 0)
    assert "| a | 1,200 | 0 |" in table
    assert "| b | 3 | 1 |" in table
    assert failures == ["b: bit 1"]


def test_a_campaign_without_a_try_is_a_failure() -> None:
    assert campaign_table({"a": lambda *_: (0, [])}, 1, 0)[1] == ["a: not one try"]
