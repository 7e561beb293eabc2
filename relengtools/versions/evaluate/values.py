"""What static evaluation works on: plain values, text with its place, and stand-ins for all that is not known."""

import ast
import operator
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, SupportsIndex

from relengtools.versions.locate.source import Source

Value = Any
"""A plain value (str, number, tuple, list, dict, set, Path, …) or one of the classes below."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that can't be told without running code; `provider` names the program that would compute it."""

    reason: str
    provider: str | None = None


class RaisedError(Exception):
    """The code under evaluation surely raises the built-in exception called `kind` here."""

    def __init__(self, kind: str, about: str = "") -> None:
        super().__init__(kind)
        self.kind, self.about = kind, f" ({about})" if about else ""


class TooMuchError(Exception):
    """More work than a version expression is worth."""


class Document:
    """The text of a file as Python reads it, with `\\n` for every end of a line, and the way back to the source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        pieces = source.text.split("\r\n")
        self.text = "\n".join(pieces).replace("\r", "\n")
        self.breaks = [at - number for number, at in enumerate(accumulate(len(p) + 2 for p in pieces[:-1]), 1)]
        self.lines: list[int] = []

    def offset(self, at: int) -> int:
        """The character of the source that character `at` of the text is."""
        return at + bisect_right(self.breaks, at)

    def span(self, node: ast.expr) -> tuple[int, int]:
        """The characters of the text that a node spans; ast counts its columns in bytes of UTF-8."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._place(node.lineno, node.col_offset), self._place(node.end_lineno, node.end_col_offset)

    def _place(self, line: int, column: int) -> int:
        if not self.lines:
            self.lines = [0, *accumulate(len(piece) + 1 for piece in self.text.split("\n"))]
        start = self.lines[line - 1]
        text = self.text[start : start + column]
        return start + (
            column if text.isascii() else len(self.text[start : self.lines[line]].encode()[:column].decode())
        )


class Text(str):
    """A string that stands in a document from `start` to `end`: taking it apart keeps the place, changing it doesn't.

    `quote` is set where the span is a whole literal that doesn't read as the string itself (escapes, two side by side).
    """

    document: Document
    start: int
    end: int
    quote: str

    def __new__(cls, value: str, document: Document, start: int, end: int, quote: str = "") -> "Text":
        """Make one; `start` and `end` count characters of the document's text."""
        self = super().__new__(cls, value)
        self.document, self.start, self.end, self.quote = document, start, end, quote
        return self

    def part(self, start: int, end: int) -> str:
        """Characters `start` to `end`, with their place where that can be told."""
        value = str(self)[start:end]
        if self.quote or self.document.text[self.start : self.end] != str(self):
            return value
        return Text(value, self.document, self.start + start, self.start + start + len(value))

    def pieces(self, values: "list[str]") -> list[str]:
        """Substrings that follow one another, with their places."""
        found, at = [], 0
        for value in values:
            at = max(str(self).find(str(value), at), at)
            found.append(self.part(at, at + len(value)))
            at += len(value)
        return found

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        """A character or a slice, with its place."""
        if not isinstance(key, slice):
            index = operator.index(key)
            index += len(self) if index < 0 else 0
            if not 0 <= index < len(self):
                raise IndexError
            return self.part(index, index + 1)
        start, end, step = key.indices(len(self))
        return self.part(start, max(start, end)) if step == 1 else str(self)[key]


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something from outside the tree, by its dotted name: `os.path.join`."""

    name: str


@dataclass(slots=True)
class Binding:
    """A name's value, and the expression and document that gave it."""

    value: Value
    node: ast.expr | None = None
    document: Document | None = None


@dataclass(slots=True)
class Scope:
    """The names of a module or of a call, `outer` those around it; `globals_` are declared in it to be the module's."""

    names: dict[str, Binding] = field(default_factory=dict)
    outer: "Scope | None" = None
    globals_: set[str] = field(default_factory=set)
    vague: bool = False

    def find(self, name: str) -> Binding | None:
        """The innermost binding of a name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None

    def module(self) -> "Scope":
        """The outermost scope."""
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope

    def is_vague(self) -> bool:
        """Whether names may be missing here, or around it, that something computed has bound."""
        return self.vague or (self.outer is not None and self.outer.is_vague())

    def bind(self, name: str, binding: Binding) -> None:
        """Bind a name here, or in the module where it was declared `global`."""
        (self.module() if name in self.globals_ else self).names[name] = binding


@dataclass(slots=True)
class Module:
    """A module of the tree: evaluated when it is first asked for a name. `starred` are those it imports all from."""

    name: str
    path: Path
    package: bool
    document: Document
    scope: Scope = field(default_factory=Scope)
    state: str = "new"
    failure: str = ""
    starred: list[Value] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deferred:
    """A name imported from a module of the tree, looked up when it is used."""

    module: Module
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the tree: parameters and body, the scope around it and the module that it stands in."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    module: Module


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the tree: what stands in its body, and the names of its fields if it is a named tuple or dataclass."""

    name: str
    names: dict[str, Binding]
    fields: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Property:
    """A property in a class of the tree."""

    function: "Function"


class Fields(tuple[Value, ...]):
    """A named tuple."""

    of: Class

    def __new__(cls, values: tuple[Value, ...], of: Class) -> "Fields":
        """Make one of `values`."""
        self = super().__new__(cls, values)
        self.of = of
        return self


@dataclass(slots=True, eq=False)
class Object:
    """An instance of a class of the tree."""

    of: Class
    names: dict[str, Binding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Names:
    """What `globals()` and `locals()` give: the names of a scope."""

    scope: Scope


@dataclass(slots=True)
class File:
    """An open file: the text that is left to read."""

    text: str
    path: Path


@dataclass(frozen=True, slots=True)
class Match:
    """A match of a regular expression in `text`; `groups` are the spans of the groups, (-1, -1) where one has none."""

    text: str
    spans: tuple[tuple[int, int], ...]
    names: dict[str, int]

    def group(self, key: int | str = 0) -> str | None:
        """The text of a group, with its place; raises RaisedError."""
        number = self.names.get(key, -1) if isinstance(key, str) else key
        if not 0 <= number < len(self.spans):
            raise RaisedError("IndexError")
        start, end = self.spans[number]
        return None if start < 0 else self.text[start:end]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a value, not yet called."""

    owner: Value
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An object known only by the call that made it, such as `incremental.Version("pkg", 24, 3, 0)`."""

    kind: str
    arguments: tuple[Value, ...]
    keywords: dict[str, Value]


def text_of(source: Source) -> Text:
    """The whole of a file, as reading it gives."""
    document = Document(source)
    return Text(document.text, document, 0, len(document.text))


SPOILT = "\0"
"""The key of a dictionary, or element of a list, that has been changed in a way that can't be told."""


def spoil(container: Value) -> None:
    """Forget what a list or dictionary holds, because somebody unknown may have changed it."""
    if type(container) is dict:
        container.clear()
        container[SPOILT] = Unknown("a dictionary that was changed by something computed")
    elif type(container) is list:
        container[:] = [Unknown("a list that was changed by something computed")]


_WORDS = (Unknown, Opaque, Deferred, Method, Names, Property)


def is_known(value: Value) -> bool:
    """Whether a value, all through, is a plain one."""
    if isinstance(value, _WORDS):
        return False
    if isinstance(value, Fields) and "__str__" in value.of.names:
        return False
    if isinstance(value, list | tuple | set | frozenset):
        return all(is_known(inner) for inner in value)
    if isinstance(value, dict):
        return all(is_known(inner) for inner in value.values())
    return value is None or isinstance(value, str | int | float | Path | Match)
