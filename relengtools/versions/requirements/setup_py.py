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
    """The string literals in the keywords of `setup()`, or in what a name there surely is."""
    if not any(name in source.text for name in (*_LISTS, "extras_require", "python_requires")):
        return
    try:
        tree = python.syntax(source)
    except UnreadableError:
        return
    seen: set[int] = set()
    calls = [node for node in python.walk(tree) if isinstance(node, ast.Call) and _is_setup(node.func)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        for keyword in call.keywords:
            form = Form.SPECIFIER if keyword.arg == "python_requires" else Form.REQUIREMENT
            if keyword.arg not in (*_LISTS, "extras_require", "python_requires"):
                continue
            for node in _strings(tree.body, keyword.value, depth=0):
                start, end = python.offsets(source, node)
                requirement = _literal(source, form, keyword.arg, start, end, str(node.value))
                if requirement is not None and start not in seen:
                    seen.add(start)
                    yield requirement


def _is_setup(function: ast.expr) -> bool:
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", None)
    return name == "setup"


def _strings(body: Sequence[ast.stmt], node: ast.AST, depth: int) -> Iterator[ast.Constant]:
    """The string constants that a list, a dictionary of lists, or a sum of lists is made of."""
    match node:
        case ast.Constant(value=str()):
            yield node
        case ast.List(elts=inner) | ast.Tuple(elts=inner) | ast.Set(elts=inner) | ast.Dict(values=inner):
            for element in inner:
                # A sum in a list is one of texts, and its terms are no requirements.
                if isinstance(node, ast.Dict) or not isinstance(element, ast.BinOp):
                    yield from _strings(body, element, depth)
        case ast.Starred(value=value):
            yield from _strings(body, value, depth)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _strings(body, left, depth)
            yield from _strings(body, right, depth)
        case ast.Name(id=name) if depth < 4:
            assigned, _ = python.constant(body, name)
            if assigned is not None:
                yield from _strings(body, assigned, depth + 1)


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
