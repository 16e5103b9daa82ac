"""Name pictures by text: python -m stages.zeroshot data/features data/tables data/zeroshot."""

from __future__ import annotations

import os
from functools import cache

from stages import settings
from stages.running import paths, run_stage, track, warn
from strata.base.workspace import store_root
from strata.collection.tables import read_tables
from strata.models.loading import LoadedModel, load_model
from strata.naming.captions import KS, match_captions
from strata.naming.prompts import said_equal, typed_prompts
from strata.naming.zeroshot import name_pictures
from strata.settings.params import PromptSet


def main() -> str:
    features, tables, out = paths()
    run = settings.params("dataset", "model", "extract.precision", "zeroshot")
    model = settings.model("architecture", "weights", "image_only", "linear_stem")

    @cache
    def load() -> LoadedModel:
        return load_model(
            model,
            precision=run.extract.precision,
            device=os.environ.get("STRATA_DEVICE") or "cpu",
            hash_record=store_root() / "weights.tsv",
            name=run.model,
        )

    content = read_tables(tables)
    found, status = name_pictures(
        features,
        content,
        out,
        prompts=_prompts(run.dataset),
        where=f"{settings.DATASETS}/{run.dataset}.yaml",
        image_only=model.image_only,
        load=load,
        top=run.zeroshot.top,
        track=track,
    )
    matched = match_captions(
        features, content, out / "captions", image_only=model.image_only, load=load, track=track
    )
    for name, reason in status["left_out"].items():
        warn("zeroshot", f"prompt set {name} is left out: {reason}")
    for name, equal in status.get("equal_texts", {}).items():
        warn("zeroshot", f"prompt set {name}: {said_equal(equal)}")
    if status.get("texts_cut"):
        warn("zeroshot", f"{status['texts_cut']} of {status['texts']} texts are longer than the model reads")
    shown = [
        f"{score.layer} {score.metric} {score.value:.3f}"
        for score in found.scores
        if score.metric in ("top1", "map")
    ]
    sets = {score.layer for score in found.scores}
    captions = "".join(
        f"; captions: {score.layer.replace('_', ' ')} {score.metric} {score.value:.3f}"
        for score in matched.scores
        if score.metric == f"hit_at_{KS[0]}"
    )
    if not sets:
        return f"nothing named: {status['status']}{captions}"
    said = ", ".join(shown) or "nothing to score"
    return f"{len(sets)} prompt sets, {status['texts']} texts; {said}{captions}"


def _prompts(dataset: str) -> dict[str, PromptSet] | None:
    """The data set's prompt sets, and what was typed for a folder."""
    prompts = settings.dataset("prompts").prompts
    return typed_prompts(prompts, *settings.own_words("folder")) if dataset == "folder" else prompts


if __name__ == "__main__":
    run_stage("zeroshot", main, sealed=1)
