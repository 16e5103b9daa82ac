"""Read a pickle that strangers made: lists, tuples, dicts by text, texts, bytes and numbers, nothing else.

A pickle is a program for a machine that calls whatever it names. This reader is no such machine: it knows the
opcodes that build plain values, one function each, and stops at any other. What comes out is a tree (only
texts and numbers may stand in it twice), so its size is that of the file; it has at most MAX_STEPS parts and
MAX_DEPTH containers in one another. By hand, because ``pickle.load`` bounds nothing.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError, one_line

MAX_BYTES = 16 << 20
MAX_STEPS = 1_000_000
MAX_DEPTH = 100
_SHOWN = 200  # of the reason: it may quote what stands in the file


def read_plain_pickle(path: Path) -> Any:
    """The content of ``path``. Raises StrataError when it is broken, large or holds more than that."""
    if path.stat().st_size > MAX_BYTES:
        raise StrataError(f"{path}: a pickle of more than {MAX_BYTES >> 20} MiB is not read")
    try:
        return _Reader().read(path.read_bytes())
    except Exception as error:  # a broken pickle raises whatever its bytes make the reader do
        what = f"not a pickle of plain lists, dicts, texts and numbers ({one_line(error)[:_SHOWN]})"
        raise StrataError(f"{path}: refused, {what}") from None


class _Reader:
    """The values being built: each with the depth of containers in it; marks say where a group starts."""

    def __init__(self) -> None:
        self._stack: list[tuple[Any, int]] = []
        self._marks: list[int] = []
        self._memo: dict[int, tuple[Any, int]] = {}

    def read(self, content: bytes) -> Any:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if opcode.name == "STOP":
                break
            if step >= MAX_STEPS:
                raise ValueError(f"it has more than {MAX_STEPS:,} parts")
            if opcode.name in _VALUES:
                self._stack.append((_VALUES[opcode.name](argument), 0))
            elif opcode.name in _STEPS:
                _STEPS[opcode.name](self, argument)
            elif opcode.name not in _SILENT:
                raise ValueError(f"it asks for {opcode.name}, which is no plain value")
        ((value, _),) = self._stack
        return value

    def mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def remember(self, number: Any) -> None:
        """Put the last value into the memo, under its next number if none is given."""
        self._memo[len(self._memo) if number is None else int(number)] = self._stack[-1]

    def recall(self, number: Any) -> None:
        """A text or number from the memo; a container would make the result larger than the file."""
        value, depth = self._memo[int(number)]
        if depth:
            raise ValueError("one list or dict stands in it twice")
        self._stack.append((value, 0))

    def group(self, make: Callable[[list[Any]], Any], values: list[tuple[Any, int]]) -> None:
        """Push a container of ``values``."""
        self._push(make([value for value, _ in values]), values)

    def fill(self, values: list[tuple[Any, int]]) -> None:
        """Put ``values`` into the list or dict below them: items, or keys and values in turn."""
        container, depth = self._stack.pop()
        if isinstance(container, dict):
            container.update(_pairs([value for value, _ in values]))
        elif isinstance(container, list):
            container.extend(value for value, _ in values)
        else:
            raise ValueError(f"it puts items into a {type(container).__name__}")
        self._push(container, values, depth)

    def last(self, count: int) -> list[tuple[Any, int]]:
        """Pop ``count`` values."""
        if len(self._stack) - count < (self._marks[-1] if self._marks else 0):
            raise ValueError("it takes more values than there are")
        taken = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return taken

    def marked(self) -> list[tuple[Any, int]]:
        """Pop all values since the last mark, and the mark."""
        start = self._marks.pop()
        taken = self._stack[start:]
        del self._stack[start:]
        return taken

    def _push(self, container: Any, inside: list[tuple[Any, int]], depth: int = 1) -> None:
        if inside:
            depth = max(depth, 1 + max(below for _, below in inside))
        if depth > MAX_DEPTH:
            raise ValueError(f"it has more than {MAX_DEPTH} containers in one another")
        self._stack.append((container, depth))


def _pairs(values: list[Any]) -> dict[str, Any]:
    keys = values[::2]
    if len(values) % 2 or not all(isinstance(key, str) for key in keys):
        raise ValueError("a dict has keys that are no texts")
    return dict(zip(keys, values[1::2], strict=True))


def _text(latin_1: str) -> str:
    """Python 2's texts are bytes, which pickletools shows as Latin-1."""
    return latin_1.encode("latin-1").decode("utf-8")


_SILENT = {"PROTO", "FRAME"}
_VALUES: dict[str, Callable[[Any], Any]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    **dict.fromkeys(("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4"), lambda value: value),
    **dict.fromkeys(("FLOAT", "BINFLOAT", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), lambda value: value),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), lambda value: value),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _text),
}
_STEPS: dict[str, Callable[[_Reader, Any], None]] = {
    "MARK": _Reader.mark,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Reader.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Reader.recall),
    "EMPTY_LIST": lambda reader, _: reader.group(list, []),
    "EMPTY_DICT": lambda reader, _: reader.group(_pairs, []),
    "EMPTY_TUPLE": lambda reader, _: reader.group(tuple, []),
    "LIST": lambda reader, _: reader.group(list, reader.marked()),
    "DICT": lambda reader, _: reader.group(_pairs, reader.marked()),
    "TUPLE": lambda reader, _: reader.group(tuple, reader.marked()),
    "TUPLE1": lambda reader, _: reader.group(tuple, reader.last(1)),
    "TUPLE2": lambda reader, _: reader.group(tuple, reader.last(2)),
    "TUPLE3": lambda reader, _: reader.group(tuple, reader.last(3)),
    "APPEND": lambda reader, _: reader.fill(reader.last(1)),
    "APPENDS": lambda reader, _: reader.fill(reader.marked()),
    "SETITEM": lambda reader, _: reader.fill(reader.last(2)),
    "SETITEMS": lambda reader, _: reader.fill(reader.marked()),
}
