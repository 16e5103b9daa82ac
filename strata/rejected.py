"""Which pictures could not be used, and why: by the header (``prepare``) or the pixels (``extract``)."""

from __future__ import annotations

import pyarrow as pa

from strata.tables import USABLE


def rejected_pictures(images: pa.Table, undecodable: pa.Table) -> list[dict[str, str]]:
    """``[{"image_id", "reason"}]`` sorted by image_id; a picture refused twice keeps its first reason.

    images : the images table; undecodable : (image_id, reason), what ``extract`` wrote.
    """
    ids, statuses = images["image_id"].to_pylist(), images["status"].to_pylist()
    reasons = dict(zip(undecodable["image_id"].to_pylist(), undecodable["reason"].to_pylist(), strict=True))
    reasons |= {name: status for name, status in zip(ids, statuses, strict=True) if status != USABLE}
    return [{"image_id": name, "reason": reasons[name]} for name in sorted(reasons)]
