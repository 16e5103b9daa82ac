"""Which weights file a model's YAML means, and that it is the one it was.

A file is named by ``weights.path`` (a folder in open_clip's form, or one file) or fetched by open_clip
through ``weights.tag`` or an ``hf-hub:`` architecture. Its SHA-256 is compared with ``weights.sha256``; a
download without a pinned hash is recorded the first time, and a later change is an error (hubs are not
pinned to a revision).

Not done here: anything unpickled. Safetensors are preferred, other files are only read with ``weights_only``.
"""

from __future__ import annotations

import difflib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from strata.base.errors import StrataError, one_line
from strata.base.hashing import HashMemo, sha256_file
from strata.base.locks import record_first_seen
from strata.settings.params import ModelConf

CONFIG = "open_clip_config.json"
HUB = "hf-hub:"
TIMM = "timm/"  # an image-only timm network: architecture timm/NAME, as timm's hub repository is called
FIRST = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
HUB_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


@dataclass(frozen=True)
class WeightsFile:
    """``spec`` and ``pretrained`` are what open_clip.create_model takes (``spec`` may start with timm/);
    ``file`` is what will be read.
    """

    spec: str
    pretrained: str | None
    file: Path
    downloaded: bool


def find_weights(conf: ModelConf, name: str) -> WeightsFile:
    """Find or fetch the weights of ``conf`` (conf/models/``name``.yaml).

    Raises StrataError naming what to put where when they are missing and cannot be fetched.
    """
    where = f"conf/models/{name}.yaml"
    if conf.weights.path:
        return _local(conf, Path(conf.weights.path).expanduser(), where)
    if conf.architecture is None:
        raise StrataError(
            f"{where}: neither architecture nor weights.path is set; one of them says what to load"
        )
    if conf.architecture.startswith(TIMM):
        file = _fetch(conf.architecture, ("model.safetensors",), where)
        return WeightsFile(conf.architecture, None, file, True)
    if conf.architecture.startswith(HUB):
        file = _fetch(conf.architecture.removeprefix(HUB), HUB_NAMES, where)
        return WeightsFile(conf.architecture, None, file, True)
    entry = tag_entry(conf, where)
    if entry is None:
        raise StrataError(
            f"{where}: weights.path and weights.tag are both null; one of them says where weights are"
        )
    repository, _, single = entry["hf_hub"].rpartition("/")
    if not repository:
        raise StrataError(
            f"{where}: {conf.weights.tag!r} is on no hub; fetch {entry['url']} and set weights.path"
        )
    file = _fetch(repository, (single,) if single else HUB_NAMES, where)
    return WeightsFile(conf.architecture, str(file), file, True)


def tag_entry(conf: ModelConf, where: str) -> dict[str, Any] | None:
    """open_clip's table entry for ``weights.tag``; None without a tag.

    Raises StrataError for a pair that open_clip does not list (naming near ones), and when tag and
    architecture disagree about QuickGELU: open_clip only warns and then computes wrong features.
    """
    if conf.weights.tag is None or conf.architecture is None:
        return None
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    config = open_clip.get_model_config(conf.architecture)
    if config is None:
        near = _near(conf.architecture, open_clip.list_models())
        raise StrataError(
            f"{where}: open_clip knows no architecture {conf.architecture!r}; near it are: {near}"
        )
    entry: dict[str, Any] = get_pretrained_cfg(conf.architecture, conf.weights.tag)
    if not entry:
        near = _near(conf.weights.tag, open_clip.list_pretrained_tags_by_model(conf.architecture))
        raise StrataError(
            f"{where}: open_clip lists no weights {conf.weights.tag!r} for {conf.architecture}; "
            f"near it are: {near}"
        )
    trained, built = bool(entry.get("quick_gelu")), bool(config.get("quick_gelu"))
    if trained != built:
        right = f"{conf.architecture}-quickgelu" if trained else conf.architecture.removesuffix("-quickgelu")
        raise StrataError(
            f"{where}: the weights {conf.weights.tag!r} were trained {'with' if trained else 'without'} "
            f"QuickGELU, {conf.architecture} computes {'with' if built else 'without'} it; "
            f"use architecture: {right}"
        )
    return entry


def _near(name: str, known: Sequence[str]) -> str:
    """The five of ``known`` most like ``name``, in any case."""
    spelled = {entry.lower(): entry for entry in known}
    found = difflib.get_close_matches(name.lower(), spelled, n=5, cutoff=0)
    return ", ".join(spelled[entry] for entry in found) or "none"


def check_hash(found: WeightsFile, conf: ModelConf, name: str, record: Path | None) -> str:
    """The file's SHA-256, after comparing it with the pinned or the recorded one.

    ``record`` : the file of first-seen hashes (``weights.tsv`` of the store), its folder also keeps the memo
    that spares re-reading gigabytes; None: nothing is kept.
    """
    memo = HashMemo(record.with_name("weights-hashes.txt")) if record else None
    sha256 = sha256_file(found.file, memo)
    pinned = conf.weights.sha256
    if pinned is not None and sha256 != pinned:
        raise StrataError(
            f"{found.file}: SHA-256 is {sha256}, conf/models/{name}.yaml pins {pinned}; "
            "fetch the right file or change weights.sha256"
        )
    if pinned is None and found.downloaded and record is not None:
        name = f"{found.spec}:{conf.weights.tag or ''}"
        first = record_first_seen(record, name, sha256)
        if first != sha256:
            raise StrataError(
                f"{found.file}: SHA-256 is {sha256} but {first} was loaded for {name} before: the hub's file "
                f"has changed; to accept it delete the line in {record}"
            )
    return sha256


def _local(conf: ModelConf, path: Path, where: str) -> WeightsFile:
    if path.is_file():
        if conf.architecture is None:
            raise StrataError(
                f"{where}: weights.path is a file, so architecture must say what network it is for"
            )
        tag_entry(conf, where)
        return WeightsFile(conf.architecture, str(path), path, False)
    if not path.is_dir():
        hint = f"; it comes from: {conf.weights.source}" if conf.weights.source else ""
        raise StrataError(f"{path}: no such file or folder (weights.path of {where}){hint}")
    if not (path / CONFIG).is_file():
        raise StrataError(
            f"{path}: no {CONFIG} in it; weights.path is a folder in open_clip's form or a weights file"
        )
    return WeightsFile(f"local-dir:{path}", None, _in_folder(path), False)


def _in_folder(folder: Path) -> Path:
    """The file open_clip would read there; StrataError where that is not plain to see."""
    for name in FIRST:
        if (folder / name).is_file():
            return folder / name
    found = sorted(entry for entry in folder.iterdir() if entry.suffix in (".safetensors", ".bin", ".pth"))
    if len(found) != 1:
        names = ", ".join(entry.name for entry in found) or "none"
        raise StrataError(f"{folder}: expected one weights file, found {names}; name yours {FIRST[0]}")
    return found[0]


def _fetch(repository: str, names: Sequence[str], where: str) -> Path:
    """The first of ``names`` that the hub's cache or the hub has."""
    offline = _hub_unreachable()
    reason = ""
    for name in names:
        found = _download(repository, name, offline)
        if isinstance(found, Path):
            return found
        reason = reason or found
    raise StrataError(
        f"{where}: its weights are not on this disk and cannot be fetched ({reason}); put {names[0]} of "
        f"the hub's {repository} on this disk and its path into weights.path, or use model=local"
    )


def _download(repository: str, name: str, offline: bool) -> Path | str:
    """Where the hub's file lies on this disk, or why it cannot be had."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repository, name, local_files_only=offline))
    except Exception as error:  # the client raises its own, and those of its HTTP library
        return "no network" if offline else one_line(error)[:160]


def _hub_unreachable() -> bool:
    """Is the hub's name unknown here? The client would try for most of a minute before it says so."""
    from huggingface_hub import constants

    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return False
    try:
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, 443)
    except OSError:
        return True
    return False
