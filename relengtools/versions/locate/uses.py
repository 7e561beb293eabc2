"""Where else a version is used than as the version: a URL or a path that is made of it changes with its spelling."""

import ast
from collections.abc import Iterator

from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source, UnreadableError


def names(source: Source, line: int, column: int) -> set[str]:
    """The names that the module assigns the text at a place to."""
    found: set[str] = set()
    for node in python.statements(_tree(source)):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            first, last = map(source.position, python.offsets(source, node.value))
            if first <= (line, column) < last:
                found |= set(_targets(node))
    return found


def beside(source: Source, given: set[str]) -> int | None:
    """The first line on which one of the names in `given`, or what is assigned from it, is read for something else.

    `version=` and an assignment to another name are what a version is for; None where there is nothing else.
    """
    tree, known = _tree(source), set(given)
    spent: set[ast.AST] = set()
    for node in python.statements(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _named(node.value) in known:
            known |= set(_targets(node))
            spent.add(node.value)
    calls = (node for node in python.walk(tree) if isinstance(node, ast.Call))
    spent |= {keyword.value for call in calls for keyword in call.keywords if keyword.arg == "version"}
    inside = {inner for node in spent for inner in python.walk(node)}
    lines = (
        node.lineno
        for node in python.walk(tree)
        if isinstance(node, ast.expr) and _read(node) in known and node not in inside
    )
    return min(lines, default=None)


def _tree(source: Source) -> ast.Module:
    try:
        return python.syntax(source)
    except UnreadableError:
        return ast.Module([], [])


def _targets(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return (target.id for target in targets if isinstance(target, ast.Name))


def _read(node: ast.expr) -> str | None:
    """The name that an expression reads, if it is no more than that."""
    return None if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del) else _named(node)


def _named(node: ast.expr) -> str | None:
    """`NAME`, `module.NAME` or `about["NAME"]`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return None
