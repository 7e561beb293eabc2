"""Whether a file says the same after an edit but for the version: read again with tomllib, ast or configparser."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from relengtools.findings import Edit
from relengtools.versions.locate.source import BOM, Source, UnreadableError, utf8

if TYPE_CHECKING:
    import ast


def proves(source: Source, edits: Sequence[Edit], new: bytes) -> bool:
    """True if `new`, read again, equals `source` with each edited value replaced by the edit's new text.

    False too where the file can't be read, where an edit stands in no value (but in a comment), and for what is nested
    deeper than Python goes.
    """
    suffix = source.path.suffix
    prove = {".toml": _toml, ".lock": _toml, ".cfg": _cfg, ".py": _python}.get(suffix)
    try:
        if prove is None:
            return _plain(source, edits, new)
        return prove(source, [(_character(source, e.start), e.new.strip("\"'")) for e in edits], new)
    except (UnreadableError, UnicodeError, ValueError, LookupError, RecursionError):
        return False


def _character(source: Source, byte: int) -> int:
    return len(source.data[len(BOM) * source.marked : byte].decode(source.encoding))


def _toml(source: Source, edits: Sequence[tuple[int, str]], new: bytes) -> bool:
    from relengtools.versions.locate import toml

    expected = copy.deepcopy(toml.parse(source))
    spans = list(toml.scan(source.text))
    for at, version in edits:
        path = next((v.path for v in spans if v.start <= at < v.end), None)
        if path is None:
            return False
        _put(expected, path, version)
    # repr, because nan is not equal to itself
    return repr(expected) == repr(toml.parse(utf8(source.file, source.path, new)))


def _put(document: Any, path: tuple[str | int, ...], version: str) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = version


def _cfg(source: Source, edits: Sequence[tuple[int, str]], new: bytes) -> bool:
    from relengtools.versions.locate import cfg

    expected = cfg.parse(source)
    for at, version in edits:
        option = next((o for o in cfg.scan(source.text) if o.start <= at <= o.end), None)
        if option is None:
            return False
        old = expected.get(option.section, option.name, raw=True)
        expected.set(option.section, option.name, old.replace(old.strip(), version))
    again = cfg.parse(utf8(source.file, source.path, new))
    return _sections(expected) == _sections(again)


def _sections(parser: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    return [("DEFAULT", list(parser.defaults().items())), *((s, parser.items(s, raw=True)) for s in parser.sections())]


def _python(source: Source, edits: Sequence[tuple[int, str]], new: bytes) -> bool:
    import ast

    from relengtools.versions.locate import python

    tree = python.parse(source)
    strings = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    for at, version in edits:
        place = python.place(source, at)
        string = next((node for node in strings if _begin(node) <= place < _end(node)), None)
        if string is None:
            return False
        string.value = version
    again = python.parse(python.decode(source.file, source.path, new))
    return ast.dump(tree) == ast.dump(again)


def _begin(node: "ast.expr") -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: "ast.expr") -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _plain(source: Source, edits: Sequence[Edit], new: bytes) -> bool:
    """A file of another format: its own locator finds the new version; without one, only the spans have changed."""
    from relengtools.versions import copies

    again = utf8(source.file, source.path, new)
    locate = copies.locator(source.path)
    if locate is None:
        return again.text == _spliced(source, edits)
    found = locate(again)
    return found is not None and [edit.new for edit in edits] == [found.value]


def _spliced(source: Source, edits: Sequence[Edit]) -> str:
    parts, at = [], 0
    for edit in edits:
        start, end = _character(source, edit.start), _character(source, edit.end)
        parts += [source.text[at:start], edit.new]
        at = end
    return "".join([*parts, source.text[at:]])
