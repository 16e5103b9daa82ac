"""Name pictures by text: python -m stages.zeroshot data/features data/tables data/zeroshot."""

from __future__ import annotations

import os

from stages import settings
from stages.running import paths, run_stage, track, warn
from strata.base.workspace import store_root
from strata.collection.tables import read_tables
from strata.models.loading import LoadedModel, load_model
from strata.naming.zeroshot import name_pictures


def main() -> str:
    features, tables, out = paths()
    run = settings.params("dataset", "model", "extract.precision", "zeroshot")
    model = settings.model("architecture", "weights", "image_only", "linear_stem")

    def load() -> LoadedModel:
        return load_model(
            model,
            precision=run.extract.precision,
            device=os.environ.get("STRATA_DEVICE") or "cpu",
            hash_record=store_root() / "weights.tsv",
            name=run.model,
        )

    found, status = name_pictures(
        features,
        read_tables(tables),
        out,
        prompts=settings.dataset("prompts").prompts,
        where=f"{settings.DATASETS}/{run.dataset}.yaml",
        image_only=model.image_only,
        load=load,
        top=run.zeroshot.top,
        track=track,
    )
    for name, reason in status["left_out"].items():
        warn("zeroshot", f"prompt set {name} is left out: {reason}")
    if status.get("texts_cut"):
        warn("zeroshot", f"{status['texts_cut']} of {status['texts']} texts are longer than the model reads")
    shown = [
        f"{score.layer} {score.metric} {score.value:.3f}"
        for score in found.scores
        if score.metric in ("top1", "map")
    ]
    sets = {score.layer for score in found.scores}
    if not sets:
        return f"nothing named: {status['status']}"
    return f"{len(sets)} prompt sets, {status['texts']} texts; {', '.join(shown) or 'nothing to score'}"


if __name__ == "__main__":
    run_stage("zeroshot", main)
