"""Which pictures could not be used, and why."""

from __future__ import annotations

import pyarrow as pa

from strata.collection.rejected import rejected_pictures


def test_both_reasons_are_listed_once_and_the_first_one_counts() -> None:
    images = pa.table({"image_id": ["c", "b", "a"], "status": ["ok", "the file is empty", "ok"]})
    undecodable = pa.table({"image_id": ["c", "b"], "reason": ["damaged", "damaged too"]})
    assert rejected_pictures(images, undecodable) == [
        {"image_id": "b", "reason": "the file is empty"},
        {"image_id": "c", "reason": "damaged"},
    ]
