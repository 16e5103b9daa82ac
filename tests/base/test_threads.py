"""Parts in threads: all of them, in order, and not too many beforehand."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from itertools import count

import pytest

from strata.base.threads import in_order, in_threads


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_keep_the_order_of_the_parts(threads):
    def work(part):
        time.sleep(0.001 * (part % 3))
        return part * part

    assert list(in_order(work, range(40), threads=threads)) == [part * part for part in range(40)]


def test_parts_are_taken_a_few_at_a_time():
    taken = []

    def parts():
        for part in range(50):
            taken.append(part)
            yield part

    for done in in_order(lambda part: part, parts(), waiting=3, threads=1):
        assert len(taken) <= done + 4


def test_an_error_in_a_part_is_the_callers():
    def work(part):
        if part == 3:
            raise ValueError("three")
        return part

    before = threading.active_count()
    with pytest.raises(ValueError, match="three"):
        list(in_order(work, range(9)))
    assert threading.active_count() == before


def test_a_loop_that_is_left_and_closed_leaves_no_thread():
    before = threading.active_count()
    with closing(in_threads(str, count(), threads=3, at_once=9)) as done:
        assert next(done) == "0"
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_every_thread_begins_as_told():
    begun = []
    list(in_threads(str, range(40), threads=3, at_once=9, begin=lambda: begun.append(threading.get_ident())))
    assert 1 <= len(set(begun)) == len(begun) <= 3


def test_no_parts_give_no_results():
    assert list(in_order(str, [])) == []
