"""What a run is asked: its database, its own queries and those made of labels, read once for all layers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strata.collection.tables import Tables
from strata.maps.features import read_rows
from strata.retrieval.class_queries import class_queries
from strata.retrieval.queries import Database, QuerySet, build_database, own_queries
from strata.retrieval.region_matching import Frames, read_frames
from strata.settings.params import ProtocolEntry, QueryView, RetrieveParams


@dataclass(frozen=True)
class Questions:
    """``own``: the data set's queries; ``by_class``: pictures asking for their class; ``frames``: where the
    pictures' regions lie."""

    database: Database
    own: QuerySet
    by_class: QuerySet
    frames: Frames


def read_questions(
    tables: Tables,
    features: Path,
    protocol: ProtocolEntry,
    params: RetrieveParams,
    view: QueryView,
    database: Database | None = None,
) -> Questions:
    """Everything that is the same for all layers. StrataError where a protocol finds no positive.

    ``database``: another one than all pictures that have a row (some may be left out).
    """
    rows = read_rows(features)
    database = database or build_database(rows, tables.images)
    own = own_queries(tables, rows, database, protocol, params, view)
    by_class = class_queries(tables, database, params.class_every)
    images = tables.images
    listed = pc.index_in(pa.array(database.image_ids, pa.string()), images["image_id"].combine_chunks())
    sizes = [images[side].take(listed).to_numpy() for side in ("width", "height")]
    frames = read_frames(features, np.stack(sizes, axis=1).astype(np.int64))
    return Questions(database, own, by_class, frames)
