"""Which pictures could not be used, and why: by the header (``prepare``) or the pixels (``extract``)."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from strata.collection.tables import USABLE


def rejected_pictures(images: pa.Table, undecodable: pa.Table) -> list[dict[str, str]]:
    """``[{"image_id", "reason"}]`` sorted by image_id; a picture refused twice keeps its first reason.

    images : the images table; undecodable : (image_id, reason), what ``extract`` wrote.
    """
    unusable = images.filter(pc.not_equal(images["status"], USABLE))
    reasons = dict(zip(undecodable["image_id"].to_pylist(), undecodable["reason"].to_pylist(), strict=True))
    reasons |= dict(zip(unusable["image_id"].to_pylist(), unusable["status"].to_pylist(), strict=True))
    return [{"image_id": name, "reason": reasons[name]} for name in sorted(reasons)]
