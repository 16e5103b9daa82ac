"""What a run was given and what it found, and the sentences that follow from it: never more than is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SHOWN_ENDINGS = 8


@dataclass(frozen=True)
class Known:
    """What every sentence about missing parts rests on.

    ``labelled``: pictures that can be used and have a label; ``queries``: the collection's own, ``boxed`` of
    them with a box, ``judged`` of them with a picture that is known to be right; ``ranked``: pictures whose
    neighbours were looked for; ``clusters``: of each layer; ``prompt_sets``: that were compared with the
    pictures; ``reads_text``: can the model; ``scored``: has any layer a number to be compared by.
    """

    labelled: int
    queries: int
    boxed: int
    judged: int
    ranked: int
    clusters: int
    prompt_sets: int
    reads_text: bool
    scored: bool


def lacking(known: Known) -> str:
    """Why nothing says which layer is better; "" where something does.

    >>> lacking(Known(0, 2, 2, 0, 130, 8, 0, True, False))
    'the pictures have no labels, and of none of the 2 queries is it known which pictures are right'
    """
    if known.scored:
        return ""
    labels = "the labels leave nothing to score" if known.labelled else "the pictures have no labels"
    if not known.queries:
        return f"{labels}, and there are no queries"
    if not known.judged:
        of = f"none of the {known.queries} queries" if known.queries > 1 else "the one query"
        nothing = "is it" if known.queries > 1 else "it is not"
        return f"{labels}, and of {of} {nothing} known which pictures are right"
    return f"{labels}, and the queries leave nothing to score"


def found(known: Known) -> list[tuple[str, str]]:
    """(section, what stands there): what there is to see without any label or judgement."""
    boxes = f"where {counted(known.boxed, 'boxed detail')} may be in other pictures"
    nearest = f"the nearest pictures of {counted(known.ranked, 'picture')}"
    words = f"pictures beside {counted(known.prompt_sets, 'set')} of words"
    parts = (
        ("nearest", nearest, known.ranked),
        ("nearest", boxes, known.boxed),
        ("clusters", f"{counted(known.clusters, 'cluster')} of each layer", known.clusters),
        ("words", words, known.prompt_sets),
    )
    return [(section, said) for section, said, there in parts if there]


def not_read(endings: Mapping[str, int]) -> str:
    """Files beside the pictures whose endings are not read, the commonest first; "" without any.

    >>> not_read({".heic": 40, ".pdf": 1})
    '41 files with endings that are not read: .heic 40, .pdf 1'
    """
    if not endings:
        return ""
    ordered = sorted(endings.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{ending or 'none at all'} {count}" for ending, count in ordered[:SHOWN_ENDINGS])
    more = len(ordered) - SHOWN_ENDINGS
    rest = f" and {more} more endings" if more > 0 else ""
    total = sum(endings.values())
    return f"{total} file{'s' if total != 1 else ''} with endings that are not read: {shown}{rest}"


def counted(number: int, thing: str) -> str:
    """``1 picture``, ``20,000 pictures``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
