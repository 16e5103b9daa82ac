"""Refuse what cannot work before any work is done.

The outs are constants: a good change of a parameter runs this stage again and invalidates nothing behind it.
Only that of ``model=open_clip`` names what was chosen, so that another choice is another dependency.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from stages import settings
from stages.running import paths, run_stage
from strata.base.errors import StrataError
from strata.base.files import write_text
from strata.models.weights import tag_entry
from strata.naming.prompts import typed_prompts
from strata.results.names import check_names
from strata.results.parameters import flat_params
from strata.settings.consistency import check_consistency
from strata.settings.params import DatasetConf, ModelConf

WHITENING, PROJECTION = Path("conf/whitening"), Path("conf/projection")
CONSISTENT = "The parameters are consistent.\n"


def main() -> str:
    """Read every parameter the run will use; the summary says what was chosen.

    DVC leaves a refused ``-S`` in the files it wrote: the error says how to take it back.
    """
    try:
        return _check()
    except StrataError as error:
        if changed := _changed():
            undo = f"`git checkout {shlex.join(changed)}` takes back what -S or you wrote there"
            raise StrataError(f"{error}; {undo}") from None
        raise


def _changed() -> list[str]:
    """The parameter files that git would take back; none outside of a repository."""
    command = ["git", "diff", "--name-only", "--relative", "-z", "--", "params.yaml", "conf"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [name for name in found.stdout.split("\0") if name] if found.returncode == 0 else []


def _check() -> str:
    for_dataset, for_model = paths()
    params = settings.params()
    dataset = _as_typed(params.dataset, settings.dataset_conf(params.dataset))
    model = settings.model_conf(params.model)
    whitenings = [entry.name for entry in WHITENING.iterdir() if entry.is_dir()]
    projections = [entry.name for entry in PROJECTION.glob("*") if entry.is_dir()]
    check_consistency(params, dataset, model, whitenings, projections)
    where = f"{settings.DATASETS}/{params.dataset}.yaml"
    parameters = flat_params(params.model_dump(), "_")
    check_names(list(dataset.protocol.positives), _known_facets(dataset), where, parameters)
    _check_paths(params.dataset, params.model, model.weights.path, model.weights.source)
    pair = _typed_pair(params.model, model)
    write_text(for_dataset, CONSISTENT)
    write_text(for_model, CONSISTENT + pair)
    return f"{params.dataset}, {params.model}, {params.pooling}, {len(params.layers)} layers"


def _as_typed(name: str, dataset: DatasetConf) -> DatasetConf:
    """The data set's file with the words and templates typed elsewhere, as ``zeroshot`` will use them."""
    if name != "folder":
        return dataset
    prompts = typed_prompts(dataset.prompts, *settings.own_words("folder"))
    return dataset.model_copy(update={"prompts": prompts})


def _known_facets(dataset: DatasetConf) -> list[str]:
    """Those that the file names; a data set may have others, which ``prepare`` looks at."""
    labelled = dataset.labels.label_columns if dataset.labels else {}
    return list(dict.fromkeys([*labelled, *(dataset.classes or {})]))


def _typed_pair(name: str, model: ModelConf) -> str:
    """What ``model=open_clip`` stands for, once open_clip is seen to list it; '' for any other model."""
    if name != "open_clip":
        return ""
    tag_entry(model, f"{settings.PATHS}/{name}.yaml")
    return f"{model.architecture} {model.weights.tag}\n"


def _check_paths(dataset: str, model: str, weights: str | None, source: str | None) -> None:
    if dataset == "folder" and not (folder := Path(settings.own_path("folder"))).is_dir():
        raise StrataError(
            f"{settings.PATHS}/folder.yaml: path = {str(folder)!r} is not a folder; mend it and run again"
        )
    if weights is None or Path(weights).expanduser().exists():
        return
    where = (
        f"{settings.PATHS}/local.yaml: path"
        if model == "local"
        else f"{settings.MODELS}/{model}.yaml: weights.path"
    )
    hint = f"; they come from: {source}" if source else "; mend the path and run again"
    raise StrataError(f"{where} = {weights!r}: no weights there{hint}")


if __name__ == "__main__":
    run_stage("check", main)
