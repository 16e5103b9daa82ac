"""Archives of the true layout of the study's data sets, with generated pictures under the true names.

Loaded with ``runpy``. ``TRUTH`` is the folder of the true ground-truth files, found through STRATA_TEST_DATA.
"""

from __future__ import annotations

import functools
import io
import os
import pickle
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

TRUTH = Path(os.environ.get("STRATA_TEST_DATA", "/nowhere")) / "groundtruth"


@functools.cache
def jpeg(width: int = 48, height: int = 32) -> bytes:
    """A flat picture: its header is what the adaptors read."""
    stream = io.BytesIO()
    Image.new("L", (width, height), 128).save(stream, "JPEG", quality=10)
    return stream.getvalue()


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A zip as Info-ZIP makes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tgz_of(files: Mapping[str, bytes]) -> bytes:
    """A tgz as GNU tar makes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def texts(files: Mapping[str, Iterable[str]]) -> dict[str, bytes]:
    """Text files by name."""
    return {name: "".join(f"{line}\n" for line in lines).encode() for name, lines in files.items()}


def brueghel() -> dict[str, bytes]:
    """1,587 pictures, the 146 annotated ones under their true names, and the true ground truth."""
    import json

    truth = (TRUTH / "brueghelTest.json").read_bytes()
    named: dict[str, tuple[int, int]] = {}
    for entries in json.loads(truth).values():
        for entry in entries:
            for name, box in [entry["query"], *entry["gt"]]:
                width, height = named.get(name, (0, 0))
                named[name] = max(width, box[2]), max(height, box[3])
    pictures = {f"Brueghel/{name}": jpeg(1000, 1000) for name in named}
    assert max(max(sides) for sides in named.values()) <= 1000
    pictures |= {f"Brueghel/Nameless {i:04d}.jpg": jpeg() for i in range(1587 - len(pictures))}
    pictures |= {"Brueghel/._Nameless 0001.jpg": b"Mac", "__MACOSX/Brueghel/a.jpg": b"Mac"}
    return {"Brueghel.zip": zip_of(pictures), "brueghelTest.json": truth}


def landmark_truth(name: str) -> dict[str, Any]:
    """The true names, queries, ok and junk of ``oxford5k`` or ``paris6k``."""
    import scipy.io

    return dict(scipy.io.loadmat(TRUTH / f"gnd_{name}.mat", squeeze_me=True))


def label(name: str) -> str:
    """``paris_eiffel_000002`` -> ``eiffel``."""
    return name.rpartition("_")[0].removeprefix("paris_")


def landmarks(name: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Pictures of the collection by file name, and the text files of its ground truth."""
    truth = landmark_truth(name)
    names = [str(entry) for entry in truth["imlist"]]
    files: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    prefix = "oxc1_" if name == "oxford5k" else ""
    for judged, place in zip(truth["gnd"], truth["qidx"], strict=True):
        query = names[int(place) - 1]
        shown = Counter(label(names[int(i) - 1]) for i in judged["ok"].tolist())
        landmark = next(name for name, _ in shown.most_common() if name not in ("oxford", "general"))
        seen[landmark] += 1
        start = f"{landmark}_{seen[landmark]}"
        box = " ".join(str(side) for side in judged["bbx"].tolist())
        ok, junk = ([names[int(i) - 1] for i in judged[grade].tolist()] for grade in ("ok", "junk"))
        files |= {
            f"{start}_query.txt": [f"{prefix}{query} {box}"],
            f"{start}_good.txt": ok[: len(ok) // 2],
            f"{start}_ok.txt": ok[len(ok) // 2 :],
            f"{start}_junk.txt": junk,
        }
    return {f"{entry}.jpg": jpeg(1025, 1025) for entry in names}, texts(files)


def revisited(name: str) -> tuple[dict[str, bytes], bytes]:
    """Pictures of the collection, and a pickle of the revisited layout with 70 queries."""
    truth = landmark_truth({"roxford5k": "oxford5k", "rparis6k": "paris6k"}[name])
    names = [str(entry) for entry in truth["imlist"]]
    chosen = dict.fromkeys(names[int(place) - 1] for place in truth["qidx"])
    others = [entry for entry in names if entry not in chosen]
    queries = [*chosen, *others[: 70 - len(chosen)]]
    database = [entry for entry in names if entry not in set(queries)]
    judged = [
        {"bbx": [10.5, 20.0, 300.0, 400.0], "easy": [i, i + 1], "hard": [i + 2], "junk": [i + 3, i + 4]}
        for i in range(len(queries))
    ]
    content = {"imlist": database, "qimlist": queries, "gnd": judged}
    return {f"{entry}.jpg": jpeg(1025, 1025) for entry in names}, pickle.dumps(content, protocol=2)


def artphoto() -> dict[str, bytes]:
    """The 806 pictures under their true names."""
    names = (TRUTH / "artphoto_files.txt").read_text(encoding="utf-8").split("\n")
    return {"testImages_artphoto.zip": zip_of({name: jpeg() for name in names if name.strip()})}
