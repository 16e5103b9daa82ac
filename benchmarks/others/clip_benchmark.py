"""CLIP_benchmark's zero-shot path: python -m benchmarks.others.clip_benchmark MODEL PICTURES OUT AMP.

Its ``run_classification`` over a DataLoader, as its command line builds it, with the classifier made before.
AMP is 1 for its default (mixed precision, which means bf16 on a processor) or 0.
"""

from __future__ import annotations

import sys

import numpy as np
import open_clip
import torch
from clip_benchmark.metrics.zeroshot_classification import (  # type: ignore[import-not-found]
    run_classification,
)
from torchvision.datasets import ImageFolder  # type: ignore[import-untyped]

from benchmarks.others.serving import Floats, serve

BATCH, WORKERS = 32, 2


def main() -> None:
    model_folder, pictures, out, amp = sys.argv[1:]
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{model_folder}")
    model.eval()
    dataset = ImageFolder(pictures, transform=transform)
    # an identity in place of the classes' vectors: its logits are the pictures' vectors, times 100
    classifier = torch.eye(model.encode_image(torch.zeros(1, 3, *model.visual.image_size)).shape[1])

    def work() -> Floats:
        loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=False, num_workers=WORKERS)
        logits, _ = run_classification(model, classifier, loader, "cpu", amp=amp == "1")
        return np.asarray(logits.numpy() / 100)

    serve(work, out)


if __name__ == "__main__":
    main()
