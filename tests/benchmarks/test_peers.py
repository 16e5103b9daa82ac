"""Peers: a process that answers, one that ends, one that cannot be installed; equal work or none."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.others.starting import Peer, install
from benchmarks.settings import Settings
from benchmarks.weights import local_model
from tests.models.tiny_networks import write_network


def write_python(environment: Path, script: str) -> Path:
    """A shell script in the place of an environment's python."""
    python = environment / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return environment


def test_a_peer_works_once_for_every_line(tmp_path: Path) -> None:
    answers = (
        'echo \'{"ready": true}\'; n=0; while read _; do n=$((n + 1)); echo "{\\"seconds\\": $n.5}"; done'
    )
    with Peer(write_python(tmp_path / "env", answers), "some_script", "argument") as peer:
        assert [peer.seconds(), peer.seconds()] == [1.5, 2.5]


def test_a_peer_that_ends_says_why(tmp_path: Path) -> None:
    environment = write_python(tmp_path / "env", "echo first >&2; echo 'no module torch' >&2; exit 1")
    with pytest.raises(ChildProcessError, match=r"^no module torch$"), Peer(environment, "some_script"):
        pass


def test_an_installation_that_failed_says_why(tmp_path: Path) -> None:
    reason = install("no-such-peer", tmp_path)
    assert "no-such-peer.txt" in reason
    assert install("no-such-peer", tmp_path) == reason


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A tiny network in place of the large one, and peers that cannot be had."""
    monkeypatch.setattr(peers, "local_model", lambda _name, folder: write_network(folder / "tiny", "vit"))
    monkeypatch.setattr(peers, "install", lambda _name, _folder: "no network")
    return Settings(rounds=1, small=True, work=tmp_path, pictures=None)


def test_a_peer_that_cannot_be_had_is_a_line_with_the_reason(small: Settings) -> None:
    (row,) = peers.run(small).rows
    assert (row.peer, row.ratio, row.note) == ("CLIP_benchmark, fp32", None, "not run: no network")


def test_other_vectors_are_no_comparison(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_peer: Peer) -> float:
        np.save(small.work / "peers" / "clip-benchmark" / "vectors.npy", np.eye(6, 24, dtype=np.float32))
        return 1.0

    monkeypatch.setattr(peers, "install", lambda _name, _folder: "")
    monkeypatch.setattr(Peer, "seconds", wrong)
    write_python(small.work / "envs" / "clip-benchmark", "echo '{\"ready\": true}'; cat > /dev/null")
    with pytest.raises(ValueError, match="with the vectors of CLIP_benchmark"):
        peers.run(small)


def test_random_weights_are_made_once(tmp_path: Path) -> None:
    made = local_model("ViT-S-32-alt", tmp_path)
    weights = made / "open_clip_model.safetensors"
    before = weights.stat().st_mtime_ns
    assert local_model("ViT-S-32-alt", tmp_path) == made
    assert weights.stat().st_mtime_ns == before
