"""Pictures in, vectors out: the whole ``extract`` stage against the plain loop and against its own limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from benchmarks.ours import extract_params, picture_tables, run_extract
from benchmarks.pairing import check_cosine, paired, timed
from benchmarks.pictures import find_pictures
from benchmarks.plain_loop import run_plain_loop
from benchmarks.results import Result, Row, rate_row
from benchmarks.settings import Settings, device
from benchmarks.weights import local_conf, local_model
from strata.base.threads import cores
from strata.extraction.encoding import activations, batch_pixels
from strata.extraction.network import Network, open_network
from strata.extraction.streams import stream
from strata.maps.features import read_layer_array
from strata.maps.views import ViewedPicture, decode_picture, make_view
from strata.settings.params import ModelConf, Precision

PICTURES = 128  # where a picture takes long
MANY_PICTURES = 512  # where the check of bf16 and the first batch's wait would show otherwise
LEAST_COSINE = {"fp32": 0.9999, "bf16": 0.999}
EMBEDDING, PLAIN = "embedding", "plain loop, fp32"
REMARKS = (
    "Photograph-like JPEGs of 1024 x 768, random weights, from pictures on disk to vectors on disk; loading "
    "the network is left out on both sides, all else (hashes, the check of bf16, the store, the outs) is in.",
    "*Plain loop*: open_clip, its transform, a DataLoader with two workers, forward hooks, inference mode. "
    "Whatever the layers, the loop runs the whole tower, as people's loops with hooks do; ours stops behind "
    "the last layer asked for.",
    "*Decode and resize alone*: this pipeline's own decoder and resize, a thread a core, nothing else. "
    "*Both limits*: that and the network alone (batches in memory, a thread a core) one after the other: "
    "1 / (1 / decode + 1 / forward); no overlap can be faster, for both want every core.",
)


@dataclass(frozen=True)
class Case:
    """What is extracted, from how many pictures; ``target``: times as fast as the plain loop, at least.
    ``hooks``: where the loop finds the layers other than the embedding, in their order."""

    model: str
    layers: tuple[str, ...]
    hooks: tuple[str, ...]
    precision: Precision
    pictures: int
    target: float | None

    @property
    def label(self) -> str:
        return f"{self.model}, {' + '.join(self.layers)}, {self.precision}"


CASES = (
    Case("ViT-B-32", ("embedding",), (), "fp32", PICTURES, 1.5),
    Case("ViT-B-32", ("embedding",), (), "bf16", MANY_PICTURES, 3),
    Case("ViT-B-32", ("stem",), ("conv1",), "fp32", MANY_PICTURES, 5),
    Case("ViT-B-32", ("stem",), ("conv1",), "bf16", MANY_PICTURES, 5),
    Case("RN50", ("stem", "embedding"), ("avgpool",), "fp32", PICTURES, None),
    Case("RN50", ("stem", "embedding"), ("avgpool",), "bf16", 2 * PICTURES, 3),
)


def run(settings: Settings) -> Result:
    """All cases; a small run takes a few pictures through the first."""
    rows: list[Row] = []
    for case in CASES[:1] if settings.small else CASES:
        count = 6 if settings.small else case.pictures
        paths = find_pictures(settings.pictures, settings.work / "pictures", count)
        rows += measure(case, paths, settings)
    return Result("Pictures in, vectors out", tuple(rows), REMARKS)


def measure(case: Case, paths: Sequence[Path], settings: Settings) -> list[Row]:
    """One case against the plain loop and, on the same pictures, against the limits."""
    made = local_model(case.model, settings.work / "models")
    conf, tables = local_conf(made), picture_tables(paths)
    ours = partial(run_extract, tables, conf, case.layers, case.precision, settings.work / "extraction")
    spec = f"local-dir:{made}"
    _check_same(case, paths, ours, spec, settings.work / "extraction" / "features")

    def plain() -> float:
        return float(run_plain_loop(spec, paths, case.hooks)["seconds"])

    against = rate_row(
        case.label, PLAIN, paired(ours, plain, settings.rounds), len(paths), "pictures/s", case.target
    )
    return [against, *_limits(case, paths, conf, ours, settings)]


def _check_same(
    case: Case, paths: Sequence[Path], ours: Callable[[], float], spec: str, features: Path
) -> None:
    """Both sides must give the same embeddings and the same means of maps, as far as the precision goes."""
    ours()
    loop, hooks = run_plain_loop(spec, paths, case.hooks), iter(case.hooks)
    for layer in case.layers:
        if layer == EMBEDDING:
            one, other = read_layer_array(features, layer, "vector"), loop["embedding"]
        else:
            one, other = read_layer_array(features, layer, "mean"), loop["layers"][next(hooks)]
        check_cosine(case.label, f"the plain loop's {layer}", one, other, LEAST_COSINE[case.precision])


def _limits(
    case: Case,
    paths: Sequence[Path],
    conf: ModelConf,
    ours: Callable[[], float],
    settings: Settings,
) -> list[Row]:
    params = extract_params(case.precision)
    network = open_network(
        conf,
        case.model,
        case.layers,
        params,
        device=device(),
        batch=None,
        workers=cores(),
        hash_record=None,
    )
    views = _views(network, paths)
    decode = timed(partial(_views, network, paths))
    forward = timed(partial(_forward, network, views))

    def both() -> float:
        return decode() + forward()

    rounds, count = settings.rounds, len(paths)
    rows = [rate_row(case.label, "both limits", paired(ours, both, rounds), count, "pictures/s", 0.9)]
    if case.layers == ("stem",):
        alone = paired(ours, decode, rounds)
        rows.append(rate_row(case.label, "decode and resize alone", alone, count, "pictures/s", 0.9))
    return rows


def _views(network: Network, paths: Sequence[Path]) -> list[ViewedPicture]:
    """Decode and resize, a thread a core."""
    spec = network.spec
    with ThreadPoolExecutor(cores(), "decode", torch.set_num_threads, (1,)) as pool:
        return list(pool.map(lambda path: make_view(decode_picture(path.read_bytes()), spec), paths))


def _forward(network: Network, views: Sequence[ViewedPicture]) -> None:
    """The network on views in memory, a batch a core, nothing kept; until a GPU has done all of it."""
    batches = (views[start : start + network.batch] for start in range(0, len(views), network.batch))
    for _ in stream(
        network, lambda own, batch: activations(own, batch_pixels(own, batch), own.layers), batches
    ):
        pass
    if network.model.device.type == "cuda":
        torch.cuda.synchronize(network.model.device)
