"""Requirements in setup.py, read by AST and never run."""

import ast
import re
from collections.abc import Iterator, Sequence

from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source, UnreadableError
from relengtools.versions.requirements.requirement import Requirement, quoted
from relengtools.versions.specifiers.text import Form

_LISTS = ("install_requires", "setup_requires", "tests_require")


def requirements(source: Source) -> Iterator[Requirement]:
    """The string literals in the keywords of `setup()`, or in the lists that a name there is made of."""
    if not any(name in source.text for name in (*_LISTS, "extras_require", "python_requires")):
        return
    try:
        tree = python.syntax(source)
    except UnreadableError:
        return
    seen: set[int] = set()
    named = {"setup", *python.setup_names(tree)}
    calls = [node for node in python.walk(tree) if isinstance(node, ast.Call) and _name(node.func) in named]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        for keyword in call.keywords:
            form = Form.SPECIFIER if keyword.arg == "python_requires" else Form.REQUIREMENT
            if keyword.arg not in (*_LISTS, "extras_require", "python_requires"):
                continue
            try:
                nodes = list(_strings(tree.body, keyword.value, depth=0, been=set()))
            except RecursionError:  # a sum of a thousand lists
                continue
            for node in nodes:
                start, end = python.offsets(source, node)
                requirement = _literal(source, form, keyword.arg, start, end, str(node.value))
                if requirement is not None and start not in seen:
                    seen.add(start)
                    yield requirement


def _name(function: ast.expr) -> str | None:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", None)


def _strings(body: Sequence[ast.stmt], node: ast.AST, depth: int, been: set[int]) -> Iterator[ast.Constant]:
    """The string constants that a list, a dictionary of lists, or a sum of lists is made of, each once."""
    if id(node) in been:
        return
    been.add(id(node))
    match node:
        case ast.Constant(value=str()):
            yield node
        case (
            ast.List(elts=inner)
            | ast.Tuple(elts=inner)
            | ast.Set(elts=inner)
            | ast.Dict(values=inner)
            | ast.Call(func=ast.Name(id="dict"), keywords=inner)
        ):
            for element in inner:
                # A sum in a list is one of texts, and its terms are no requirements.
                if isinstance(node, ast.Dict) or not isinstance(element, ast.BinOp):
                    yield from _strings(body, element, depth, been)
        case ast.Starred(value=value) | ast.keyword(value=value):
            yield from _strings(body, value, depth, been)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if not _is_text(body, node):
            yield from _strings(body, left, depth, been)
            yield from _strings(body, right, depth, been)
        case ast.Name(id=name) if depth < 4:
            for value in _values(body, name):
                yield from _strings(body, value, depth + 1, been)


def _is_text(body: Sequence[ast.stmt], node: ast.AST) -> bool:
    """Whether a sum is surely one of texts, as `">=" + lowest` is."""
    match node:
        case ast.BinOp(left=left, right=right):
            return _is_text(body, left) or _is_text(body, right)
        case ast.Name(id=name):
            return any(isinstance(value, ast.Constant | ast.JoinedStr) for value in _values(body, name))
    return isinstance(node, ast.Constant | ast.JoinedStr)


def _values(body: Sequence[ast.stmt], name: str) -> Iterator[ast.expr]:
    """What a name of the module surely is; else the literal lists that it may be, and what is put into it."""
    assigned, _ = python.constant(body, name)
    if assigned is not None:
        yield assigned
        return
    for statement in _flow(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.List() | ast.Tuple() | ast.Dict() as value):
                yield from [value] if target == name else []
            case ast.AugAssign(target=ast.Name(id=target), value=value):
                yield from [value] if target == name else []
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=target), attr="append" | "extend"), args=[value])
            ):
                yield from [value] if target == name else []


def _flow(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a scope, those under conditions too."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for blocks in statement.__dict__.values():
                if isinstance(blocks, list) and blocks and isinstance(blocks[0], ast.stmt | ast.excepthandler):
                    yield from _flow(blocks)


def _literal(source: Source, form: Form, key: str, start: int, end: int, value: str) -> Requirement | None:
    """One string literal of Python; several lines in one are several requirements, and are left alone."""
    match = re.compile(r"""([uUrR]?)('''|\"\"\"|'|")""").match(source.text, start)
    if "\n" in value or not value.strip():
        return None
    if match is not None:
        width = len(match[2])
        requirement = quoted(source, form, key, match.end(), end - width, raw=match[1] in ("r", "R"))
        if requirement is not None and requirement.text == value:
            return requirement
    return Requirement(source, form, key, value, start, end, ())
