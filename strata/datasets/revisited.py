"""ROxford5k and RParis6k, revisited protocol (Radenovic et al. 2018): 4,993 and 6,322 photographs.

Seventy boxed query pictures are taken out of the database (split ``query``). Ground truth is a pickle of
plain values: ``imlist``, ``qimlist`` (names without ``.jpg``) and ``gnd[i]`` = {easy, hard, junk: positions
in imlist, bbx: xmin ymin xmax ymax}. Easy, Medium and Hard are tasks of the YAML's ``protocol``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from strata.base.errors import StrataError
from strata.base.track import Track, Warn
from strata.collection.tables import Tables, box_columns, tables_from_rows
from strata.datasets.landmarks import OXFORD5K, OXFORD_PREFIX, PARIS6K, Landmarks, label_of, to_pictures
from strata.datasets.picture_rows import class_rows, find_named, image_rows
from strata.datasets.plain_pickle import read_plain_pickle
from strata.settings.params import DatasetConf

GRADES = ("easy", "hard", "junk")
NO_LANDMARK = ("oxford", "general")  # labels of pictures of the city at large


class Judged(BaseModel):
    """One query: positions in ``imlist`` by grade, and its box."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    easy: list[int]
    hard: list[int]
    junk: list[int]
    bbx: tuple[float, float, float, float]


class GroundTruth(BaseModel):
    """The pickle's content."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    imlist: list[str]
    qimlist: list[str]
    gnd: list[Judged]


class Revisited(Landmarks):
    """The pictures of ``Landmarks``, judged anew."""

    def build(self, raw: Path, conf: DatasetConf, *, track: Track, warn: Warn) -> Tables:
        """The database, the 70 query pictures outside of it, and easy, hard and junk.

        Pictures that the ground truth does not name are left out.
        """
        truth = read_revisited(raw / self.ground_truth)
        database = [f"{name}.jpg" for name in truth.imlist]
        queries = [f"{name.removeprefix(OXFORD_PREFIX)}.jpg" for name in truth.qimlist]
        files = self.files(raw, warn)
        found = find_named([*database, *queries], files, self.ground_truth, warn)
        unnamed = len(files) - sum(path is not None for path in found.values())
        if unnamed:
            warn(f"{unnamed} pictures of the archive are not named by {self.ground_truth} and are left out")
        rows = image_rows(to_pictures(found, conf, self.dataset, queries=queries), track)
        query_rows, relevance = _rows(truth, database, queries)
        return tables_from_rows(rows, query_rows, relevance, class_rows(conf.classes))


ROXFORD5K = Revisited("roxford5k", OXFORD5K.pictures, "gnd_roxford5k.pkl")
RPARIS6K = Revisited("rparis6k", PARIS6K.pictures, "gnd_rparis6k.pkl")


def read_revisited(path: Path) -> GroundTruth:
    """The ground truth, its positions checked."""
    try:
        truth = GroundTruth.model_validate(read_plain_pickle(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise StrataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if len(truth.gnd) != len(truth.qimlist):
        raise StrataError(f"{path}: {len(truth.qimlist)} queries but {len(truth.gnd)} judgements")
    for number, judged in enumerate(truth.gnd):
        places = [*judged.easy, *judged.hard, *judged.junk]
        if places and not 0 <= min(places) <= max(places) < len(truth.imlist):
            raise StrataError(
                f"{path}: gnd.{number} names a picture beyond the {len(truth.imlist)} of imlist"
            )
    return truth


def landmark_of(query: str, positives: Sequence[str]) -> str:
    """The landmark of a query, which the ground truth does not name: what most of its positives are called.

    Twelve of Oxford's 55 original queries are pictures called after the city; by their positives all fall
    into the eleven landmarks, five each, as they should, and so do those of Paris.
    """
    counted = Counter(label_of(name) for name in positives)
    for label in NO_LANDMARK:
        counted.pop(label, None)
    return min(counted, key=lambda label: (-counted[label], label), default=label_of(query))


def _rows(
    truth: GroundTruth, database: Sequence[str], names: Sequence[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    queries: list[dict[str, Any]] = []
    relevance: list[dict[str, Any]] = []
    for name, judged in zip(names, truth.gnd, strict=True):
        query_id = Path(name).stem
        group = landmark_of(name, [database[place] for place in (*judged.easy, *judged.hard)])
        queries.append({"query_id": query_id, "image_id": name, "group": group, **box_columns(judged.bbx)})
        for grade, places in zip(GRADES, (judged.easy, judged.hard, judged.junk), strict=True):
            named = (database[place] for place in places)
            relevance += [{"query_id": query_id, "image_id": name, "grade": grade} for name in named]
    return queries, relevance
