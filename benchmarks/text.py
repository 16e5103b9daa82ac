"""Classes x templates through the text tower: this pipeline's one pass against a pass for every class."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import open_clip
import torch

from benchmarks.others.starting import Peer, install
from benchmarks.pairing import check_cosine, paired, timed
from benchmarks.results import Result, Row, rate_row
from benchmarks.settings import Settings, device
from benchmarks.weights import local_conf, local_model
from strata.models.loading import LoadedModel, load_model
from strata.naming.prompts import Column, unique_texts
from strata.naming.text import class_vectors, encode_texts
from strata.settings.params import Precision

Floats = npt.NDArray[np.float32]

MODEL, ENVIRONMENT = "ViT-B-32", "clip-benchmark"
CLASSES, MORE_CLASSES = 6, 18
LEAST_COSINE = 0.999
TARGET = 3
CASES: tuple[tuple[Precision, str, str], ...] = (
    ("fp32", "fp32", "0"),
    ("bf16", "fp32", "0"),
    ("fp32", "mixed precision", "1"),
    ("bf16", "mixed precision", "1"),
)
REMARKS = (
    f"{MODEL}'s text tower with random weights; a sample of ImageNet's classes in OpenAI's 80 templates (the "
    "1,000 classes are 80,000 prompts, half an hour a round for the other): tokenising, the tower and the "
    "mean of a class are in, loading the network is not. The classes' vectors are compared first (cosine at "
    f"least {LEAST_COSINE}).",
    "The other: CLIP_benchmark's own `zero_shot_classifier` in an environment of its own; mixed precision is "
    "its default, which means bf16 by autocast on a processor.",
)


def run(settings: Settings) -> Result:
    """Both precisions against both of the other's; more classes once, to see that the ratio stays."""
    made, work = local_model(MODEL, settings.work / "models"), settings.work / "text"
    work.mkdir(parents=True, exist_ok=True)
    reason = install(ENVIRONMENT, settings.work / "envs")
    cases, classes, templates = CASES, CLASSES, 80
    if settings.small:
        cases, classes, templates = CASES[:1], 2, 3
    rows = [_row(made, work, case, classes, templates, reason, settings, settings.rounds) for case in cases]
    if not settings.small:
        rows.append(_row(made, work, CASES[0], MORE_CLASSES, templates, reason, settings, 1))
    return Result("Text: all prompts in one pass", tuple(rows), REMARKS)


def _row(
    made: Path,
    work: Path,
    case: tuple[Precision, str, str],
    classes: int,
    templates: int,
    reason: str,
    settings: Settings,
    rounds: int,
) -> Row:
    precision, theirs, amp = case
    columns = sample_columns(classes, templates, work / "prompts.json")
    model = load_model(local_conf(made), precision=precision, device=device())
    own = one_pass(model, columns)
    label = f"{classes} classes x {templates} templates, {precision}"
    target = TARGET if precision == "fp32" == theirs else None
    count = classes * templates
    if reason:
        exact = load_model(local_conf(made), device="cpu")
        check_cosine(label, "the loop's vectors", own, a_loop_over_classes(exact, columns), LEAST_COSINE)
        loop = timed(lambda: a_loop_over_classes(exact, columns))
        pair = paired(timed(lambda: one_pass(model, columns)), loop, rounds)
        return rate_row(label, f"a loop over classes, fp32 ({reason})", pair, count, "prompts/s", target)
    environment, out = settings.work.resolve() / "envs" / ENVIRONMENT, work.resolve() / "vectors.npy"
    prompts = (work / "prompts.json").resolve()
    with Peer(environment, "clip_benchmark_text", made.resolve(), prompts, out, amp) as peer:
        peer.seconds()
        check_cosine(label, "the vectors of CLIP_benchmark", own, np.load(out), LEAST_COSINE)
        pair = paired(timed(lambda: one_pass(model, columns)), peer.seconds, rounds)
    return rate_row(label, f"CLIP_benchmark, {theirs}", pair, count, "prompts/s", target)


def sample_columns(classes: int, templates: int, kept: Path) -> list[Column]:
    """Classes spread over ImageNet's in the first templates of OpenAI's; also written to ``kept``."""
    names = open_clip.IMAGENET_CLASSNAMES[:: 1000 // classes][:classes]
    patterns = [template("{c}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES[:templates]]
    kept.write_text(json.dumps({"classes": names, "templates": patterns}), encoding="utf-8")
    return [
        Column("all", "object", str(place), name, tuple(pattern.format(c=name) for pattern in patterns))
        for place, name in enumerate(names)
    ]


def one_pass(model: LoadedModel, columns: list[Column]) -> Floats:
    """(K, D): what the stage does."""
    texts = unique_texts(columns)
    return class_vectors(columns, texts, encode_texts(model, texts))


@torch.no_grad()
def a_loop_over_classes(model: LoadedModel, columns: list[Column]) -> Floats:
    """(K, D): what CLIP_benchmark does, for where it cannot be installed."""
    tokenizer, vectors = model.tokenizer(), []
    for column in columns:
        encoded = model.clip.encode_text(tokenizer(list(column.texts)))
        mean = torch.nn.functional.normalize(encoded, dim=-1).mean(dim=0)
        vectors.append(mean / mean.norm())
    return np.asarray(torch.stack(vectors).float().numpy())
