from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import extract
from stages.running import run_stage
from strata.base.errors import StrataError
from strata.collection.tables import SCHEMAS, Tables, from_rows, write_tables
from strata.extraction.run import Extracted
from strata.maps.features import layer_names, read_rows

ROOT = Path(__file__).parents[2]
CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 1, "layers": 1},
}
MODEL = """
title: tiny
architecture: null
weights: {path: weights, tag: null, sha256: null, source: null}
aliases: {early: transformer.resblocks.0}
image_only: false
"""
DATASET = """
title: tiny
licence: null
citation: null
sources: null
classes: null
labels: null
queries: null
protocol: {ap: step, positives: {}}
prompts: null
k: null
dense: null
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with three pictures and a tiny network."""
    import hashlib

    import open_clip
    import torch
    from safetensors.torch import save_file

    params = (ROOT / "params.yaml").read_text().replace("model: demo-rn", "model: tiny")
    lines = [line for line in params.splitlines() if not line.startswith("  - ")]
    lines.insert(lines.index(next(line for line in lines if line.startswith("layers:"))) + 1, "  - early")
    (tmp_path / "params.yaml").write_text("\n".join(lines) + "\n")
    (tmp_path / "conf" / "models").mkdir(parents=True)
    (tmp_path / "conf" / "models" / "tiny.yaml").write_text(MODEL)
    (tmp_path / "conf" / "datasets").mkdir()
    (tmp_path / "conf" / "datasets" / "demo.yaml").write_text(DATASET)
    (tmp_path / "weights").mkdir()
    torch.manual_seed(1)
    save_file(open_clip.CLIP(**CLIP).state_dict(), tmp_path / "weights" / "open_clip_model.safetensors")
    config = {"model_cfg": CLIP, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.3] * 3}}
    (tmp_path / "weights" / "open_clip_config.json").write_text(json.dumps(config))
    images = []
    for name in "abc":
        path = tmp_path / f"{name}.png"
        noise = np.random.default_rng(ord(name)).integers(0, 255, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        size = {"width": 50, "height": 40}
        image = {"image_id": name, "path": path.name, "sha256": sha256, "labels": [], "status": "ok", **size}
        images.append(image)
    empty = [SCHEMAS[name].empty_table() for name in ("queries", "relevance", "classes")]
    write_tables(tmp_path / "data" / "tables", Tables(from_rows("images", images), *empty))
    return tmp_path


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The stage as the command line runs it, inside the project folder."""
    monkeypatch.chdir(project)
    monkeypatch.delenv("STRATA_STORE", raising=False)
    monkeypatch.setenv("STRATA_BATCH", "2")
    monkeypatch.setattr("sys.argv", ["extract", "data/tables", "data/features", "data/dense"])
    return lambda: run_stage("extract", extract.main)


def test_the_stage_writes_features_and_one_summary_line(
    project: Path, run: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert said.out.startswith(
        "extract: 3 pictures and 0 boxed queries x 1 layers, 3 views computed and 0 from"
    )
    assert "3 of 3 views to compute" in said.err
    features = project / "data" / "features"
    assert layer_names(features) == ["early"]
    assert read_rows(features)["image_id"].to_pylist() == ["a", "b", "c"]
    assert (project / ".strata" / "features").is_dir()


def test_a_wrong_layer_is_one_line_and_leaves_nothing(
    project: Path, run: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    params = (project / "params.yaml").read_text().replace("  - early", "  - nosuch.7")
    (project / "params.yaml").write_text(params)
    with pytest.raises(SystemExit) as stopped:
        run()
    message = str(stopped.value.code)
    assert message.startswith("extract: error: ")
    assert "\n" not in message
    assert "nosuch.7" in message
    assert capsys.readouterr().out == ""
    assert [path.name for path in (project / "data").iterdir()] == ["tables"]


@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_a_wrong_batch_size_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STRATA_BATCH", value)
    with pytest.raises(StrataError, match="STRATA_BATCH"):
        extract.place()


def test_the_environment_says_where_and_how_fast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STRATA_DEVICE", "STRATA_BATCH", "STRATA_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STRATA_STORE", str(tmp_path))
    place = extract.place()
    assert (place.store, place.device, place.batch) == (tmp_path, "cpu", None)
    monkeypatch.setenv("STRATA_DEVICE", "cuda")
    assert extract.place().device == "cuda"


def test_the_summary_has_every_count() -> None:
    done = Extracted(
        pictures=10,
        queries=2,
        layers=5,
        computed=6,
        from_store=5,
        rejected=1,
        seconds=2.0,
        out_bytes=3 << 20,
        store_bytes=4 << 20,
        how={},
    )
    assert extract.summary(done) == (
        "10 pictures and 2 boxed queries x 5 layers, 6 views computed and 5 from the store, 1 rejected, "
        "3.0 views/s, 3.0 MiB; store 4.0 MiB (`make clean-store` frees it)"
    )
