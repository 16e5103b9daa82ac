"""params.yaml and conf/ of a made-up project: this project's own, but for what a run of many rows needs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/demo-rn"
QUERYING = 1000  # pictures that query in class retrieval, at every size
RESTARTS = 3  # of k-means


def write_settings(folder: Path, dataset: str, rows: int, *, layers: Sequence[str], facet: str) -> None:
    """``dataset`` is ``scaled`` (made here, its classes in ``facet``) or ``folder`` (pictures)."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    yaml = YAML()
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"dataset": dataset, "model": "demo-rn", "layers": list(layers)}
    params["retrieve"]["class_every"] = max(1, rows // QUERYING)
    params["cluster"]["restarts"] = RESTARTS
    yaml.dump(params, folder / "params.yaml")
    model = yaml.load(folder / "conf/models/demo-rn.yaml")
    model["weights"]["path"] = str(MODEL)
    yaml.dump(model, folder / "conf/models/demo-rn.yaml")
    if dataset == "folder":
        yaml.dump(
            {"path": str(folder / "pictures"), "words": None, "templates": None},
            folder / "conf/paths/folder.yaml",
        )
        return
    conf = yaml.load(folder / "conf/datasets/folder.yaml")
    conf |= {"title": "made-up rows", "sources": None, "labels": None, "queries": None}
    conf["prompts"] = {facet: {"facet": facet, "templates": ["a photo of {article} {name}."]}}
    yaml.dump(conf, folder / f"conf/datasets/{dataset}.yaml")
