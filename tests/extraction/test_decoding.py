from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import strata.extraction.decoding as decoding
from strata.base.errors import StrataError
from strata.base.hashing import known_hashes, sha256_file
from strata.collection.headers import known_sizes
from strata.extraction.decoding import view_pictures
from strata.extraction.plan import Job, plan_extraction
from strata.maps.views import ViewSpec
from tests.extraction.conftest import read_folder, write_picture

SPEC = ViewSpec(32, "squash")


@pytest.fixture
def jobs(pictures: Path) -> list[Job]:
    return list(plan_extraction(read_folder(pictures), "whole").jobs)


def test_views_come_in_the_order_of_the_jobs(jobs: list[Job]) -> None:
    seen = list(view_pictures(jobs, SPEC, workers=4, ahead=9))
    assert [view.job for view in seen] == jobs
    assert all(view.picture is not None and view.picture.pixels.shape == (3, 32, 32) for view in seen)


def test_no_more_than_ahead_are_read_before_they_are_taken(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    inner = decoding.read_seen

    def counted(path: str, sha256: str) -> bytes:
        read.append(path)
        return inner(path, sha256)

    monkeypatch.setattr(decoding, "read_seen", counted)
    threads = threading.active_count()
    views = view_pictures(jobs, SPEC, workers=2, ahead=5)
    next(views)
    time.sleep(0.2)
    assert len(read) <= 6
    views.close()
    time.sleep(0.1)
    assert len(read) <= 6
    assert threading.active_count() == threads


def test_a_crop_is_cut_from_the_fully_decoded_picture(tmp_path: Path) -> None:
    """With ``decode: fast`` only whole pictures are decoded at a reduced scale."""
    write_picture(tmp_path / "big.jpg", 1, (640, 480))
    (whole,) = plan_extraction(read_folder(tmp_path), "whole").jobs
    crop = replace(whole, box=(100.0, 50.0, 420.0, 290.0))
    full, fast = (ViewSpec(32, "squash", decode) for decode in ("full", "fast"))  # type: ignore[arg-type]

    def pixels(job: Job, spec: ViewSpec) -> Any:
        (view,) = view_pictures([job], spec, workers=1, ahead=1)
        assert view.picture is not None
        return view.picture.pixels

    assert torch.equal(pixels(crop, full), pixels(crop, fast))
    assert not torch.equal(pixels(whole, full), pixels(whole, fast))


def test_an_error_while_a_view_is_made_is_that_pictures_rejection(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding, "make_view", fail)
    seen = list(view_pictures(jobs, SPEC, workers=2, ahead=4))
    assert {view.reason for view in seen} == {"cannot be made a view: MemoryError"}


def test_large_pictures_are_decoded_one_at_a_time() -> None:
    budget, inside, most = decoding.Budget(100), [0], [0]
    lock = threading.Lock()

    def work(count: int) -> None:
        with budget.taken(count):
            with lock:
                inside[0] += count
                most[0] = max(most[0], inside[0])
            time.sleep(0.01)
            with lock:
                inside[0] -= count

    threads = [threading.Thread(target=work, args=(count,)) for count in [40, 60, 300, 30, 300, 50, 20]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert most[0] == 300
    assert inside[0] == 0


def test_a_very_large_jpeg_is_decoded_at_a_reduced_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture(tmp_path / "big.jpg", 1, (640, 480))
    (job,) = plan_extraction(read_folder(tmp_path), "whole").jobs
    assert decoding._fast_target_px(job, SPEC) is None
    monkeypatch.setattr(decoding, "REDUCED_FROM", 640 * 480)
    assert decoding._fast_target_px(job, SPEC) == 32
    assert decoding._fast_target_px(replace(job, box=(0.0, 0.0, 9.0, 9.0)), SPEC) is None


def test_a_picture_that_was_replaced_is_refused_and_its_hash_forgotten(
    jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_STORE", str(tmp_path / "store"))
    assert sha256_file(jobs[0].path, known_hashes()) == jobs[0].sha256
    assert decoding.read_seen(jobs[0].path, jobs[0].sha256) == Path(jobs[0].path).read_bytes()
    with pytest.raises(StrataError, match=r"not the picture that `prepare` saw.*dvc repro -f -s download"):
        decoding.read_seen(jobs[0].path, jobs[1].sha256)
    assert jobs[0].sha256 not in dict(known_hashes().items()).values()


def test_a_size_that_the_picture_denies_is_an_error_and_forgotten(
    jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_STORE", str(tmp_path / "store"))
    job = replace(jobs[0], width=jobs[0].width + 100)
    known_sizes().put((job.sha256,), f"{job.width} {job.height}")
    with pytest.raises(StrataError, match="the tables say"):
        list(view_pictures([job], SPEC, workers=1, ahead=1))
    assert known_sizes().get((job.sha256,)) is None
