"""The one exception a user is meant to read, and others put into words."""

from __future__ import annotations


class StrataError(Exception):
    """Something the user can mend. The message is one line: what, where, and what to do about it."""


def one_line(error: BaseException) -> str:
    """What an exception says, on one line; its type's name if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
