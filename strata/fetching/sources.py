"""What a data set's YAML says about the files it needs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from strata.settings.params import Strict, parse

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]


class RemoteFile(Strict):
    """One file: mirrors in order of preference; ``bytes`` and ``sha256`` where they are known.

    ``unpack``: an archive whose content is wanted; otherwise the file itself is.
    """

    name: FileName
    urls: Annotated[list[Annotated[str, Field(pattern=r"^https?://")]], Field(min_length=1)]
    bytes: Annotated[int, Field(ge=1)] | None
    sha256: Sha256 | None
    unpack: bool


class Sources(Strict):
    """``sources`` of a data set that is a few files."""

    files: Annotated[list[RemoteFile], Field(min_length=1)]


def read_sources(values: Any, dataset: str) -> Sources:
    """``sources`` of conf/datasets/DATASET.yaml, checked."""
    return parse(Sources, values or {}, f"conf/datasets/{dataset}.yaml: sources")
