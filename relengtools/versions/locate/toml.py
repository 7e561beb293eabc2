"""pyproject.toml: where each value is written. The scanner leaves validity to tomllib, which proves what is found."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

from relengtools.versions.catalogue import SYNTAX
from relengtools.versions.declaration import Declaration, Kind, Problem
from relengtools.versions.locate.source import Source, UnreadableError

Path = tuple[str | int, ...]


class Value(NamedTuple):
    """The key path of a value that is no table or array, and the characters that it spans."""

    path: Path
    start: int
    end: int


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"[ \t]*(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
# tomllib takes memory quadratic in the parts of a key.
_ENDLESS_KEY = re.compile(r"^[\[ \t]*(?:[\w-]++[ \t]*+\.[ \t]*+){200}", re.MULTILINE)
_QUOTES = re.compile("\"\"\"|'''|\"|'")


def parse(source: Source) -> dict[str, Any]:
    """The document; raises UnreadableError with the position of the error."""
    if endless := _ENDLESS_KEY.search(source.text):
        place = source.position(endless.start())
        raise UnreadableError(Problem(SYNTAX, source.file, "no TOML that anybody writes: a key of many parts", *place))
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r"\(at line (\d+), column (\d+)\)", message)
        line, column = (int(at[1]), int(at[2])) if at else source.position(len(source.text))
        text = re.sub(r" \(at [^)]*\)$", "", message) + ("" if at else " at the end of the file")
        lines = source.text.splitlines()
        shown = lines[line - 1] if line <= len(lines) else None
        raise UnreadableError(Problem(SYNTAX, source.file, f"no TOML: {text}", line, column, shown)) from error
    except (RecursionError, ValueError) as error:
        raise UnreadableError(Problem(SYNTAX, source.file, f"no TOML that Python can read: {error}")) from error


def locate(source: Source, document: dict[str, Any], path: tuple[str, ...], kind: Kind) -> Declaration | None:
    """The string at a key path, or None where there is none; the text between the quotes is the span."""
    value = lookup(document, path)
    if not isinstance(value, str):
        return None
    found = next((v for v in scan(source.text) if v.path == path), None)
    if found is None:
        return None
    literal = source.text[found.start : found.end]
    # The proof that the scanner found what tomllib read.
    if tomllib.loads(f"x = {literal}") != {"x": value}:
        return None
    start, end = inside(literal)
    return source.declaration(kind, found.start + start, found.start + end, value)


def lookup(document: Any, path: tuple[str, ...]) -> Any:
    """The value at a key path, or None."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def inside(literal: str) -> tuple[int, int]:
    """Where the text of a string literal begins and ends, without quotes and the newline that TOML trims."""
    match = _QUOTES.match(literal)
    assert match is not None
    width = match.end()
    start = width
    if width == 3:
        start += len(re.compile(r"\r?\n|").match(literal, width)[0])  # type: ignore[index]
    return start, len(literal) - width


def scan(text: str) -> Iterator[Value]:
    """Every scalar of a valid TOML document, in order.

    Source: the TOML 1.0 grammar; array elements and arrays of tables have their index in the path.
    """
    table: Path = ()
    elements: dict[Path, int] = {}
    at = _skip(text, 0)
    while at < len(text):
        if text.startswith("[[", at):
            key, at = _key(text, at + 2)
            table = _resolve(key[:-1], elements) + key[-1:]
            elements[table] = elements.get(table, -1) + 1
            table += (elements[table],)
            at += 2
        elif text[at] == "[":
            key, at = _key(text, at + 1)
            table = _resolve(key, elements)
            at += 1
        else:
            key, at = _key(text, at)
            found, at = _value(text, at + 1, table + key)
            yield from found
        at = _skip(text, at)


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    assert match is not None
    return match.end()


def _resolve(key: Path, elements: dict[Path, int]) -> Path:
    """`[a.b]` below `[[a]]` belongs to the newest element of `a`."""
    path: Path = ()
    for part in key:
        path += (part,)
        if path in elements:
            path += (elements[path],)
    return path


def _key(text: str, at: int) -> tuple[Path, int]:
    """A dotted key and where it ends."""
    parts: list[str | int] = []
    while True:
        match = _KEY.match(text, at)
        if match is None:
            raise ValueError(f"no key at character {at}")
        part = match[1]
        # Escapes in a quoted key are tomllib's to read.
        parts.append(tomllib.loads(f"x = {part}")["x"] if part[0] == '"' else part.strip("'"))
        at = match.end()
        if not text.startswith(".", at):
            return tuple(parts), at
        at += 1


def _value(text: str, at: int, path: Path) -> tuple[list[Value], int]:
    """The scalars of the value that begins at or after `at`, and where it ends."""
    at = _skip(text, at)
    if text[at] == "[":
        return _array(text, at + 1, path)
    if text[at] == "{":
        return _inline(text, at + 1, path)
    match = _STRING.match(text, at) or _SCALAR.match(text, at)
    if match is None:
        raise ValueError(f"no value at character {at}")
    return [Value(path, at, at + len(match[0].rstrip()))], match.end()


def _array(text: str, at: int, path: Path) -> tuple[list[Value], int]:
    found: list[Value] = []
    index = 0
    at = _skip(text, at)
    while text[at] != "]":
        more, at = _value(text, at, (*path, index))
        found += more
        index += 1
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found, at + 1


def _inline(text: str, at: int, path: Path) -> tuple[list[Value], int]:
    found: list[Value] = []
    at = _skip(text, at)
    while text[at] != "}":
        key, at = _key(text, at)
        more, at = _value(text, at + 1, path + key)
        found += more
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found, at + 1
