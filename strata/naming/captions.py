"""Pictures and their captions: is the right picture found by a sentence, and the right sentence by a picture?

``hit_at_k``: is any of the right ones among the first k? That is what papers and CLIP_benchmark call recall@k
(``image_retrieval_recall@k`` text to picture, ``text_retrieval_recall@k`` picture to text). ``recall_at_k``:
the share of the right ones that is, which is lower where a picture has several captions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from strata.base.files import write_table
from strata.base.threads import one_blas_thread
from strata.base.track import Track, no_track
from strata.collection.tables import Tables
from strata.maps.features import database_rows, layer_names, read_layer_array, read_rows
from strata.measures.chance import hit_at_k, recall_at_k
from strata.measures.intervals import t_interval
from strata.measures.scores import Policy, Score, Scored, write_scores
from strata.models.loading import LoadedModel
from strata.naming.text import encode_texts
from strata.settings.params import EMBEDDING

KS = (1, 5, 10)
DECIMALS = 7  # of a cosine
BLOCK = 256  # queries scored at once; constant, so that the same sums are taken on every run
TO_PICTURE, TO_TEXT, NOTHING = "text_to_picture", "picture_to_text", "none"
CLIP_BENCHMARK = {TO_PICTURE: "image_retrieval_recall@k", TO_TEXT: "text_retrieval_recall@k"}
"""Direction -> what CLIP_benchmark calls its ``hit_at_k``."""

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32] | Doubles


def match_captions(
    features: Path,
    tables: Tables,
    out: Path,
    *,
    image_only: bool,
    load: Callable[[], LoadedModel],
    track: Track = no_track,
) -> Scored:
    """Score every caption against the pictures of the database and write ``ranks.parquet`` and the scores.

    Captions of pictures outside of the database are left out; one of a picture that could not be read is
    never found. ``load`` is called only where there is something to match; else a policy says why not.
    """
    rows = read_rows(features)
    images = rows.filter(pa.array(database_rows(rows)))["image_id"].combine_chunks()
    outside = rows.filter(pc.equal(rows["kind"], "outside"))["image_id"].combine_chunks()
    captions = tables.captions.filter(pc.invert(pc.is_in(tables.captions["image_id"], value_set=outside)))
    reason = _reason(captions, image_only, EMBEDDING in layer_names(features))
    ranks: dict[str, Integers] = {name: np.zeros(0, np.int64) for name in CLIP_BENCHMARK}
    found = Scored(policies=[Policy("status", reason, layer=NOTHING)])
    if not reason:
        sentences = captions["caption"].to_pylist()
        texts = list(dict.fromkeys(sentences))
        place = {text: position for position, text in enumerate(texts)}
        vectors = encode_texts(load(), texts, track)[[place[sentence] for sentence in sentences]]
        pictures = read_layer_array(features, EMBEDDING, "vector")[np.flatnonzero(database_rows(rows))]
        owners = pc.fill_null(pc.index_in(captions["image_id"], value_set=images), -1).to_numpy()
        ranks = caption_ranks(np.asarray(pictures, np.float64), vectors, owners.astype(np.int64))
        names = captions["image_id"].to_numpy(zero_copy_only=False)
        found = score_captions(ranks, names, len(images)) + Scored(
            [Score("n_shared_texts", len(sentences) - len(texts), layer=layer) for layer in ranks]
        )
    table = captions.slice(0, len(ranks[TO_PICTURE]))
    for name, values in ranks.items():
        table = table.append_column(name, pa.array(values, pa.int64()))
    write_table(out / "ranks.parquet", table.combine_chunks())
    write_scores(out, found)
    return found


def _reason(captions: pa.Table, image_only: bool, has_embedding: bool) -> str:
    """Why nothing can be matched; '' if something can."""
    if not captions.num_rows:
        return "not run: the data set has no captions"
    if image_only:
        return "not run: the model is an image tower without a text tower"
    return "" if has_embedding else "not run: 'embedding' is not among the layers"


def caption_ranks(pictures: Vectors, texts: Vectors, owners: Integers) -> dict[str, Integers]:
    """Direction -> (C,) ranks from 0: of its picture for every caption, of the caption for its picture.

    pictures : (N, D), texts : (C, D), of any length; owners : (C,) rows of ``pictures``, -1 for a caption
    whose picture is not there, and whose ranks are -1. Of equal scores the earlier row ranks first.
    """
    images, sentences, own = _unit(pictures), _unit(texts), np.arange(len(owners))
    return {
        TO_PICTURE: _ranks(sentences, images, own, owners, owners >= 0),
        TO_TEXT: _ranks(images, sentences, owners, own, owners >= 0),
    }


def _unit(vectors: Vectors) -> Doubles:
    values = np.asarray(vectors, np.float64)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12))


def _ranks(
    queries: Doubles, targets: Doubles, asked: Integers, wanted: Integers, there: npt.NDArray[np.bool_]
) -> Integers:
    """(C,) rank of target ``wanted[i]`` among all for query ``asked[i]``; -1 where it is not ``there``.

    Cosines are rounded: what differs in last bits alone ties.
    """
    ranks: Integers = np.full(len(asked), -1, np.int64)
    columns = np.arange(len(targets))
    with one_blas_thread():
        for start in range(0, len(asked), BLOCK):
            places = start + np.flatnonzero(there[start : start + BLOCK])
            own = wanted[places]
            scores = np.round(queries[asked[places]] @ targets.T, DECIMALS)
            mine = scores[np.arange(len(places)), own][:, None]
            above = (scores > mine) | ((scores == mine) & (columns < own[:, None]))
            ranks[places] = above.sum(axis=1)
    return ranks


def score_captions(ranks: dict[str, Integers], image_ids: npt.NDArray[np.object_], n_pictures: int) -> Scored:
    """Scores of both directions. ranks : (C,) of ``caption_ranks``; image_ids : (C,) whose caption it is.

    Intervals go over pictures: the captions of one share what is easy or hard about it.
    """
    n_texts, scored = len(image_ids), Scored()
    owners, sizes = np.unique(image_ids, return_inverse=True, return_counts=True)[1:]
    pictures = np.arange(len(sizes))
    for layer, own in ranks.items():
        scores = [
            Score("n_pictures", n_pictures),
            Score("n_texts", n_texts),
            Score("n_captioned", len(sizes)),
        ]
        for k in KS:
            right = ((own >= 0) & (own < k)).astype(np.float64)
            if layer == TO_PICTURE:
                scores.append(_score(f"hit_at_{k}", right, owners, recall_at_k(n_pictures, k)))
                continue
            found = np.bincount(owners, weights=right)
            hits = np.asarray(found > 0, np.float64)
            scores.append(_score(f"hit_at_{k}", hits, pictures, hit_at_k(sizes, n_texts, min(k, n_texts))))
            scores.append(_score(f"recall_at_{k}", found / sizes, pictures, recall_at_k(n_texts, k)))
        told = f"hit_at_k is its {CLIP_BENCHMARK[layer]}"
        scored += Scored(scores, [Policy("clip_benchmark", told)]).at(layer=layer)
    return scored


def _score(metric: str, values: Doubles, groups: npt.NDArray[Any], chance: Any) -> Score:
    """The mean, its interval over ``groups`` (each a picture) and the mean chance."""
    found = t_interval(values, groups)
    level = float(np.mean(chance))
    return Score(metric, found.mean, found.low, found.high, level, n=found.n_groups, note=found.reason)
