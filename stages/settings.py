"""Read params.yaml and the conf files, typed. The only place that knows where they are.

A stage names the keys it reads (``settings.params("pooling", "pool.levels")``) and is handed no others;
``make deps`` writes those names into dvc.yaml, so what a stage reads and what DVC tracks are one list. Names
are literal strings, for they are read from the source. The place of local weights is the exception: a run
depends on what lies there, which conf/sources/local.tsv says, and not on where.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from strata.base.errors import StrataError, one_line
from strata.base.workspace import project_root
from strata.settings.params import DatasetConf, ModelConf, Params, only, parse

PARAMS = Path("params.yaml")
DATASETS = Path("conf/datasets")
MODELS = Path("conf/models")
PATHS = Path("conf/paths")


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping, read with the parser DVC uses (YAML 1.2, no tags)."""
    try:
        loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file") from None
    except (YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, a number of 5,000 digits
        raise StrataError(f"{path}: not YAML: {one_line(error)[:300]!a}") from None
    if not isinstance(loaded, dict):
        raise StrataError(f"{path}: expected a mapping of keys")
    return loaded


def params(*keys: str) -> Params:
    """These keys of params.yaml; all of it without any."""
    every = parse(Params, read_yaml(PARAMS), str(PARAMS))
    return only(every, keys) if keys else every


def dataset(*keys: str) -> DatasetConf:
    """These keys of the chosen data set's file; which that is, DVC sees by the file's name."""
    return only(dataset_conf(params().dataset), keys)


def model(*keys: str) -> ModelConf:
    """These keys of the chosen model's file."""
    return only(model_conf(params().model), keys)


def dataset_conf(name: str) -> DatasetConf:
    """conf/datasets/NAME.yaml; an unknown name lists those that exist."""
    return parse(DatasetConf, read_yaml(_chosen(DATASETS, name, "dataset")), f"{DATASETS}/{name}.yaml")


def model_conf(name: str) -> ModelConf:
    """conf/models/NAME.yaml; what ``local`` and ``open_clip`` leave open comes from conf/paths/NAME.yaml."""
    values = read_yaml(_chosen(MODELS, name, "model"))
    if name == "local":
        values["weights"] = {**values["weights"], "path": own_path("local")}
    if name == "open_clip":
        architecture = _typed("open_clip", "architecture", "ViT-B-32-256")
        tag = _typed("open_clip", "pretrained", "datacomp_s34b_b86k")
        values |= {"title": f"{architecture} ({tag})", "architecture": architecture}
        values["weights"] = {**values["weights"], "tag": tag}
    return parse(ModelConf, values, f"{MODELS}/{name}.yaml")


def own_path(name: str) -> str:
    """The path typed into conf/paths/NAME.yaml, made absolute; null is an error that says how to set it.

    A leading ``~`` is the user's home. A relative path counts from the project, also in an experiment's copy.
    """
    return str(project_root() / Path(_typed(name, "path", '"/where/it/is"')).expanduser())


def own_words(name: str) -> tuple[list[str], list[str]]:
    """The words and the templates typed into conf/paths/NAME.yaml; nothing typed is an empty list."""
    where = PATHS / f"{name}.yaml"
    typed = read_yaml(where)
    for key, example in (("words", "[cat,dog]"), ("templates", '["a photo of a {name}."]')):
        value = typed.get(key)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(text, str) and text.strip() for text in value)
        ):
            raise StrataError(
                f"{where}: {key} = {value!r} is no list of texts; use -S '{where}:{key}={example}'"
            )
    return typed.get("words") or [], typed.get("templates") or []


def _typed(name: str, key: str, example: str) -> str:
    """A key of conf/paths/NAME.yaml."""
    where = PATHS / f"{name}.yaml"
    value = read_yaml(where).get(key)
    if not isinstance(value, str) or not value:
        raise StrataError(f"{where}: {key} is not set; use -S '{where}:{key}={example}' or edit the file")
    return value


def _chosen(folder: Path, name: str, key: str) -> Path:
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(entry.stem for entry in folder.glob("*.yaml")))
        raise StrataError(f"params.yaml: {key} = {name!r} has no file {path}; there are: {known}")
    return path
