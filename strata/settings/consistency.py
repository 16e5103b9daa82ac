"""Do the parameters, the data set and the model go together? Values alone are ``params``' business."""

from __future__ import annotations

import re
import string
from collections.abc import Collection

from strata.base.errors import StrataError
from strata.settings.params import CLASS_TASK, EMBEDDING, DatasetConf, ModelConf, Params

MODULE_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
USUAL_ALIASES = ("stem", "early", "middle", "late")
SELF = "self"
OWN_WHITENINGS = ("none", SELF)
PLACEHOLDERS = {"", "name", "article", "description"}


def check_consistency(
    params: Params,
    dataset: DatasetConf,
    model: ModelConf,
    whitenings: Collection[str],
    projections: Collection[str] = (),
) -> None:
    """Raise StrataError for the first combination that cannot work.

    ``whitenings`` and ``projections`` are the names of those that were exported (without ``none`` and
    ``self``).
    Whether a module path exists, and has positions to pool, only the network itself can tell.
    """
    _check_layers(params, model)
    _check_dense(params, model, projections)
    _check_class_token(params, model)
    _check_whitening(params.pool.whiten, whitenings)
    if params.retrieve.postprocess != "none" and params.retrieve.metric != "cosine":
        raise StrataError(
            f"params.yaml: retrieve.postprocess = {params.retrieve.postprocess} compares by the cosine and "
            f"retrieve.metric is {params.retrieve.metric}; set one of them back"
        )
    _check_clusters(params, dataset)
    _check_prompts(params.dataset, dataset)
    _check_tasks(params.dataset, dataset)


def is_resnet(architecture: str | None) -> bool:
    """Is this open_clip name one of CLIP's ResNets (no class token, no patch convolution)?"""
    return re.match(r"RN\d", architecture or "") is not None


def _check_layers(params: Params, model: ModelConf) -> None:
    known = ", ".join([*model.aliases, EMBEDDING])
    for layer in params.layers:
        if model.aliases and layer in USUAL_ALIASES and layer not in model.aliases:
            raise StrataError(
                f"params.yaml: layers: model {params.model} has no alias {layer!r}; it has: {known}"
            )
        if not MODULE_PATH.fullmatch(layer):
            raise StrataError(
                f"params.yaml: layers: {layer!r} is no layer name; use an alias ({known}) or a module path "
                "such as transformer.resblocks.5"
            )
    for alias, module in model.aliases.items():
        if not MODULE_PATH.fullmatch(module):
            raise StrataError(
                f"conf/models/{params.model}.yaml: aliases.{alias} = {module!r} is no module path"
            )


def _check_dense(params: Params, model: ModelConf, projections: Collection[str]) -> None:
    """Layers that a data set names are taken where they are there; what is typed has to be."""
    dense = params.dense
    if dense.fit != SELF and dense.fit not in projections:
        known = ", ".join([SELF, *sorted(projections)])
        raise StrataError(
            f"params.yaml: dense.fit = {dense.fit!r} is not in conf/projection; there are: {known}"
        )
    if dense.stride is not None and is_resnet(model.architecture):
        raise StrataError(
            f"params.yaml: dense.stride = {dense.stride} is for a ViT's patches and model {params.model} "
            f"({model.architecture}) is a ResNet; set it to null"
        )
    for layer in dense.layers if isinstance(dense.layers, list) else ():
        if layer not in params.layers or layer == EMBEDDING:
            why = "has no map" if layer == EMBEDDING else "is not among layers"
            known = ", ".join(name for name in params.layers if name != EMBEDDING)
            raise StrataError(f"params.yaml: dense.layers: {layer!r} {why}; there are: {known}")
    if params.retrieve.expand and params.retrieve.match != "dense":
        raise StrataError(
            f"params.yaml: retrieve.expand = {params.retrieve.expand} is for boxes matched densely and "
            f"retrieve.match is {params.retrieve.match}; set it to 0, or retrieve.match to dense"
        )


def _check_class_token(params: Params, model: ModelConf) -> None:
    if not is_resnet(model.architecture):
        return
    if params.pooling == "cls":
        raise StrataError(
            f"params.yaml: pooling = 'cls' needs a class token and model {params.model} "
            f"({model.architecture}) is a ResNet; use max, rmac, rmac_global, avg or gem"
        )
    if params.extract.conv1_stride is not None:
        raise StrataError(
            f"params.yaml: extract.conv1_stride = {params.extract.conv1_stride} is for a ViT's patches and "
            f"model {params.model} ({model.architecture}) is a ResNet; set it to null"
        )


def _check_whitening(name: str, whitenings: Collection[str]) -> None:
    if name not in OWN_WHITENINGS and name not in whitenings:
        known = ", ".join([*OWN_WHITENINGS, *sorted(whitenings)])
        raise StrataError(f"params.yaml: pool.whiten = {name!r} is not in conf/whitening; there are: {known}")


def _check_clusters(params: Params, dataset: DatasetConf) -> None:
    for where, k in (
        ("params.yaml: cluster.k", params.cluster.k),
        (f"conf/datasets/{params.dataset}.yaml: k", dataset.k),
    ):
        if k is not None and k < 2:
            raise StrataError(
                f"{where} = {k}: clustering needs at least 2 clusters; null takes the number of classes"
            )


def _check_tasks(name: str, dataset: DatasetConf) -> None:
    for task in dataset.protocol.positives:
        if task == CLASS_TASK or not task.isidentifier():
            raise StrataError(
                f"conf/datasets/{name}.yaml: protocol.positives: a task cannot be called {task!r}; "
                f"use letters, digits and _ ({CLASS_TASK!r} is the task made from labels)"
            )


def _check_prompts(name: str, dataset: DatasetConf) -> None:
    for prompt_set, entry in (dataset.prompts or {}).items():
        where = f"conf/datasets/{name}.yaml: prompts.{prompt_set}"
        if dataset.classes is not None and entry.facet not in dataset.classes:
            raise StrataError(
                f"{where}: facet {entry.facet!r} is not in classes; there are: {', '.join(dataset.classes)}"
            )
        for template in entry.templates:
            _check_template(where, template)


def _check_template(where: str, template: str) -> None:
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
    except ValueError as error:
        raise StrataError(
            f"{where}: template {template!r}: {error}; a brace itself is written twice"
        ) from None
    unknown = sorted(fields - PLACEHOLDERS)
    if unknown:
        raise StrataError(
            f"{where}: template {template!r} asks for {{{unknown[0]}}}; known are {{name}}, {{article}} and "
            "{description}"
        )
    if not fields & {"", "name", "description"}:
        raise StrataError(
            f"{where}: template {template!r} is the same text for every class; put {{name}} in it"
        )
