"""Train one demo model: ``python -m training.train --model demo-rn`` (then ``--model demo-vit``).

Draws the pool, trains by contrast, saves fp16 weights to a temporary folder, judges them there, and installs
them under ``models/`` only when they are good enough; otherwise it exits with 1 and leaves ``models/`` alone.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from open_clip.model import CLIP
from safetensors.torch import load_file
from torch import Tensor, nn

from strata.demo.collection import DEFAULT_PICTURES, DEFAULT_SEED, write_collection
from training import captions as said
from training import towers
from training.contrast import multi_positive_loss
from training.drawings import VIEW_PX, Pool, assert_disjoint, load_pool, training_seeds
from training.imitate import dense_loss, new_heads, pupil_blocks, teacher_maps, watched
from training.judge import zero_shot_accuracy

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "training"
BATCH = 128
WARM_UP = 80
# each quarter of every other batch shares medium and mood: there only the motif tells pictures apart
GROUPS = 4
NEEDED = {"demo-rn": 0.80, "demo-vit": 0.60}


@dataclass(frozen=True)
class Recipe:
    """How long and how fast one model learns."""

    steps: int
    rate: float
    decay: float
    bfloat16: bool  # measured: faster for the ResNet's convolutions, slower for the small ViT
    teacher: str | None = None  # a trained model whose text tower to take over and whose pictures to imitate
    vector_weight: float = 0.0  # of imitating the teacher's image vectors
    dense_weight: float = 0.0  # of imitating its maps


RECIPES = {
    "demo-rn": Recipe(steps=2600, rate=2e-3, decay=0.02, bfloat16=True),
    "demo-vit": Recipe(
        steps=1800,
        rate=1e-3,
        decay=0.05,
        bfloat16=False,
        teacher="demo-rn",
        vector_weight=6.0,
        dense_weight=6.0,
    ),
}


@dataclass(frozen=True)
class Sayings:
    """One family of captions, tokenised: ``tokens : (len(captions), CONTEXT) int64``."""

    captions: list[said.Caption]
    tokens: Tensor
    per_step: int
    first: float  # share of the training after which the family joins in
    weight: float


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, train, judge, install."""
    parser = argparse.ArgumentParser(description="Train a small CLIP model on drawings.")
    parser.add_argument("--model", choices=towers.MODELS, required=True)
    parser.add_argument("--steps", type=int, help="fewer steps than the recipe's, to try things out")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    name: str = options.model

    torch.set_num_threads(2)
    torch.manual_seed(options.seed)
    assert_disjoint(training_seeds(), DEFAULT_SEED, DEFAULT_PICTURES)
    begin = time.perf_counter()
    pool = load_pool(CACHE)
    print(f"{len(pool.motif)} drawings ready after {time.perf_counter() - begin:.0f} s", flush=True)
    known = towers.known_tokens(caption.text for caption in said.all_captions())
    recipe = RECIPES[name]
    model = train(name, pool, known, recipe, options.steps or recipe.steps, options.seed)
    print(f"trained after {time.perf_counter() - begin:.0f} s", flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        fresh, collection = Path(temporary) / name, Path(temporary) / "collection"
        towers.save(model, name, known, fresh)
        write_collection(collection, seed=DEFAULT_SEED, pictures=DEFAULT_PICTURES, damaged=False)
        accuracy = zero_shot_accuracy(fresh, collection)
        print("zero-shot top-1: " + ", ".join(f"{facet} {share:.3f}" for facet, share in accuracy.items()))
        weights = (fresh / towers.WEIGHTS).read_bytes()
        print(f"weights: {len(weights) / 1e6:.2f} MB, sha256 {hashlib.sha256(weights).hexdigest()}")
        if accuracy["motif"] < NEEDED[name]:
            print(f"below the {NEEDED[name]:.0%} asked of {name}: nothing installed", file=sys.stderr)
            return 1
        home = ROOT / "models" / name
        home.mkdir(parents=True, exist_ok=True)
        for file in (towers.CONFIG, towers.WEIGHTS):
            shutil.copyfile(fresh / file, home / file)
    return 0


def train(name: str, pool: Pool, known: Tensor, recipe: Recipe, steps: int, seed: int) -> CLIP:
    """Train from scratch; gives the model with its small token table, in eval mode."""
    rng = np.random.default_rng(seed)
    model = towers.build(name, len(known))
    teacher = _teacher(recipe.teacher, model, known) if recipe.teacher else None
    model.visual.to(memory_format=torch.channels_last)
    families = _families(known)
    heads = new_heads(model.visual.conv1.out_channels) if teacher else nn.ModuleDict()
    optimiser = _optimiser([*model.parameters(), *heads.parameters()], recipe)
    cells = _cells(pool)
    begin = time.perf_counter()
    model.train()
    for step in range(steps):
        done = step / steps
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
        rows = _choose(pool, cells, rng, alike=step % 2 == 1)
        pictures = augment(pool, rows, rng)
        if teacher is None:
            seen = _encode(model, pictures, recipe.bfloat16)
            loss = _contrast(model, families, pool, rows, seen, rng, done)
        else:
            with torch.no_grad(), watched(teacher_maps(teacher)) as maps:
                target = _encode(teacher, pictures, bfloat16=True)
            with watched(pupil_blocks(model)) as tokens:
                seen = _encode(model, pictures, recipe.bfloat16)
            contrast = _contrast(model, families, pool, rows, seen, rng, done)
            apart, dense = (1 - (seen * target).sum(-1)).mean(), dense_loss(maps, tokens, heads)
            loss = contrast + recipe.vector_weight * apart + recipe.dense_weight * dense
            if step % 100 == 99:
                print(
                    f"  contrast {contrast.item():.2f}, vectors {apart.item():.3f}, maps {dense.item():.3f}"
                )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(50))
        if step % 100 == 99:
            pace = (step + 1) / (time.perf_counter() - begin)
            print(f"step {step + 1}: loss {loss.item():.3f}, {pace * BATCH:.0f} pictures/s", flush=True)
    return model.eval()


def _encode(model: CLIP, pictures: Tensor, bfloat16: bool) -> Tensor:
    """(B, 3, H, W) -> (B, D) float32 of unit length."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        vectors = model.encode_image(pictures)
    return nn.functional.normalize(vectors.float(), dim=-1)


def augment(pool: Pool, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Random view, crop, flip and light of pool rows: (B, 3, IMAGE_PX, IMAGE_PX) float, normalised."""
    views = pool.views[rows, rng.integers(0, 2, len(rows))]
    side = int(rng.integers(84, VIEW_PX + 1)) if rng.random() < 0.7 else VIEW_PX
    corners = rng.integers(0, VIEW_PX - side + 1, (len(rows), 2))
    crops = np.stack([view[y : y + side, x : x + side] for view, (y, x) in zip(views, corners, strict=True)])
    flip = rng.random(len(rows)) < 0.5
    crops[flip] = crops[flip, :, ::-1]
    batch = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
    batch = nn.functional.interpolate(
        batch, size=(towers.IMAGE_PX, towers.IMAGE_PX), mode="bilinear", antialias=True
    )
    gain = torch.from_numpy(rng.uniform(0.85, 1.15, (len(rows), 3, 1, 1)).astype(np.float32))
    lift = torch.from_numpy(rng.uniform(-14, 14, (len(rows), 1, 1, 1)).astype(np.float32))
    light = (batch * gain + lift).clamp(0, 255)
    return towers.normalise(light).contiguous(memory_format=torch.channels_last)


def _contrast(
    model: CLIP,
    families: list[Sayings],
    pool: Pool,
    rows: np.ndarray,
    seen: Tensor,
    rng: np.random.Generator,
    done: float,
) -> Tensor:
    """The weighted multi-positive losses of the families at work; captions compete within their family."""
    active = [family for family in families if done >= family.first]
    picks = [rng.choice(len(f.captions), min(f.per_step, len(f.captions)), replace=False) for f in active]
    tokens = torch.cat([f.tokens[torch.from_numpy(pick)] for f, pick in zip(active, picks, strict=True)])
    meant = model.encode_text(tokens, normalize=True)
    logits = model.logit_scale.exp() * seen @ meant.T
    loss, start = logits.sum() * 0.0, 0
    for family, pick in zip(active, picks, strict=True):
        chosen = [family.captions[i] for i in pick]
        held = said.satisfied(
            chosen, pool.motif[rows], pool.medium[rows], pool.mood[rows], pool.details[rows]
        )
        part = logits[:, start : start + len(pick)]
        loss = loss + family.weight * multi_positive_loss(part, torch.from_numpy(held))
        start += len(pick)
    return loss


def _families(known: Tensor) -> list[Sayings]:
    # motifs first and alone: palette and medium are easier, and learnt first they would drown shape
    plan = (
        (said.motif_captions(), 60, 0.0, 1.0),
        (said.medium_captions(), 20, 0.25, 0.3),
        (said.mood_captions(), 16, 0.3, 0.3),
        (said.joint_captions(), 64, 0.35, 0.5),
        (said.detail_captions(), 20, 0.4, 0.25),
    )
    return [Sayings(c, towers.tokenize([s.text for s in c], known), n, f, w) for c, n, f, w in plan]


def _cells(pool: Pool) -> list[np.ndarray]:
    """Rows of the pool by medium and mood."""
    cell = pool.medium * (int(pool.mood.max()) + 1) + pool.mood
    return [np.flatnonzero(cell == value) for value in np.unique(cell)]


def _choose(pool: Pool, cells: list[np.ndarray], rng: np.random.Generator, alike: bool) -> np.ndarray:
    """Rows of a batch: any, or groups that share medium and mood (several, for batch norm's sake)."""
    if not alike:
        return rng.choice(len(pool.motif), BATCH, replace=False)
    chosen = rng.choice(len(cells), GROUPS, replace=False)
    return np.concatenate([rng.choice(cells[i], BATCH // GROUPS, replace=False) for i in chosen])


def _optimiser(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.AdamW:
    learning = [p for p in parameters if p.requires_grad]
    decayed = [p for p in learning if p.ndim >= 2]
    free = [p for p in learning if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": recipe.decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98))


def _teacher(name: str, pupil: CLIP, known: Tensor) -> CLIP:
    """Load a trained model, hand its text tower to the pupil, fixed, and give it in eval mode."""
    path = ROOT / "models" / name / towers.WEIGHTS
    state = {
        key: value.float() if value.is_floating_point() else value for key, value in load_file(path).items()
    }
    state["token_embedding.weight"] = state["token_embedding.weight"][known]
    teacher = towers.build(name, len(known))
    teacher.load_state_dict(state)
    pupil.load_state_dict({k: v for k, v in state.items() if not k.startswith("visual.")}, strict=False)
    # fixed, so that the sentences stay where the teacher's pictures are while the pupil's are still noise
    for key, parameter in pupil.named_parameters():
        parameter.requires_grad_(key.startswith("visual.") or key == "logit_scale")
    return teacher.eval()


if __name__ == "__main__":
    sys.exit(main())
