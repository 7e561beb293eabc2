"""Python source, read and never run: names bound in a module, and string literals with their spans."""

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from relengtools.versions.catalogue import SYNTAX, UNREADABLE
from relengtools.versions.declaration import Declaration, Kind, Problem
from relengtools.versions.locate.source import BOM, Source, UnreadableError, encoding, line_starts

LARGEST = 4_000_000
"""Characters of the longest file that is parsed: a syntax tree takes a hundred times their memory."""
ONE_STRING = re.compile(
    r"""[bBuUrR]{0,2}(?P<quotes>\"\"\"|'''|"|')(?P<text>(?:[^\\]|\\.)*?)(?P=quotes)""",
    re.DOTALL,
)
SETUP_MODULES = frozenset({"setuptools", "distutils", "numpy", "skbuild", "pbr", "cx_Freeze"})
"""Modules, by the first part of their name, whose `setup()` is that of setuptools, or ends in it."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
# What has nothing below it; by its class, since a syntax tree has a hundred thousand of them.
_LEAVES = frozenset({int, str, bytes, float, complex, bool, type(None), type(...), ast.Load, ast.Store, ast.Del})
# Nodes that a block is a list of.
_BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case)


class Binding(NamedTuple):
    """A statement that binds a name: `value` is None if it's no plain assignment, `sure` False if it may not happen."""

    statement: ast.stmt
    value: ast.expr | None
    sure: bool


def decode(file: str, path: Path, data: bytes) -> Source:
    """The text by its coding cookie or byte-order mark (PEP 263); raises UnreadableError."""
    try:
        cookie, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        codec = "utf-8" if cookie == "utf-8-sig" else encoding(cookie)
        return Source(file, path, data, data.removeprefix(BOM).decode(codec), codec)
    except (SyntaxError, UnicodeError, LookupError) as error:
        message = f"can't be decoded: {getattr(error, 'msg', None) or error}"
        raise UnreadableError(Problem(UNREADABLE, file, message)) from error


def parse(source: Source) -> ast.Module:
    """The syntax tree; raises UnreadableError with the position of the error."""
    if len(source.text) > LARGEST:
        message = f"{len(source.text)} characters are more Python than a declaring file can have"
        raise UnreadableError(Problem(UNREADABLE, source.file, message))
    try:
        with warnings.catch_warnings():
            # An invalid escape in somebody's file is not this program's warning.
            warnings.simplefilter("ignore")
            return ast.parse(source.text)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        lines = source.text.splitlines()
        shown = lines[line - 1] if 0 < line <= len(lines) else None
        problem = Problem(SYNTAX, source.file, f"no Python 3: {error.msg}", max(line, 1), max(column, 1), shown)
        raise UnreadableError(problem) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableError(Problem(SYNTAX, source.file, f"no Python that can be read: {error}")) from error


@lru_cache(maxsize=64)
def syntax(source: Source) -> ast.Module:
    """The syntax tree, for those who don't change it; raises UnreadableError."""
    return parse(source)


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it but for contexts, in no order: `ast.walk`, but five times as fast."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        for value in node.__dict__.values():
            kind = value.__class__
            if kind is list:
                todo += [item for item in value if item.__class__ not in _LEAVES]
            elif kind not in _LEAVES:
                todo.append(value)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """A statement or module and all statements below it, in no order: a tenth of what `walk` has to look at."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        for blocks in node.__dict__.values():
            if isinstance(blocks, list) and blocks and isinstance(blocks[0], _BLOCKS):
                todo += blocks


def setup_names(tree: ast.Module) -> set[str]:
    """The names under which a module imports `setup`."""
    found = (node for node in statements(tree) if isinstance(node, ast.ImportFrom) and node.level == 0)
    known = (node for node in found if (node.module or "").partition(".")[0] in SETUP_MODULES)
    return {alias.asname or alias.name for node in known for alias in node.names if alias.name == "setup"}


def bindings(body: Iterable[ast.stmt], name: str) -> list[Binding]:
    """Everything in a scope that binds `name`, in order."""
    return [binding for statement in body for binding in _bindings(statement, name, True)]


def constant(body: Iterable[ast.stmt], name: str) -> tuple[ast.expr | None, str]:
    """The expression that `name` surely has, or None and the reason why it can't be told."""
    found = bindings(body, name)
    if not found:
        return None, f"`{name}` is not assigned here"
    if len(found) > 1:
        return None, f"`{name}` is bound {len(found)} times"
    if not found[0].sure:
        return None, f"`{name}` is assigned under a condition"
    if found[0].value is None:
        return None, f"`{name}` is not bound by a plain assignment"
    return found[0].value, ""


def literal(source: Source, node: ast.expr, kind: Kind) -> Declaration | None:
    """The declaration that a string literal is, or None where `node` is no string literal."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return None
    start, end = offsets(source, node)
    match = ONE_STRING.fullmatch(source.text, start, end)
    if match and not match["text"].count(match["quotes"]):
        return source.declaration(kind, *match.span("text"), node.value)
    return source.declaration(kind, start, end, node.value, quote='"')


def offsets(source: Source, node: ast.expr) -> tuple[int, int]:
    """The characters that a node spans; ast counts its columns in bytes of UTF-8."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return _offset(source, node.lineno, node.col_offset), _offset(source, node.end_lineno, node.end_col_offset)


def place(source: Source, offset: int) -> tuple[int, int]:
    """Line and column of a character as ast counts them: from 1, and bytes of UTF-8 from 0."""
    line, column = source.position(offset)
    return line, len(source.line_at(offset)[: column - 1].encode())


def _offset(source: Source, line: int, column: int) -> int:
    starts = line_starts(source.text)
    start = starts[min(line, len(starts)) - 1]
    return start + len(source.line_at(start).encode()[:column].decode())


def _bindings(statement: ast.stmt, name: str, sure: bool) -> Iterator[Binding]:
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        yield from _assigned(statement, name, sure)
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        if any((alias.asname or alias.name.partition(".")[0]) == name for alias in statement.names):
            yield Binding(statement, None, sure)
    elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if statement.name == name or name in _made_global(statement):
            yield Binding(statement, None, sure)
    else:
        for child in ast.iter_child_nodes(statement):
            yield from _nested(child, statement, name)


@lru_cache(maxsize=4096)
def _made_global(statement: ast.stmt) -> frozenset[str]:
    """The names of the module that a function or class may bind."""
    return frozenset(name for node in statements(statement) if isinstance(node, ast.Global) for name in node.names)


def _nested(node: ast.AST, statement: ast.stmt, name: str) -> Iterator[Binding]:
    """What the parts of a compound statement bind: its blocks may not run, its own targets are no plain assignment."""
    if isinstance(node, ast.stmt):
        yield from _bindings(node, name, False)
    elif isinstance(node, ast.Name):
        if node.id == name and not isinstance(node.ctx, ast.Load):
            yield Binding(statement, None, False)
    elif getattr(node, "name", None) == name:  # `except … as name`, `case … as name`
        yield Binding(statement, None, False)
    elif not isinstance(node, _FUNCTIONS):
        for child in ast.iter_child_nodes(node):
            yield from _nested(child, statement, name)


def _assigned(statement: ast.Assign | ast.AnnAssign, name: str, sure: bool) -> Iterator[Binding]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if statement.value is None:
        return
    for target in targets:
        if isinstance(target, ast.Name) and target.id == name:
            yield Binding(statement, statement.value, sure)
        elif any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in ast.walk(target)):
            yield Binding(statement, None, sure)
