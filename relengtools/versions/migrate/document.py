"""Tables put into a pyproject.toml: new ones written, missing keys added to those that are there."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from relengtools.versions.locate import toml

Path = tuple[str, ...]
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100
# Tables of which each entry is a row of the user's, shown under a heading of its own.
_HEADED = {
    ("build-system",),
    ("project",),
    ("project", "urls"),
    ("project", "scripts"),
    ("project", "gui-scripts"),
    ("project", "optional-dependencies"),
    ("tool", "setuptools"),
    ("tool", "setuptools", "packages", "find"),
    ("tool", "setuptools", "package-dir"),
    ("tool", "setuptools", "package-data"),
    ("tool", "setuptools", "exclude-package-data"),
    ("tool", "setuptools", "data-files"),
    ("tool", "setuptools_scm"),
}


def write(tables: dict[str, Any]) -> str:
    """The tables as the text of a new file, proved by tomllib; raises ValueError for what TOML can't hold."""
    blocks = (("[" + _dotted(path) + "]\n", lines) for path, lines in _blocks(tables, ()) if lines or path)
    text = "\n".join("".join([heading, *lines]) for heading, lines in blocks)
    if tomllib.loads(text) != tables:
        raise ValueError("what setup.py says can't be written as TOML")
    return text


def add(text: str, tables: dict[str, Any]) -> str:
    """`text` with keys added that it hasn't got; raises ValueError where TOML has no room for them.

    What the text said it says again: proved by tomllib.
    """
    before = tomllib.loads(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    new = text
    for path, lines in _blocks(tables, ()):
        new = _with_lines(new, path, "".join(lines).replace("\n", newline), newline)
    if tomllib.loads(new) != _merged(before, tables):
        raise ValueError("it can't be added to without changing more")
    return new


def append(text: str, path: Path, item: str) -> str:
    """`text` with a string more in the array at `path`; raises ValueError where there is none to go after."""
    elements = [value for value in toml.scan(text) if value.path[:-1] == path]
    if not elements:
        raise ValueError(f"{_dotted(path)} is empty")
    last = elements[-1]
    lines = "\n" in text[: elements[0].start].rpartition("[")[2]
    start = text.rfind("\n", 0, last.start) + 1
    margin = re.match(r"[ \t]*", text[start:])
    newline = "\r\n" if "\r\n" in text else "\n"
    separator = f",{newline}{margin[0]}" if lines and margin else ", "
    new = f"{text[: last.end]}{separator}{_value(item)}{text[last.end :]}"
    expected = tomllib.loads(text)
    toml.lookup(expected, path).append(item)
    if tomllib.loads(new) != expected:
        raise ValueError(f"{_dotted(path)} can't be added to")
    return new


def _merged(before: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    merged = dict(before)
    for key, value in tables.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _blocks(table: dict[str, Any], path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Headings with their lines, each table before those in it."""
    inner = {key: value for key, value in table.items() if _is_headed((*path, key), value)}
    lines = [line for key, value in table.items() if key not in inner for line in _lines((key,), value)]
    if path and (lines or not table):
        yield path, lines
    for key, value in inner.items():
        yield from _blocks(value, (*path, key))


def _is_headed(path: Path, value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    inside = any(headed[: len(path)] == path for headed in _HEADED)
    return inside or path[:2] == ("project", "entry-points")


def _lines(path: Path, value: Any) -> list[str]:
    return [f"{_dotted(path)} = {_value(value)}\n"]


def _value(value: Any, width: int = _WIDTH) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    assert isinstance(value, list)
    items = [_value(item) for item in value]
    if len(items) < 3 and sum(map(len, items)) < width:
        return f"[{', '.join(items)}]"
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _string(text: str) -> str:
    """A basic string; raises ValueError for a lone surrogate."""
    if "\n" in text and "\\" not in text and '"""' not in text and text.replace("\n", "").isprintable():
        ends = text.endswith('"')
        return f'"""\n{text[:-1] if ends else text}{chr(92) + chr(34) if ends else ""}"""'
    return _line(text)


def _line(text: str) -> str:
    """A basic string on one line; what JSON escapes TOML does, and one character more."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{text!r} has half a character, which TOML can't hold")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _line(key)


def _dotted(path: Path) -> str:
    return ".".join(map(_key, path))


def _with_lines(text: str, path: Path, lines: str, newline: str) -> str:
    """The lines at the end of their table, or below a new heading at the end of the text."""
    if toml.lookup(tomllib.loads(text), path) is not None and not lines:
        return text
    headings = list(_headings(text))
    own = next((number for number, heading in enumerate(headings) if heading[0] == path), None)
    if own is None:
        gap = "" if not text.strip() else newline if text.endswith("\n") else newline * 2
        return f"{text}{gap}[{_dotted(path)}]{newline}{lines}"
    ends = headings[own + 1][1] if own + 1 < len(headings) else len(text)
    body = text[headings[own][2] : ends].splitlines(keepends=True)
    while body and (not body[-1].strip() or body[-1].lstrip().startswith("#")):
        body.pop()  # blank lines and comments belong to what comes next
    at = headings[own][2] + sum(map(len, body))
    return f"{text[:at]}{'' if text[:at].endswith(chr(10)) else newline}{lines}{text[at:]}"


def _headings(text: str) -> Iterator[tuple[Path, int, int]]:
    """The tables of a document, and where the line of each one's heading begins and ends."""
    inside = [(value.start, value.end) for value in toml.scan(text)]
    for match in re.finditer(r"^[ \t]*\[(?:\[?)([^\]\n]*)\]\]?[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)", text, re.MULTILINE):
        if any(start < match.start() < end for start, end in inside):
            continue
        try:
            document = tomllib.loads(f"[{match[1]}]")
        except tomllib.TOMLDecodeError:  # a line of an array
            continue
        path: list[str] = []
        while document:
            (key, document), *_ = document.items()
            path.append(key)
        # Nothing goes into an element of an array of tables.
        yield (() if "[[" in match[0] else tuple(path)), match.start(), match.end()
