"""report/run.js: what differs from run to run (revision, versions, device, seconds), in no out."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from stages.running import LOGS
from strata.base.files import write_text
from strata.base.hashing import HashMemo
from strata.base.locks import first_seen
from strata.base.machine import processor, versions_of
from strata.base.workspace import project_root, store_root
from strata.settings.params import ModelConf

PACKAGES = ("clip-strata", "torch", "open_clip_torch", "numpy", "scikit-learn", "pyarrow", "pillow", "dvc")
ORDER = (
    "check",
    "download",
    "prepare",
    "extract",
    "pool",
    "reduce",
    "cluster",
    "retrieve",
    "probe",
    "zeroshot",
    "grid",
    "summarize",
    "report",
)


def write_run(path: Path, results: str, model: ModelConf) -> None:
    """Write ``window.strataRun = {...}``; ``results`` is the digest of the page it belongs to."""
    run = {"results": results, "facts": facts(model), "stages": stage_times(LOGS)}
    text = json.dumps(run, ensure_ascii=True).replace("</", "<\\/")
    write_text(path, f"window.strataRun = {text};\n")


def facts(model: ModelConf) -> list[tuple[str, str]]:
    """What stands beside the stage times, in reading order."""
    weights = weights_hash(model, store_root())
    return [
        ("git revision", revision()),
        ("report written", datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        ("device", os.environ.get("STRATA_DEVICE") or "cpu"),
        *([("weights as loaded, SHA-256", weights)] if weights else []),
        ("processor", f"{processor()}, {os.cpu_count()} cores"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        *versions_of(PACKAGES).items(),
    ]


def stage_times(logs: Path) -> list[dict[str, Any]]:
    """``[{"name", "seconds", "summary"}]`` from LOGS/NAME.json, in pipeline order; no broken ones."""
    found = []
    for path in sorted(logs.glob("*.json"), key=_place):
        if path.stem not in ORDER:
            continue
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            row = {"name": path.stem, "seconds": float(entry["seconds"]), "summary": str(entry["summary"])}
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(row)
    return found


def weights_hash(model: ModelConf, store: Path) -> str:
    """The SHA-256 that the store remembers of the weights, or ""; nothing is read again."""
    weights = model.weights
    if weights.path is None:
        return first_seen(store / "weights.tsv", f"{model.architecture}:{weights.tag or ''}") or ""
    place = (project_root() / Path(weights.path).expanduser()).resolve()
    hashes = HashMemo(store / "weights-hashes.txt").items()
    found = [sha256 for (name, *_), sha256 in hashes if Path(name).is_relative_to(place)]
    return found[-1] if found else ""


def revision() -> str:
    """The commit, with a word when the working tree differs from it."""
    head = _git("rev-parse", "HEAD")
    if not head:
        return "not under git"
    return f"{head[:12]} with changes" if _git("status", "--porcelain", "--untracked-files=no") else head[:12]


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _place(path: Path) -> tuple[int, str]:
    return (ORDER.index(path.stem) if path.stem in ORDER else len(ORDER), path.stem)
