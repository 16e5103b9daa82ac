"""clip-retrieval's inference: python -m benchmarks.others.clip_retrieval MODEL PICTURES OUT FOLDER.

Its own runner with its own reader, mapper and writer, as its worker builds them. Two things are not its own:
the loader of the network, which would download one, and the statistics' logger, whose processes take longer
to start than all of the work here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
from clip_retrieval.clip_inference import mapper  # type: ignore[import-not-found]
from clip_retrieval.clip_inference.reader import FilesReader  # type: ignore[import-not-found]
from clip_retrieval.clip_inference.runner import Runner  # type: ignore[import-not-found]
from clip_retrieval.clip_inference.writer import NumpyWriter  # type: ignore[import-not-found]

from benchmarks.others.serving import Floats, serve

BATCH, WORKERS = 32, 2
KINDS = {"enable_text": False, "enable_image": True, "enable_metadata": False}


class Silent:
    """In the logger's place."""

    def start(self) -> None:
        """Nothing to start."""

    def __call__(self, _stats: dict[str, Any]) -> None:
        """Nothing is kept."""

    def end(self) -> None:
        """Nothing to end."""


def main() -> None:
    model_folder, pictures, out, folder = sys.argv[1:]
    name, weights = Path(model_folder).name, Path(model_folder) / "open_clip_model.safetensors"
    model, _, transform = open_clip.create_model_and_transforms(name, pretrained=str(weights))
    model.eval()
    mapper.load_clip = lambda **_: (model, transform, None)
    runner = Runner(
        reader_builder=lambda sampler: FilesReader(
            sampler, transform, None, pictures, BATCH, WORKERS, **KINDS
        ),
        mapper_builder=lambda: mapper.ClipMapper(
            **KINDS, use_mclip=False, clip_model=name, use_jit=False, mclip_model=""
        ),
        writer_builder=lambda task: NumpyWriter(
            partition_id=task, output_folder=folder, output_partition_count=1, **KINDS
        ),
        logger_builder=lambda _task: Silent(),
        output_partition_count=1,
    )
    serve(_once(runner, Path(folder)), out)


def _once(runner: Any, folder: Path) -> Callable[[], Floats]:
    def work() -> Floats:
        runner(0)
        return np.asarray(np.load(folder / "img_emb" / "img_emb_0.npy"), np.float32)

    return work


if __name__ == "__main__":
    main()
