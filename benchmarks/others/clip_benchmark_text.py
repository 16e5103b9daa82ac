"""CLIP_benchmark's classifier: python -m benchmarks.others.clip_benchmark_text MODEL PROMPTS OUT AMP.

Its ``zero_shot_classifier``, one ``encode_text`` a class. PROMPTS: a JSON file of ``classes`` and
``templates`` (with {c}). AMP is 1 for its default (mixed precision, bf16 on a processor) or 0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import open_clip
from clip_benchmark.metrics.zeroshot_classification import (  # type: ignore[import-not-found]
    zero_shot_classifier,
)

from benchmarks.others.serving import Floats, serve


def main() -> None:
    model_folder, prompts, out, amp = sys.argv[1:]
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{model_folder}")
    model.eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{model_folder}")
    said = json.loads(Path(prompts).read_text(encoding="utf-8"))

    def work() -> Floats:
        made = zero_shot_classifier(
            model, tokenizer, said["classes"], said["templates"], "cpu", amp=amp == "1"
        )
        return np.asarray(made.T.float().numpy())

    serve(work, out)


if __name__ == "__main__":
    main()
