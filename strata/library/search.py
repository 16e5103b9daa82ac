"""Ask a finished run for the pictures most like one of its own, or like any other."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from strata.base.threads import cores, one_blas_thread
from strata.descriptors.transforms import Transform, describe_rows, fit_transform
from strata.descriptors.whitening import read_whitening
from strata.extraction.encoding import encode
from strata.extraction.network import Network, open_network
from strata.extraction.plan import Item, Job
from strata.library.models import read_picture
from strata.library.run import Run
from strata.maps.features import database_rows
from strata.maps.stored_layers import StoredLayer, open_layer
from strata.maps.views import make_view
from strata.retrieval.ranking import Ranked
from strata.retrieval.similarity import build_index, score_rows
from strata.settings.params import ExtractParams, ModelConf, PoolParams, parse


class Found(NamedTuple):
    """``score``: the cosine, or minus the Euclidean distance."""

    image_id: str
    score: float


def search(
    run: Run,
    picture: Any,
    *,
    layer: str,
    top: int = 10,
    metric: Literal["cosine", "euclidean"] = "cosine",
    device: str | None = "cpu",
) -> list[Found]:
    """The ``top`` pictures of a run that are most like ``picture``, nearest first; equals by their ids.

    picture : an image_id of the run (it does not find itself); or a file, its bytes, a Pillow image or an
        (H, W, 3) uint8 array, which goes through the model, view, pooling, centring and whitening of the run.

    Raises StrataError for a layer the run does not have and for a picture that cannot be read.

    Examples
    --------
    >>> import strata
    >>> run = strata.open_run(".")
    >>> some = run.ids()[0]
    >>> nearest = strata.search(run, some, layer="late", top=3)
    >>> len(nearest), nearest[0].score >= nearest[1].score, some in [found.image_id for found in nearest]
    (3, True, False)

    The file of that picture finds the picture itself:

    >>> files = dict(zip(*(run.tables.images[name].to_pylist() for name in ("image_id", "path"))))
    >>> strata.search(run, files[some], layer="late", top=1)[0].image_id == some
    True
    """
    vectors, ids = run.descriptors(layer), run.ids()
    own = ids.index(picture) if isinstance(picture, str) and picture in ids else None
    if own is None:
        vectors = np.concatenate([vectors, describe(run, layer, picture, device=device)])
    row = len(ids) if own is None else own
    with one_blas_thread():
        index = build_index(vectors, metric, np.ones(len(ids), np.bool_))
        scores = score_rows(index, np.array([row]))[0]
    order = [place for place in Ranked(scores).best(top + 1).places.tolist() if place != own][:top]
    return [Found(ids[place], float(scores[place])) for place in order]


def describe(run: Run, layer: str, picture: Any, *, device: str | None = "cpu") -> npt.NDArray[np.float32]:
    """(1, D) the descriptor that a picture would have in the run."""
    pixels = read_picture(picture)
    network = run_network(run, layer, device)
    item = Item("", None)
    job = Job("", "", pixels.shape[1], pixels.shape[0], None, False, (item,))
    arrays = encode(network, [job], [make_view(pixels, network.spec)], network.layers)[layer]
    pooling, params = pooling_of(run)
    stored = StoredLayer(network.layers[0].info, arrays)
    return describe_rows(stored, 0, 1, pooling, params, transform_of(run, layer))


@lru_cache(maxsize=2)
def run_network(run: Run, layer: str, device: str | None) -> Network:
    """The run's network, opened for one layer."""
    params = parse(ExtractParams, run.used("extract")["params.yaml"]["extract"], "dvc.lock: extract")
    name, conf = run_model(run)
    return open_network(
        conf, name, [layer], params, device=device or "cpu", batch=1, workers=cores(), hash_record=None
    )


def run_model(run: Run) -> tuple[str, ModelConf]:
    """The run's model and its conf, its weights where the run found them; no text is encoded."""
    used = run.used("extract")
    name = used["params.yaml"]["model"]
    where = f"conf/models/{name}.yaml"
    conf = parse(ModelConf, {"title": name, "image_only": True, **used[where]}, where)
    if conf.weights.path is not None:
        path = str(run.root / Path(conf.weights.path).expanduser())
        conf = conf.model_copy(update={"weights": conf.weights.model_copy(update={"path": path})})
    return name, conf


def pooling_of(run: Run) -> tuple[Any, PoolParams]:
    """How the run was pooled, and its parameters."""
    told = run.used("pool")["params.yaml"]
    return told["pooling"], parse(PoolParams, told["pool"], "dvc.lock: pool")


@lru_cache(maxsize=8)
def transform_of(run: Run, layer: str) -> Transform:
    """The run's own: the mean is taken again (it is kept nowhere), the whitening read."""
    pooling, params = pooling_of(run)
    given = None
    if params.whiten != "none":
        given = read_whitening(run.data / "descriptors" / "whitening" / f"{layer}.npz")
    stored = open_layer(run.data / "features", layer)
    as_it_is = params.model_copy(update={"whiten": "none"})
    return fit_transform(stored, database_rows(run.rows), pooling, as_it_is, given)
