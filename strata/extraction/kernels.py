"""What decides the last bits of a value, besides what was asked for: the machine, the libraries, the batch.

Sums are rounded in the order in which a kernel adds, and kernels are chosen by all of this. With the demo's
models on one processor, 8 pictures a batch in place of 16 change demo-rn's last two layers, 8 on two threads
do not; AVX2 in place of AVX-512 changes both models, whether torch's own kernels or oneDNN's are held to it.
How many batches are worked on at once changes nothing.
"""

from __future__ import annotations

import os
from typing import Any

import torch

from strata.base.machine import cpu_vendor, cpu_with, versions_of
from strata.models.loading import LoadedModel
from strata.models.overlapping_patches import overlap_saved

LIMITS = (  # variables that hold oneDNN's and MKL's kernels to fewer instructions, or to another arithmetic
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
)
HALF = ("avx512_bf16", "avx512_fp16", "amx_bf16", "amx_fp16")  # what reduced precisions are computed with
LIBRARIES = ("open_clip_torch", "timm", "simplejpeg", "pillow")  # the networks' definitions, the decoders

Computed = dict[str, Any]


def computed_with(model: LoadedModel, batch: int, threads: int) -> Computed:
    """By name, as JSON: two values of the same request are the same bits where all of this is equal.

    ``batch``: pictures a batch, as it was in the end; ``threads``: those of one batch (a GPU has no use for
    them).
    """
    on_gpu = model.device.type == "cuda"
    return {
        "device": _gpu(model.device) if on_gpu else model.device.type,
        "instructions": _instructions(model.dtype),
        "batch": batch,
        "threads": 1 if on_gpu else threads,
        **_patches(model),
        "torch": torch.__version__,
        **versions_of(LIBRARIES),
    }


def _patches(model: LoadedModel) -> Computed:
    fast = model.dtype == torch.float32 and overlap_saved(model.visual)
    return {"patches": "overlap-save"} if fast else {}


def _instructions(dtype: torch.dtype) -> str:
    """The processor's class: who made it, torch's word for its instructions, what was switched off."""
    own = [cpu_vendor(), torch.backends.cpu.get_cpu_capability()]
    own += cpu_with(HALF) if dtype != torch.float32 else []
    own += [f"{name}={os.environ[name]}" for name in LIMITS if os.environ.get(name)]
    return " ".join(own)


def _gpu(device: torch.device) -> str:
    version = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return f"{torch.cuda.get_device_name(device)}, cuDNN {version}"
