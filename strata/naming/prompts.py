"""From prompt sets and classes to texts: one column of the logits is one class of one prompt set."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from strata.base.errors import StrataError
from strata.settings.params import PromptSet

VOWELS = "aeiou"
SPOKEN_WITH_Y_OR_W = ("eu", "uni", "use", "usu", "uti", "ufo", "ubi", "one", "once")  # a unicorn
SPOKEN_WITH_UN = ("unid", "unim", "unin", "unir")  # an unidentified man, an uninhabited island
SILENT_H = ("hour", "heir", "honest", "honour", "honor")


@dataclass(frozen=True)
class Column:
    """One class of one prompt set and all its texts."""

    prompt_set: str
    facet: str
    class_id: str
    name: str
    texts: tuple[str, ...]


def build_columns(
    prompts: Mapping[str, PromptSet], classes: pa.Table, where: str
) -> tuple[list[Column], dict[str, str]]:
    """All columns, prompt set by prompt set, classes in table order; and why a set was left out.

    A set is left out when the data has no class of its facet (a folder without labels). ``where`` names the
    file of the prompts in errors. Raises StrataError when a template asks for a description that a class of
    its facet does not have.
    """
    rows = classes.to_pylist()
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    for name, prompt_set in prompts.items():
        own = [row for row in rows if row["facet"] == prompt_set.facet]
        if not own:
            left_out[name] = f"the data set has no classes of the facet {prompt_set.facet!r}"
        columns += [
            Column(name, prompt_set.facet, row["class_id"], row["name"], _texts(name, prompt_set, row, where))
            for row in own
        ]
    return columns, left_out


def unique_texts(columns: Sequence[Column]) -> list[str]:
    """Every text once, in order of first appearance."""
    return list(dict.fromkeys(text for column in columns for text in column.texts))


def article(noun: str) -> str:
    """a or an, by sound as far as the spelling tells."""
    word = noun.lower()
    if word.startswith((*SILENT_H, *SPOKEN_WITH_UN)):
        return "an"
    return "an" if word[:1] in VOWELS and word and not word.startswith(SPOKEN_WITH_Y_OR_W) else "a"


def _texts(name: str, prompt_set: PromptSet, row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Every template with the class's name and, where the set wants them, its synonyms; each text once."""
    nouns = [row["name"], *(row["synonyms"] if prompt_set.synonyms else [])]
    pairs = itertools.product(prompt_set.templates, nouns)
    return tuple(dict.fromkeys(_fill(f"{where}: prompts.{name}", *pair, row) for pair in pairs))


def _fill(where: str, template: str, noun: str, row: Mapping[str, Any]) -> str:
    description = row["description"]
    if description is None and "{description" in template:
        raise StrataError(
            f"{where}: {template!r} asks for a description and class {row['class_id']!r} has none; "
            "give it one or use another template"
        )
    try:
        return template.format(noun, name=noun, article=article(noun), description=description)
    except (KeyError, IndexError, ValueError, AttributeError):
        raise StrataError(
            f"{where}: {template!r} is no template; it may hold {{name}}, {{article}}, {{description}}"
        ) from None
