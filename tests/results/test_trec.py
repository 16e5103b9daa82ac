"""trec files: what is written others order as we do, and what others write is read."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.base.errors import StrataError
from strata.results import trec

SCORE = st.floats(-1, 1, width=32)


@given(st.lists(SCORE, min_size=1, max_size=40), st.integers(1, 5))
def test_scores_are_told_apart_without_changing_their_order(values: list[float], times: int) -> None:
    scores = np.repeat(np.sort(np.array(values, np.float32))[::-1], times)
    falling = trec.apart(scores)
    assert (np.diff(falling) < 0).all()
    assert (falling <= scores).all()
    np.testing.assert_allclose(falling, scores, rtol=1e-4, atol=1e-40)


def test_scores_without_ties_are_written_to_the_last_bit(tmp_path: Path) -> None:
    scores = np.array([0.1, np.nextafter(np.float32(0.1), np.float32(0)), -0.3], np.float32)
    lines = list(trec.run_lines("q 1", ["b", "a", "c"], scores, "late"))
    assert [np.float32(line.split()[4]) for line in lines] == scores.tolist()
    assert lines[0].startswith("q%201 Q0 b 1 0.1")


def test_a_trec_run_is_ordered_by_score_and_not_by_its_ranks(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.write_text("q Q0 a 1 0.2 x\nq Q0 b 2 0.9 x\n\nr Q0 a 1 1 x\n")
    assert trec.read_run(run) == {"q": ["b", "a"], "r": ["a"]}


def test_csv_by_score_by_rank_and_as_it_stands(tmp_path: Path) -> None:
    run = tmp_path / "run.csv"
    run.write_text('\ufeffquery_id,image_id,score\nq,"a, b.jpg",0.2\nq,c,0.9\n')
    assert trec.read_run(run) == {"q": ["c", "a, b.jpg"]}
    run.write_text("rank,query_id,image_id\n2,q,a\n1,q,b\n")
    assert trec.read_run(run) == {"q": ["b", "a"]}
    run.write_text("query_id,image_id\nq,a\nq,b\n")
    assert trec.read_run(run) == {"q": ["a", "b"]}


def test_grades_are_numbers_or_words(tmp_path: Path) -> None:
    qrels = tmp_path / "qrels"
    qrels.write_text("q 0 a 2\nq 0 b -1\n")
    assert trec.read_qrels(qrels) == {"q": {"a": 2, "b": -1}}
    qrels.write_text("query_id,image_id,grade\nq,a,good\nq,b,junk\n")
    assert trec.read_qrels(qrels) == {"q": {"a": "good", "b": "junk"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 a 1 0.2\n", r"line 1 has 5 columns, not 6; give a trec file, or a CSV"),
        ("q Q0 a 1 high x\n", "'high' is no number"),
        ("query_id,picture\nq,a\n", "it has no column image_id"),
    ],
)
def test_a_file_that_is_neither_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    run = tmp_path / "run"
    run.write_text(text)
    with pytest.raises(StrataError, match=message):
        trec.read_run(run)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match="no such file"):
        trec.read_qrels(tmp_path / "nope")


def test_the_examples_give_what_they_say() -> None:
    assert doctest.testmod(trec).failed == 0
