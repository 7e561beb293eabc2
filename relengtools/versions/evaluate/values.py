"""What static evaluation works on: plain values, text with its place, and stand-ins for all that is not known."""

import ast
import operator
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, SupportsIndex

from relengtools.versions.locate.source import Source

Value = Any
"""A plain value (str, number, tuple, list, dict, set, Path, …) or one of the classes below."""


_MOST_HELD = 100
MOST_PARTS = 100_000
"""Parts of a value that are looked at: lists in lists that share theirs have more than can be counted."""


class TooMuchError(Exception):
    """More work than a version expression is worth."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that can't be told without running code; `provider` names the program that would compute it.

    It may be, or lead to, one of the values that it `holds`: whoever changes it may change those.
    """

    reason: str
    provider: str | None = None
    holds: tuple[Value, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        """Each thing that can be changed is held once, whatever chain of unknown values leads to it."""
        if self.holds:
            found: dict[int, Value] = {}
            for value in self.holds:
                if isinstance(value, Unknown):
                    found.update((id(each), each) for each in value.holds)
                elif not is_fixed(value):
                    found[id(value)] = value
            if len(found) > _MOST_HELD:
                raise TooMuchError
            object.__setattr__(self, "holds", tuple(found.values()))


class Spoilt(Unknown):
    """An element that stands for all that a list or set may hold besides, since that can't be told."""

    __slots__ = ()


class Missing(Unknown):
    """The value of a key or name that may not be there at all."""

    __slots__ = ()


SPOILT = "\0"
"""The key under which a dictionary has its Spoilt."""


class RaisedError(Exception):
    """The code under evaluation surely raises; `kinds` are the names of the exception's class and of those above it.

    They are all that there are if it is `certain`.
    """

    def __init__(self, kind: str, about: str = "", kinds: tuple[str, ...] = (), certain: bool = True) -> None:
        super().__init__(kind)
        self.kind, self.about, self.certain = kind, f" ({about})" if about else "", certain
        self.kinds = kinds or _ancestors(kind)


def _ancestors(kind: str) -> tuple[str, ...]:
    import builtins

    found = getattr(builtins, kind, None)
    return tuple(each.__name__ for each in found.__mro__) if isinstance(found, type) else (kind, "Exception")


def raised(error: BaseException) -> RaisedError:
    """What Python itself raised for plain values, the code would raise too."""
    kinds = tuple(each.__name__ for each in type(error).__mro__)
    return RaisedError(type(error).__name__, str(error)[:80], kinds)


class UntoldError(Exception):
    """What a loop is to go through can't be told."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.reason)
        self.unknown = unknown


def untold(reason: str) -> UntoldError:
    """What is raised where something isn't followed."""
    return UntoldError(Unknown(reason))


class Document:
    """The text of a file as Python reads it, with `\\n` for every end of a line, and the way back to the source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        pieces = source.text.split("\r\n")
        self.text = "\n".join(pieces).replace("\r", "\n")
        self.breaks = [at - number for number, at in enumerate(accumulate(len(p) + 2 for p in pieces[:-1]), 1)]
        self.lines: list[int] = []
        self.texts: dict[ast.Constant, Value] = {}

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
        if self.text[start : start + column].isascii():
            return start + column
        return start + len(self.text[start : self.lines[line]].encode()[:column].decode())


class Text(str):
    """A string that stands in a document from `start` to `end`: taking it apart keeps the place, changing it doesn't.

    `quote` is set where the span is a whole literal that doesn't read as the string itself (escapes, two side by side).
    """

    document: Document
    start: int
    end: int
    quote: str
    literal: bool
    """Whether the document has these very characters there."""

    def __new__(cls, value: str, document: Document, start: int, end: int, quote: str = "") -> "Text":
        """Make one; `start` and `end` count characters of the document's text."""
        self = super().__new__(cls, value)
        self.document, self.start, self.end, self.quote = document, start, end, quote
        self.literal = not quote and end - start == len(value) and document.text.startswith(value, start)
        return self

    def part(self, start: int, end: int) -> str:
        """Characters `start` to `end`, with their place where that can be told."""
        value = str.__getitem__(self, slice(start, end))
        if not self.literal:
            return value
        made = str.__new__(Text, value)
        made.document, made.start, made.end = self.document, self.start + start, self.start + start + len(value)
        made.quote, made.literal = "", True
        return made

    def pieces(self, values: Iterable[str]) -> list[str]:
        """Substrings that follow one another, with their places."""
        found, at = [], 0
        for value in values:
            at = max(self.find(value, at), at)
            found.append(self.part(at, at + len(value)))
            at += len(value)
        return found

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        """A character or a slice, with its place."""
        if not isinstance(key, slice):
            index = operator.index(key)
            index += len(self) if index < 0 else 0
            if not 0 <= index < len(self):
                raise IndexError("string index out of range")
            return self.part(index, index + 1)
        start, end, step = key.indices(len(self))
        return self.part(start, max(start, end)) if step == 1 else str.__getitem__(self, key)


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes that are the UTF-8 of a text."""

    text: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something from outside the tree, by its dotted name: `os.path.join`."""

    name: str


class Namespace(dict[str, Value]):
    """The names of a module, a call or a class: what `globals()` gives. What Python adds to them isn't here."""


class Place(NamedTuple):
    """The expression that gave a name its value, and the document that it stands in."""

    value: Value
    node: ast.expr
    document: Document


class Level(NamedTuple):
    """What a block of code is, as far as names go: names that are its own, and that it takes from elsewhere."""

    kind: str
    own: frozenset[str] = frozenset()
    global_: frozenset[str] = frozenset()
    nonlocal_: frozenset[str] = frozenset()


MODULE, CLASS, INNER = Level("module"), Level("class"), Level("inner")


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a module, a class, a call or a comprehension (`inner`), and the scope around it.

    `hidden` are names that an `exec()` has bound in a call: only `locals()` shows them.
    """

    names: dict[str, Value] = field(default_factory=Namespace)
    outer: "Scope | None" = None
    level: Level = MODULE
    places: dict[str, Place] = field(default_factory=dict)
    hidden: dict[str, Value] | None = None

    def around(self) -> "Iterator[Scope]":
        """This scope and those around it; a class is seen only from its own body."""
        yield self
        scope = self.outer
        while scope is not None:
            if scope.level.kind != "class":
                yield scope
            scope = scope.outer

    def module(self) -> "Scope":
        """The outermost scope."""
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope

    def place(self, name: str) -> Place | None:
        """Where the value that a name has now was written."""
        for scope in self.around():
            if name in scope.names:
                found = scope.places.get(name)
                return found if found and found.value is scope.names[name] else None
        return None


@dataclass(slots=True, eq=False)
class Module:
    """A module of the tree: evaluated when it is first asked for a name. `starred` are those it imports all from."""

    name: str
    path: Path
    package: bool
    document: Document
    scope: Scope = field(default_factory=Scope)
    state: str = "new"
    failure: str = ""
    starred: tuple[Value, ...] = ()

    def known(self, **names: Value) -> "Module":
        """The module with what Python says of it, and `names`."""
        dunders = {"__file__": str(self.path), "__name__": self.name, "__doc__": None}
        self.scope.names |= dunders | names
        return self


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
    defaults: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the tree: what stands in its body, and the names of its fields if it is a named tuple or dataclass.

    One is `plain` if nothing that isn't here has a say in what its attributes are.
    """

    name: str
    names: dict[str, Value]
    bases: "tuple[Class, ...]" = ()
    plain: bool = True
    fields: tuple[str, ...] | None = None
    tuple_: bool = False

    def find(self, name: str) -> Value:
        """What the class, or the first above it that has it, has under a name; raises KeyError."""
        if name in self.names:
            return self.names[name]
        for base in self.bases:
            try:
                return base.find(name)
            except KeyError:
                continue
        raise KeyError(name)

    def has(self, name: str) -> bool:
        """Whether `find` finds it."""
        return name in self.names or any(base.has(name) for base in self.bases)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A function in a class that is a `property`, `staticmethod` or `classmethod`."""

    kind: str
    function: Function


class Fields(tuple[Value, ...]):
    """A named tuple."""

    of: Class

    def __new__(cls, values: tuple[Value, ...], of: Class) -> "Fields":
        """Make one of `values`."""
        self = super().__new__(cls, values)
        self.of = of
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """An instance of a class of the tree."""

    of: Class
    names: dict[str, Value] = field(default_factory=Namespace)


@dataclass(slots=True, eq=False)
class File:
    """An open file: the text that is left to read (Unknown where that can't be told), and whether it reads bytes."""

    text: Value
    path: Path
    binary: bool = False


@dataclass(slots=True, eq=False)
class Stream:
    """What can be gone through once: a generator, `map()`, `iter()`."""

    source: Iterator[Value]
    lost: Unknown | None = None

    def __iter__(self) -> Iterator[Value]:
        """Go on where it was left; raises UntoldError."""
        while True:
            if self.lost is not None:
                raise UntoldError(self.lost)
            try:
                item = next(self.source)
            except StopIteration:
                return
            yield item


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The `keys`, `values` or `items` that a dictionary has at any time."""

    owner: dict[Value, Value]
    kind: str


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


def is_known(value: Value) -> bool:
    """Whether a value, all through, is a plain one, and not of more parts than anybody writes."""
    todo: list[Value] = [value]
    for _ in range(MOST_PARTS):
        if not todo:
            return True
        inner = todo.pop()
        if isinstance(inner, list | tuple | set | frozenset):
            if isinstance(inner, Fields) and inner.of.has("__str__"):
                return False
            todo.extend(inner)
        elif type(inner) is dict:
            todo.extend(inner.values())
        elif inner is not None and not isinstance(inner, str | int | float | Path | Match | Bytes):
            return False
    return False


def is_fixed(value: Value) -> bool:
    """Whether nothing that could be changed hangs on a value."""
    if isinstance(value, _FIXED):
        return True
    if isinstance(value, Unknown):
        return not value.holds
    return isinstance(value, tuple) and all(map(is_fixed, value))


# A tuple: a union would be made anew, and costs four times as much, at each of a million questions.
_FIXED = (str, int, float, Bytes, Opaque, Path, Match, type(None))


def vague(value: Value) -> Unknown | None:
    """Why it can't be told what, or how much, is in a list, set or dictionary."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | set | frozenset) else ()
    return next((item for item in items if isinstance(item, Spoilt | Missing)), None)


def lost(value: dict[Value, Value]) -> Unknown | None:
    """What a dictionary may hold under a key that it isn't known to have."""
    return value.get(SPOILT)


def first_unknown(*values: Value) -> Unknown:
    """The Unknown that says most: one with a provider before the others."""
    unknown = [value for value in values if isinstance(value, Unknown)]
    named = next((value for value in unknown if value.provider), None)
    return named or (unknown[0] if unknown else Unknown("it depends on a condition"))
