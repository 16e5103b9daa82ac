"""How a peer's script talks: a line in, the same work once more, a line of JSON out.

Imports and the network are loaded once, before the first line; what the peer prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def serve(work: Callable[[], Floats], out: str) -> None:
    """Answer every line of standard input with the seconds ``work`` took; saves its vectors in ``out``."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the peer's own words must not get between the answers
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        made = work()
        seconds = time.perf_counter() - started
        np.save(out, np.asarray(made, np.float32))
        print(json.dumps({"seconds": seconds}), file=answers, flush=True)
