"""Labels and classes of a folder: from its first sub-folders, or from a CSV with one column a facet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.base.track import Warn
from strata.datasets.csv_rows import composed, name_finder, read_rows
from strata.settings.params import ClassEntry, LabelSource

Label = tuple[str, str]
"""(facet, what the source calls the class)"""
Labels = dict[str, list[Label]]
"""file -> its labels, facet by facet"""


def labels_from_folders(files: Sequence[str], facet: str) -> Labels:
    """The first sub-folder is the label; a picture beside the sub-folders has none."""
    known: dict[str, list[Label]] = {}  # a million files share the labels of a few folders
    labels: Labels = {}
    for file in files:
        folder, separator, _ = file.partition("/")
        if separator:
            labels[file] = known.setdefault(folder, [(facet, composed(folder))])
    return labels


def labels_from_csv(path: Path, shown: str, source: LabelSource, files: Sequence[str], warn: Warn) -> Labels:
    """Labels by file; several in one cell are separated by ``;``, several rows of one file add up.

    Rows that name no picture are counted in a warning; StrataError when no row names one.
    """
    rows = read_rows(path, shown, [source.file_column, *source.label_columns.values()])
    find = name_finder(files)
    labels: Labels = {}
    astray: list[str] = []
    for row in rows:
        cell = row.cells[source.file_column]
        file = find(cell)
        if file is None:
            astray.append(f"{cell!r} in {row.where}")
            continue
        known = labels.setdefault(file, [])
        known += [label for label in _cells(source, row.cells) if label not in known]
    if not labels:
        first = f" ({astray[0]})" if astray else ""
        raise StrataError(
            f"{shown}: none of its {len(rows)} rows names a picture of the folder{first}; column "
            f"{source.file_column!r} holds paths relative to the folder"
        )
    if astray:
        warn(
            f"{len(astray)} of {len(rows)} label rows name no picture of the folder, the first is {astray[0]}"
        )
    if len(labels) < len(files):
        warn(f"{len(files) - len(labels)} of {len(files)} pictures have no row in {shown}")
    order = list(source.label_columns)
    return {file: sorted(found, key=lambda label: order.index(label[0])) for file, found in labels.items()}


def _cells(source: LabelSource, cells: Mapping[str, str]) -> list[Label]:
    return [
        (facet, composed(part.strip()))
        for facet, column in source.label_columns.items()
        for part in cells[column].split(";")
        if part.strip()
    ]


def classes_of(
    labels: Labels, facets: Sequence[str], given: Mapping[str, Sequence[ClassEntry]] | None
) -> tuple[list[dict[str, Any]], dict[Label, str]]:
    """Rows of ``classes``, facet by facet, and the class_id of every label.

    A facet of ``given`` (the YAML's ``classes``) has exactly those classes, any other facet the labels found,
    sorted. A name that two facets share (``unknown``) is ``facet:name`` in the later one.
    """
    given = given or {}
    rows: list[dict[str, Any]] = []
    ids: dict[Label, str] = {}
    taken: set[str] = set()
    for facet in dict.fromkeys([*facets, *given]):
        found = sorted({label for own in labels.values() for where, label in own if where == facet})
        for entry in given.get(facet) or [ClassEntry(id=label) for label in found]:
            class_id = entry.id if entry.id not in taken else f"{facet}:{entry.id}"
            taken.add(class_id)
            ids[facet, composed(entry.id)] = class_id
            rows.append(
                {
                    "class_id": class_id,
                    "facet": facet,
                    "name": entry.name or _readable(entry.id),
                    "synonyms": entry.synonyms,
                    "description": entry.description,
                }
            )
    _refuse_unknown(labels, ids)
    return rows, ids


def _readable(label: str) -> str:
    """``fox-squirrel`` and ``fox_squirrel`` as two words; a hyphen among words already apart stays."""
    words = label.replace("_", " ")
    return words if " " in words else words.replace("-", " ")


def _refuse_unknown(labels: Labels, ids: Mapping[Label, str]) -> None:
    for file, own in labels.items():
        for facet, label in own:
            if (facet, label) not in ids:
                raise StrataError(
                    f"{file}: its {facet} {label!r} is not in conf/datasets/folder.yaml: classes.{facet}; "
                    "add it there, mend the label, or set classes to null"
                )
