"""What can be done to a ranking of whole pictures after their vectors are known, each by the field's name.

Every method maps (queries (Q, D), database (N, D), own (Q,), settings) to similarities (Q, N) float32, higher
is nearer: ranking them, ties in order of place, is the answer. ``own``: see ``knn``. Nothing here looks at a
label.

A method is *inductive* when a query's answer needs that query and the frozen database alone, *transductive*
when it needs statistics of the evaluated database or other queries. Vectors are centred on the database's own
mean first if asked, which makes any method transductive; by the mean of other data (``expansion.centred``) it
does not, nor does a whitening learned elsewhere (``descriptors.whitening``) or ``expansion.multi_scale``.

Database vectors are augmented, and graphs are built, with every picture of the database in it: a query's own
picture may have moved another one's vector, but it is no neighbour of the query itself.

``rescored`` is how a run asks for them (``retrieve.postprocess``): whole queries at once, as a graph is made
for all of them; searches after PCA and inside clusters stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from strata.base.errors import StrataError
from strata.retrieval.diffusion import diffusion
from strata.retrieval.expansion import augment_database, centred, database_mean, expand_queries
from strata.retrieval.k_reciprocal import k_reciprocal
from strata.retrieval.knn import Floats, Rows, cosines
from strata.retrieval.queries import Query
from strata.retrieval.similarity import BYTES_A_SCORE, VectorIndex
from strata.settings.params import MethodParams, RetrieveParams

Policy = Literal["inductive", "transductive"]


def cosine(queries: Floats, database: Floats, own: Rows) -> Floats:
    """The baseline."""
    return cosines(queries, database)


def alpha_qe(queries: Floats, database: Floats, own: Rows, *, k: int = 10, alpha: float = 3.0) -> Floats:
    """Alpha query expansion (Radenovic, Tolias and Chum 2018)."""
    return cosines(expand_queries(queries, database, own, k=k, alpha=alpha), database)


def dba(queries: Floats, database: Floats, own: Rows, *, k: int = 20, alpha: float = 3.0) -> Floats:
    """Database-side augmentation; the queries stay as they are."""
    return cosines(queries, augment_database(database, k=k, alpha=alpha))


def dba_qe(queries: Floats, database: Floats, own: Rows, *, k: int = 20, alpha: float = 3.0) -> Floats:
    """Both, each from the vectors as they were: queries are expanded by the database not yet augmented."""
    expanded = expand_queries(queries, database, own, k=k, alpha=alpha)
    return cosines(expanded, augment_database(database, k=k, alpha=alpha))


@dataclass(frozen=True)
class Method:
    """``similarities(queries, database, own, **settings)`` and how it may be judged."""

    similarities: Callable[..., Floats]
    policy: Policy


METHODS = {
    "cosine": Method(cosine, "inductive"),
    "alpha_qe": Method(alpha_qe, "inductive"),
    "dba": Method(dba, "transductive"),
    "dba_qe": Method(dba_qe, "transductive"),
    "k_reciprocal": Method(k_reciprocal, "transductive"),
    "diffusion": Method(diffusion, "transductive"),
}


def post_process(
    name: str, queries: Floats, database: Floats, own: Rows, *, centre: bool = False, **settings: Any
) -> Floats:
    """(Q, N) float32: similarities by ``METHODS[name]``, after centring on the database's mean if asked."""
    if centre:
        mean = database_mean(database)
        queries, database = centred(queries, mean), centred(database, mean)
    return METHODS[name].similarities(queries, database, own, **settings)


def policy_of(name: str, *, centre: bool = False) -> Policy:
    """What stands beside the numbers.

    >>> policy_of("alpha_qe"), policy_of("alpha_qe", centre=True)
    ('inductive', 'transductive')
    """
    return "transductive" if centre else METHODS[name].policy


def described(name: str, methods: MethodParams) -> str:
    """A method as it stands in the metrics: ``alpha_qe (k 10, alpha 3.0), inductive``."""
    chosen = ", ".join(f"{key} {value}" for key, value in getattr(methods, name).model_dump().items())
    return f"{name} ({chosen}), {METHODS[name].policy}"


def rescored(index: VectorIndex, queries: Sequence[Query], params: RetrieveParams) -> VectorIndex:
    """The index with the answers of ``queries`` by ``params.postprocess``; as it is for ``none``.

    Vectors are compared by their cosine. StrataError where the answers of all queries are more than
    ``params.budget_mib``.
    """
    if params.postprocess == "none" or not queries:
        return index
    own_of_row = {query.row: query.own for query in queries if query.row >= 0}
    rows, own = (np.array(list(some), np.int64) for some in (own_of_row, own_of_row.values()))
    needed = -(-len(rows) * len(index.candidates) * BYTES_A_SCORE // 2**20)
    if needed > params.budget_mib:
        raise StrataError(
            f"retrieve.postprocess = {params.postprocess} holds the similarities of all {len(rows)} queries: "
            f"{needed} MiB; raise retrieve.budget_mib = {params.budget_mib}, or ask fewer with "
            "retrieve.class_every (in the grid: grid.max_queries)"
        )
    database = np.where(index.candidates[:, None], index.vectors[: len(index.candidates)], np.float32(0))
    asking = np.where(index.usable[rows][:, None], index.vectors[rows], np.float32(0))
    settings = getattr(params.methods, params.postprocess).model_dump()
    scores = post_process(params.postprocess, asking, database, own, **settings)
    return replace(index, answers=dict(zip(rows.tolist(), scores, strict=True)))
