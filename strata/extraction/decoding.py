"""Views of pictures, made by threads ahead of the network."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from strata.base.errors import StrataError, one_line
from strata.base.hashing import forget, known_hashes
from strata.base.machine import free_memory
from strata.base.threads import in_threads
from strata.collection.headers import known_sizes, read_header
from strata.collection.tables import USABLE
from strata.extraction.plan import Job
from strata.maps.views import PictureError, ViewedPicture, ViewSpec, decode_picture, make_view

BYTES_A_PIXEL = 12  # of a picture while it is decoded, at most: Pillow's four, a codec's own, the RGB
REDUCED_FROM = (
    100_000_000  # pixels: a JPEG from there on is decoded at a reduced scale, as ``decode: fast`` is
)


class Budget:
    """Bytes that the pictures being decoded at one time may take; one that takes more is decoded alone."""

    def __init__(self, total: int) -> None:
        self._total, self._taken = total, 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, count: int) -> Iterator[None]:
        """Wait until there is room for ``count`` bytes, and have them."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + count <= self._total)
            self._taken += count
        try:
            yield
        finally:
            with self._changed:
                self._taken -= count
                self._changed.notify_all()


@dataclass(frozen=True)
class Viewed:
    """A job and its view, or the reason why there is none."""

    job: Job
    picture: ViewedPicture | None
    reason: str


def view_pictures(
    jobs: Iterable[Job], spec: ViewSpec, *, workers: int, ahead: int
) -> Generator[Viewed, None, None]:
    """The jobs' views, in their order; at most ``ahead`` of them wait to be taken.

    A picture that cannot be decoded has a reason instead. Raises StrataError for a file that is gone or not
    the one ``prepare`` saw: what is stored under its hash would be wrong.
    """
    return in_threads(  # a resize stays on its own core
        partial(_view, spec=spec, budget=Budget(free_memory() // 2)),
        jobs,
        workers,
        ahead,
        partial(torch.set_num_threads, 1),
    )


def _view(job: Job, spec: ViewSpec, budget: Budget) -> Viewed:
    with budget.taken(job.width * job.height * BYTES_A_PIXEL):
        data = read_seen(job.path, job.sha256)
        try:
            picture = decode_picture(data, fast_target_px=_fast_target_px(job, spec))
        except PictureError as error:
            return Viewed(job, None, str(error))
        _check_remembered_size(job, *picture.shape[:2])
        try:
            return Viewed(job, make_view(picture, spec, job.box, same_scale=job.same_scale), "")
        except Exception as error:  # one picture never ends the run
            return Viewed(job, None, f"cannot be made a view: {one_line(error)}")


def _fast_target_px(job: Job, spec: ViewSpec) -> int | None:
    """A crop is cut from the picture at its full size."""
    if job.box is not None:
        return None
    return spec.size_px if job.width * job.height >= REDUCED_FROM else spec.fast_target_px


def _check_remembered_size(job: Job, height: int, width: int) -> None:
    """Raise StrataError when a damaged memo gave the tables a size that the picture's header denies.

    A JPEG may be decoded at eighths of its size, and a picture may be turned.
    """
    wanted, seen = sorted((job.width, job.height)), sorted((width, height))
    if any([-(-side * part // 8) for side in wanted] == seen for part in range(1, 9)):
        return
    header = read_header(job.path)  # a decoder may see another size than the header: that is no damage
    if header.status == USABLE and sorted((header.width or 0, header.height or 0)) != wanted:
        known_sizes().drop((job.sha256,))
        raise StrataError(
            f"{job.path}: {header.width} x {header.height}, but the tables say {job.width} x {job.height}; "
            "the remembered size is dropped: `dvc repro -f -s prepare && dvc repro` reads it again"
        )


def read_seen(path: str | Path, sha256: str) -> bytes:
    """A picture's bytes; StrataError for a file that is gone or not the one that ``prepare`` saw."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise StrataError(
            f"{path}: {error.strerror or error}, but `prepare` saw it; run `dvc repro` once more"
        ) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        forget(path, known_hashes())
        raise StrataError(
            f"{path}: it is not the picture that `prepare` saw; its remembered hash is dropped: "
            "`dvc repro -f -s download prepare && dvc repro` takes it as it is now"
        )
    return data
