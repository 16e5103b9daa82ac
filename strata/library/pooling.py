"""Pool maps of one's own as the pipeline pools a layer's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from strata.base.errors import StrataError
from strata.descriptors.pooling import GLOBAL, REGIONAL, check_poolable
from strata.descriptors.transforms import Transform, describe_rows
from strata.maps.features import LayerInfo
from strata.maps.stored_layers import StoredLayer
from strata.settings.params import Pooling, PoolParams


def pool(
    maps: npt.ArrayLike,
    pooling: Pooling,
    *,
    levels: int = 3,
    gem_p: float = 3.0,
    normalize: bool = True,
    channels_last: bool = False,
) -> npt.NDArray[np.float32]:
    """(N, C, H, W) maps -> (N, C) float32 descriptors, as the stage ``pool`` makes them.

    maps : with ``channels_last`` (N, H, W, C). A position that is NaN in all channels takes no part.
    pooling : max, avg, gem (exponent ``gem_p``), rmac (``levels`` of regions), rmac_global, and what else
        ``strata.descriptors.pooling`` knows. normalize : L2-normalise the descriptors.

    Examples
    --------
    >>> import numpy as np, strata
    >>> maps = np.zeros((1, 2, 4, 4), np.float32)
    >>> maps[0, 0, 1, 1], maps[0, 1, :, 3] = 3, 4
    >>> strata.pool(maps, "max", normalize=False).tolist()
    [[3.0, 4.0]]
    >>> strata.pool(maps, "avg", normalize=False).tolist()
    [[0.1875, 1.0]]
    >>> strata.pool(maps, "rmac", levels=2).astype(float).round(3).tolist()
    [[0.496, 0.868]]
    """
    values = np.asarray(maps, np.float32)
    if values.ndim != 4 or 0 in values.shape:
        raise StrataError(f"maps are (N, C, H, W), or (N, H, W, C) with channels_last; not {values.shape}")
    known = [name for name in (*GLOBAL, *REGIONAL) if name != "cls"]
    if pooling not in known:
        raise StrataError(f"pooling = {pooling!r}: of a map there are {', '.join(known)}")
    if not channels_last:
        values = values.transpose(0, 2, 3, 1)
    count, height, width, channels = values.shape
    info = LayerInfo("map", "", "map", channels, height, width, levels, gem_p, False)
    layer = StoredLayer(info, {"map": np.ascontiguousarray(values).reshape(count, height * width, channels)})
    check_poolable([info], pooling, levels)
    params = PoolParams(levels=levels, center=False, whiten="none", normalize=normalize)
    described: npt.NDArray[Any] = describe_rows(layer, 0, count, pooling, params, Transform(None, None))
    return described
