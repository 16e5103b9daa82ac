"""Labels and classes of a folder: from its first sub-folders, or from a CSV with one column a facet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError
from strata.base.track import Warn
from strata.datasets.csv_rows import Row, check_columns, composed, read_rows, rows_of_pictures
from strata.settings.params import ClassEntry, LabelSource

Label = tuple[str, str]
"""(facet, what the source calls the class)"""
Labels = dict[str, list[Label]]
"""file -> its labels, facet by facet"""


@dataclass(frozen=True)
class Told:
    """What a labels CSV tells: labels, what prompts call a class, and of some files a split and captions."""

    labels: Labels
    names: dict[Label, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    captions: dict[str, list[str]] = field(default_factory=dict)


def labels_from_folders(files: Sequence[str], facet: str) -> Labels:
    """The first sub-folder is the label; a picture beside the sub-folders has none."""
    known: dict[str, list[Label]] = {}  # a million files share the labels of a few folders
    labels: Labels = {}
    for file in files:
        folder, separator, _ = file.partition("/")
        if separator:
            labels[file] = known.setdefault(folder, [(facet, composed(folder))])
    return labels


def told_by_csv(path: Path, shown: str, source: LabelSource, files: Sequence[str], warn: Warn) -> Told:
    """Labels by file; several in one cell are separated by ``;``, several rows of one file add up.

    Names of classes, splits and captions come from ``source``'s columns where the CSV has them; a CSV with
    captions needs no labels. Rows that name no picture are left out with a warning; StrataError when no row
    names one, and where two rows contradict each other.
    """
    rows = read_rows(path, shown, [source.file_column])
    if not rows:
        raise StrataError(f"{shown}: no rows below its header")
    header, labelled = rows[0].cells.keys(), source.label_columns.values()
    if source.caption_column not in header or not header.isdisjoint(labelled):
        check_columns(header, shown, labelled)
    told = Told({})
    for row, file in rows_of_pictures(rows, source.file_column, files, warn):
        known = told.labels.setdefault(file, [])
        for facet in source.label_columns:
            own = _parts(row, source.label_columns[facet])
            _note_names(told.names, facet, own, row, (source.name_columns or {}).get(facet))
            known += [(facet, label) for label in own if (facet, label) not in known]
        caption = row.cells.get(source.caption_column or "", "").strip()
        if caption and caption not in told.captions.setdefault(file, []):
            told.captions[file].append(caption)
        split = row.cells.get(source.split_column or "", "").strip()
        if split and told.splits.setdefault(file, split) != split:
            raise StrataError(f"{row.where}: {file!r} is in split {split!r} and in {told.splits[file]!r}")
    if len(told.labels) < len(files):
        warn(f"{len(files) - len(told.labels)} of {len(files)} pictures have no row in {shown}")
    order = list(source.label_columns)
    ordered = {
        file: sorted(found, key=lambda label: order.index(label[0])) for file, found in told.labels.items()
    }
    return replace(told, labels=ordered)


def _parts(row: Row, column: str | None) -> list[str]:
    """What a cell lists, separated by ``;``; nothing where there is no such column."""
    return [composed(part.strip()) for part in row.cells.get(column or "", "").split(";") if part.strip()]


def _note_names(
    names: dict[Label, str], facet: str, labels: Sequence[str], row: Row, column: str | None
) -> None:
    """Add what the row calls the classes of its ``labels``, one name a label; an empty cell says nothing."""
    own = _parts(row, column)
    if own and len(own) != len(labels):
        raise StrataError(
            f"{row.where}: column {column!r} has {len(own)} names for {len(labels)} labels; both are "
            "separated by ;, or set labels.name_columns to null in conf/datasets/folder.yaml"
        )
    for label, name in zip(labels, own, strict=False):
        if (before := names.setdefault((facet, label), name)) != name:
            raise StrataError(
                f"{row.where}: class {label!r} is called {name!r} here and {before!r} before; a class has "
                "one name (or set labels.name_columns to null in conf/datasets/folder.yaml)"
            )


def classes_of(
    labels: Labels,
    facets: Sequence[str],
    given: Mapping[str, Sequence[ClassEntry]] | None,
    names: Mapping[Label, str] | None = None,
) -> tuple[list[dict[str, Any]], dict[Label, str]]:
    """Rows of ``classes``, facet by facet, and the class_id of every label.

    A facet of ``given`` (the YAML's ``classes``) has exactly those classes, any other facet the labels found,
    sorted. A name that two facets share (``unknown``) is ``facet:name`` in the later one. ``names``: what
    prompts call a class; what ``given`` says goes before.
    """
    names = names or {}
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
                    "name": entry.name or names.get((facet, composed(entry.id))) or _readable(entry.id),
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
