"""The one exception a user is meant to read, and others put into words."""

from __future__ import annotations

from collections.abc import Iterable


class StrataError(Exception):
    """Something the user can mend. The message is one line: what, where, and what to do about it."""


def listed(names: Iterable[str]) -> str:
    """Names that stand in a stranger's file, for a message: at most 300 characters, none of them an escape.

    >>> listed(["file", "\\x1b[2J"])
    'file, ?[2J'
    """
    text = ", ".join(names)
    shown = "".join(char if char.isprintable() else "?" for char in text[:300])
    return shown if len(text) <= 300 else f"{shown} ..."


def one_line(error: BaseException) -> str:
    """What an exception says, on one line; its type's name if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
