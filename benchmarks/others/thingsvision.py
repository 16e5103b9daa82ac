"""thingsvision's extraction: python -m benchmarks.others.thingsvision MODEL PICTURES OUT FOLDER.

Its ``extract_features`` over its own ImageDataset and DataLoader, of the image tower's output. PICTURES holds
the pictures in one folder. TensorFlow, which it imports for other networks, is replaced by an empty module.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import open_clip
import torch

from benchmarks.others.serving import Floats, serve

BATCH = 32


def main() -> None:
    model_folder, pictures, out, folder = sys.argv[1:]
    _without_tensorflow()
    from thingsvision import get_extractor_from_model  # type: ignore[import-not-found]
    from thingsvision.utils.data import DataLoader, ImageDataset  # type: ignore[import-not-found]

    (root,) = Path(pictures).iterdir()
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{model_folder}")

    def forward(extractor: Any, batch: torch.Tensor) -> torch.Tensor:
        embedding: torch.Tensor = extractor.model.encode_image(batch)
        return embedding

    extractor = get_extractor_from_model(
        model=model, device="cpu", backend="pt", preprocess=transform, forward_fn=forward
    )

    def work() -> Floats:
        dataset = ImageDataset(
            root=str(root), out_path=folder, backend="pt", transforms=extractor.get_transformations()
        )
        batches = DataLoader(dataset=dataset, batch_size=BATCH, backend="pt")
        return np.asarray(
            extractor.extract_features(batches=batches, module_name="visual", flatten_acts=False)
        )

    serve(work, out)


def _without_tensorflow() -> None:
    """Any name of any of its modules exists and is good for nothing."""
    names = ("tensorflow", "tensorflow.keras", "tensorflow.keras.layers", "tensorflow.keras.applications")
    for name in names:
        stand_in: ModuleType = MagicMock(spec=None)
        sys.modules[name] = stand_in


if __name__ == "__main__":
    main()
