"""Every method ranks, says its policy and keeps to the query and the database where it says so."""

from __future__ import annotations

import numpy as np
import pytest

from strata.base.errors import StrataError
from strata.retrieval.expansion import augment_database, centred, database_mean, expand_queries
from strata.retrieval.knn import NO_ROW, cosines
from strata.retrieval.postprocessing import METHODS, policy_of, post_process, rescored
from strata.retrieval.queries import Query
from strata.retrieval.similarity import build_index, score_rows
from tests.retrieval.neighbourhoods import collection
from tests.retrieval.test_queries import params

FEW = {"k_reciprocal": {"k1": 6, "k2": 3}, "diffusion": {"k": 8, "k_query": 3}}


@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("name", METHODS)
def test_similarities_are_one_float32_a_query_and_picture(name, centre):
    database = collection(0)
    found = post_process(name, database[:5], database, np.arange(5), centre=centre, **FEW.get(name, {}))
    assert (found.shape, found.dtype) == ((5, 24), np.float32)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", METHODS)
def test_methods_gain_where_classes_are_tight(name):
    random = np.random.default_rng(3)
    labels = np.repeat(np.arange(4), 10)
    database = (random.normal(size=(4, 30))[labels] + 1.4 * random.normal(size=(40, 30))).astype(np.float32)

    def precision(similarities):
        np.fill_diagonal(similarities, -np.inf)
        first = np.argsort(-similarities, axis=1, kind="stable")[:, :9]
        return (labels[first] == labels[:, None]).mean()

    few = {"k_reciprocal": {"k1": 9, "k2": 3}, "diffusion": {"k": 9, "k_query": 3, "alpha": 0.9}}
    baseline = precision(cosines(database, database))
    found = precision(post_process(name, database, database, np.arange(40), **few.get(name, {})))
    assert found > baseline + 0.02 or name == "cosine"


@pytest.mark.parametrize("name", [name for name in METHODS if name != "k_reciprocal"])
def test_an_answer_is_the_same_without_the_other_queries(name):
    database, queries = collection(1), collection(2, 6)
    outside = np.full(6, NO_ROW)
    together = post_process(name, queries, database, outside, **FEW.get(name, {}))
    alone = post_process(name, queries[2:3], database, outside[:1], **FEW.get(name, {}))
    np.testing.assert_array_equal(alone[0], together[2])


@pytest.mark.parametrize("name", METHODS)
def test_no_queries_have_no_similarities(name):
    database = collection(6)
    assert post_process(name, database[:0], database, np.arange(0)).shape == (0, 24)


def test_dba_and_qe_both_start_from_the_vectors_as_they_were():
    database, own = collection(4), np.arange(3)
    expected = cosines(expand_queries(database[:3], database, own, k=5), augment_database(database, k=5))
    np.testing.assert_array_equal(post_process("dba_qe", database[:3], database, own, k=5), expected)
    assert not np.array_equal(post_process("dba", database[:3], database, own, k=5), expected)


def test_centring_comes_first_and_makes_a_method_transductive():
    database, own = collection(5), np.arange(4)
    mean = database_mean(database)
    np.testing.assert_array_equal(
        post_process("alpha_qe", database[:4], database, own, centre=True),
        post_process("alpha_qe", centred(database[:4], mean), centred(database, mean), own),
    )
    assert (policy_of("alpha_qe"), policy_of("alpha_qe", centre=True)) == ("inductive", "transductive")


def whole(row: int, own: int) -> Query:
    return Query(f"q{row}", f"p{row}", "g", row, own, boxed=False, whole=True)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "cosine"])
def test_a_run_ranks_by_the_method_and_pictures_outside_the_database_change_nothing(name):
    database = collection(7)
    ranked = np.arange(24) < 20
    chosen = params(postprocess=name)
    queries = [whole(row, row) for row in (3, 5, 22)]
    index = rescored(build_index(database, "cosine", ranked), queries, chosen)
    found = score_rows(index, np.array([22, 3, -1]))
    assert np.isneginf(found[2]).all()
    assert np.isneginf(found[:, 20:]).all()
    own = np.array([3, 5, -1])
    settings = getattr(chosen.methods, name).model_dump()
    alone = post_process(name, database[[3, 5, 22]], database[:20], own, **settings)
    np.testing.assert_allclose(found[:2, :20], alone[[2, 0]], atol=1e-6)


def test_all_answers_are_held_within_the_budget_or_refused():
    vectors = np.zeros((1200, 1), np.float32)
    index = build_index(vectors, "cosine", np.ones(1200, np.bool_))
    queries = [whole(row, row) for row in range(1200)]
    with pytest.raises(StrataError, match=r"1200 queries: 6 MiB; raise retrieve.budget_mib = 5"):
        rescored(index, queries, params(postprocess="dba", budget_mib=5))
    assert rescored(index, queries, params(budget_mib=5)) is index
