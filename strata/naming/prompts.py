"""From prompt sets and classes to texts: one column of the logits is one class of one prompt set."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strata.base.errors import StrataError
from strata.settings.params import PromptSet

if TYPE_CHECKING:
    import pyarrow as pa

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
        if prompt_set.words:
            own = _worded(prompt_set.words, own, {row["class_id"] for row in rows})
        if not own:
            left_out[name] = f"the data set has no classes of the facet {prompt_set.facet!r}"
        columns += [
            Column(name, prompt_set.facet, row["class_id"], row["name"], _texts(name, prompt_set, row, where))
            for row in own
        ]
    return columns, left_out


def typed_prompts(
    prompts: Mapping[str, PromptSet] | None, words: Sequence[str], templates: Sequence[str]
) -> dict[str, PromptSet]:
    """``prompts``, and what was typed: ``templates`` as the set ``typed``, ``words`` as the set ``words``.

    Both are of the first set's facet; without ``templates`` the words are put into that set's.
    """
    sets = dict(prompts or {})
    first = next(iter(sets.values()), PromptSet(facet="label", templates=["a photo of a {name}."]))
    texts = list(templates) or first.templates
    if templates:
        sets["typed"] = PromptSet(facet=first.facet, templates=texts)
    if words:
        sets["words"] = PromptSet(facet=first.facet, templates=texts, words=list(words))
    return sets


def equal_texts(columns: Sequence[Column]) -> dict[str, dict[str, list[str]]]:
    """Prompt set -> first text -> classes, where several classes of a set have the same texts.

    No picture can be told to be of one of them and not of another; ties go to the first.
    """
    classes: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for column in columns:
        classes.setdefault((column.prompt_set, column.texts), []).append(column.class_id)
    found: dict[str, dict[str, list[str]]] = {}
    for (name, texts), ids in classes.items():
        if len(ids) > 1:
            found.setdefault(name, {})[texts[0]] = ids
    return found


def said_equal(equal: Mapping[str, Sequence[str]]) -> str:
    """One prompt set's ``equal_texts`` in a line: how many, and the first three.

    >>> said_equal({"a photo of a crane.": ["n1", "n3"]})
    "1 texts are those of several classes: 'a photo of a crane.' (n1, n3)"
    """
    first = "; ".join(f"{text!r} ({', '.join(classes)})" for text, classes in list(equal.items())[:3])
    return f"{len(equal)} texts are those of several classes: {first}{'; ...' if len(equal) > 3 else ''}"


def unique_texts(columns: Sequence[Column]) -> list[str]:
    """Every text once, in order of first appearance."""
    return list(dict.fromkeys(text for column in columns for text in column.texts))


def article(noun: str) -> str:
    """a or an, by sound as far as the spelling tells."""
    word = noun.lower()
    if word.startswith((*SILENT_H, *SPOKEN_WITH_UN)):
        return "an"
    return "an" if word[:1] in VOWELS and word and not word.startswith(SPOKEN_WITH_Y_OR_W) else "a"


def _worded(
    words: Sequence[str], classes: Sequence[Mapping[str, Any]], taken: Collection[str]
) -> list[dict[str, Any]]:
    """Words as rows of ``classes``: the class of that id or name (of several the first), or a new one."""
    known: dict[str, Mapping[str, Any]] = {}
    for key in ("class_id", "name"):
        for row in classes:
            known.setdefault(row[key].casefold(), row)
    rows: dict[str, dict[str, Any]] = {}
    for word in words:
        same = known.get(word.casefold())
        class_id = same["class_id"] if same else f"word:{word}" if word in taken else word
        description = same["description"] if same else None
        rows.setdefault(
            class_id, {"class_id": class_id, "name": word, "synonyms": [], "description": description}
        )
    return list(rows.values())


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
