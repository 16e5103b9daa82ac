"""Pictures in, vectors out, against tools made for it: each runs its own code in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.others.starting import Peer, install
from benchmarks.ours import picture_tables, run_extract
from benchmarks.pairing import check_cosine, paired
from benchmarks.pictures import find_pictures
from benchmarks.results import Result, Row, rate_row
from benchmarks.settings import Settings
from benchmarks.weights import local_conf, local_model
from strata.collection.tables import Tables
from strata.maps.features import read_layer_array
from strata.settings.params import Precision

Floats = npt.NDArray[np.float32]

MODEL, EMBEDDING = "ViT-B-32", "embedding"
PICTURES = 96
LEAST_COSINE = 0.999
REMARKS = (
    f"{PICTURES} photograph-like JPEGs of 1024 x 768, the embedding of a {MODEL} with the same random "
    "weights on both sides, from pictures on disk to vectors (ours: the whole `extract` stage into an empty "
    "store). Imports and loading the network are left out on both sides; the others take batches of 32 and "
    "two loading processes where they have such settings. All vectors are compared first: a cosine of at "
    f"least {LEAST_COSINE}.",
    "Each runs in an environment of its own (`others/install.sh`, versions pinned) on this project's torch. "
    "*CLIP_benchmark*: its `run_classification`; mixed precision, its default, means bf16 by autocast on a "
    "processor. *clip-retrieval*: its runner, reader, mapper and writer, with open_clip 2.32 and NumPy 1.26 "
    "as it asks; only its loader of the network, which downloads, is replaced, and its statistics' processes "
    "are left out, which take longer to start than all of the work. *thingsvision*: its `extract_features` "
    "over its own ImageDataset and DataLoader, without the torch 2.0 and TensorFlow that it pins.",
)


@dataclass(frozen=True)
class Other:
    """A peer: what it is called, its environment, its script, and the script's last argument."""

    label: str
    environment: str
    script: str
    argument: str


OTHERS = (
    Other("CLIP_benchmark, fp32", "clip-benchmark", "clip_benchmark", "0"),
    Other("CLIP_benchmark, mixed precision", "clip-benchmark", "clip_benchmark", "1"),
    Other("clip-retrieval, fp32", "clip-retrieval", "clip_retrieval", "retrieved"),
    Other("thingsvision, fp32", "thingsvision", "thingsvision", "listed"),
)
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")


def run(settings: Settings) -> Result:
    """Every peer against ours in fp32 and in bf16; one that cannot be had gives a line that says why."""
    work = settings.work / "peers"
    made = local_model(MODEL, settings.work / "models")
    count = 6 if settings.small else PICTURES
    folder = _linked(find_pictures(settings.pictures, settings.work / "pictures", count), work / "pictures")
    tables = picture_tables(sorted(folder.glob("*/*.jpg")))
    rows: list[Row] = []
    for other in OTHERS[:1] if settings.small else OTHERS:
        reason = install(other.environment, settings.work / "envs")
        try:
            found = [] if reason else _against(other, tables, made, folder, work, settings)
        except ChildProcessError as error:
            found, reason = [], str(error)
        rows += found or [Row(MODEL, other.label, None, None, "pictures/s", note=f"not run: {reason}")]
    return Result("Pictures in, vectors out: other tools", tuple(rows), REMARKS)


def _against(
    other: Other, tables: Tables, made: Path, folder: Path, work: Path, settings: Settings
) -> list[Row]:
    own = work / other.environment
    own.mkdir(parents=True, exist_ok=True)
    argument = other.argument if other.argument.isdigit() else own.resolve() / other.argument
    out = own.resolve() / "vectors.npy"
    environment = settings.work.resolve() / "envs" / other.environment
    rows = []
    with Peer(environment, other.script, made.resolve(), folder.resolve(), out, argument) as peer:
        for precision in PRECISIONS:
            ours = partial(run_extract, tables, local_conf(made), (EMBEDDING,), precision, work)
            ours(), peer.seconds()
            label = f"{MODEL}, {EMBEDDING}, {precision}"
            vectors = read_layer_array(work / "features", EMBEDDING, "vector")
            check_cosine(label, f"the vectors of {other.label}", vectors, np.load(out), LEAST_COSINE)
            pair = paired(ours, peer.seconds, settings.rounds)
            rows.append(rate_row(label, other.label, pair, tables.images.num_rows, "pictures/s"))
    return rows


def _linked(paths: Sequence[Path], folder: Path) -> Path:
    """``folder/pictures``: exactly these pictures, in this order by name (peers take all of a folder)."""
    own = folder / "pictures"
    own.mkdir(parents=True, exist_ok=True)
    for old in own.iterdir():
        old.unlink()
    for number, path in enumerate(paths):
        (own / f"{number:06d}.jpg").symlink_to(path.resolve())
    return folder
