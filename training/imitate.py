"""Dense imitation: what the ViT's tokens learn from the ResNet's maps.

One label a picture is too little for a small ViT to find shapes in a quarter of a million views. The
teacher's maps give it one target a patch and a level. The linear heads between the two exist only while
training.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from open_clip.model import CLIP
from torch import Tensor, nn

# teacher's stage -> (its channels, the pupil's block that imitates it)
LEVELS: dict[str, tuple[int, int]] = {"layer2": (128, 1), "layer3": (256, 3), "layer4": (512, 5)}


def new_heads(pupil_width: int) -> nn.ModuleDict:
    """One linear map a level, from the pupil's width to the teacher's channels."""
    return nn.ModuleDict({stage: nn.Linear(pupil_width, channels) for stage, (channels, _) in LEVELS.items()})


@contextmanager
def watched(modules: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Collect the outputs of modules by name while the block runs."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> torch.utils.hooks.RemovableHandle:
        return modules[name].register_forward_hook(lambda _m, _i, output: outputs.__setitem__(name, output))

    handles = [keep(name) for name in modules]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def teacher_maps(teacher: CLIP) -> dict[str, nn.Module]:
    """The teacher's stages to watch."""
    return {stage: getattr(teacher.visual, stage) for stage in LEVELS}


def pupil_blocks(pupil: CLIP) -> dict[str, nn.Module]:
    """The pupil's blocks to watch, by the stage they imitate."""
    return {stage: pupil.visual.transformer.resblocks[block] for stage, (_, block) in LEVELS.items()}


def dense_loss(maps: dict[str, Tensor], tokens: dict[str, Tensor], heads: nn.ModuleDict) -> Tensor:
    """Mean squared distance between standardised teacher maps and what the heads read from the tokens.

    maps[stage] : (B, C, h, w); tokens[stage] : (B, 1 + g * g, width), class token first. Maps are brought to
    the pupil's g x g grid. A pupil that knows nothing scores about 1.
    """
    losses = []
    for stage, head in heads.items():
        patches = tokens[stage][:, 1:]
        grid = round(patches.shape[1] ** 0.5)
        target = nn.functional.interpolate(
            maps[stage].float(), size=(grid, grid), mode="bilinear", align_corners=False, antialias=True
        )
        target = target.flatten(2).transpose(1, 2)
        flat = target.reshape(-1, target.shape[-1])
        target = (target - flat.mean(0)) / (flat.std(0) + 1e-4)
        losses.append((head(patches) - target).square().mean())
    return torch.stack(losses).mean()
