"""setup.py as it is written: its one call of `setup()`, and which statements have a say in what an argument is."""

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source

_COMPOUND = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.AugAssign, ast.Delete, ast.Expr)
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BUILTINS = frozenset(dir(builtins))


class SetupFile(NamedTuple):
    """setup.py, its syntax tree, and the call of `setup()` in it."""

    source: Source
    tree: ast.Module
    call: ast.Call

    def argument(self, name: str) -> ast.expr | None:
        """The expression of a keyword argument."""
        return next(
            (given[name] for keyword in self.call.keywords if name in (given := self.given(keyword) or {})), None
        )

    def given(self, keyword: ast.keyword) -> dict[str, ast.expr] | None:
        """The expressions that a keyword gives by name; None for a `**` of what isn't a dictionary written out."""
        if keyword.arg is not None:
            return {keyword.arg: keyword.value}
        value: ast.expr | None = keyword.value
        if isinstance(value, ast.Name):
            name = value.id
            uses = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(self.tree))
            value = python.constant(self.tree.body, name)[0] if uses == 2 else None  # nothing else can change it
        return _written_out(value)

    def line(self, node: ast.AST) -> int:
        """Where a node begins."""
        return int(getattr(node, "lineno", 1))


def read(source: Source) -> SetupFile | str:
    """Read it, or say why it can't be worked on; raises UnreadableError for what is no Python."""
    tree = python.parse(source)
    names = {"setup", *_renamed(tree)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_setup(node.func, names)]
    if len(calls) != 1:
        return f"{source.file} calls setup() {len(calls)} times" if calls else f"{source.file} calls no setup()"
    if calls[0].args:
        return f"{source.file}:{calls[0].lineno}: setup() is given arguments without a name"
    return SetupFile(source, tree, calls[0])


def replaced(file: SetupFile) -> str | None:
    """Where setup.py puts something of its own in place of what setuptools has; None where it doesn't."""
    imports = (s for s in ast.walk(file.tree) if isinstance(s, ast.Import | ast.ImportFrom))
    owned = {name for s in imports for name in _bound(s) if re.search(r"\b(?:setuptools|distutils)\b", ast.unparse(s))}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            path = ast.unparse(node)
            if path.partition(".")[0] in owned:
                return (
                    f"{file.source.file}:{node.lineno} replaces {path}, and what that does to the metadata isn't known"
                )
    return None


def _written_out(value: ast.expr | None) -> dict[str, ast.expr] | None:
    """The items of `{"name": …}` and `dict(name=…)`."""
    match value:
        case ast.Dict(keys=keys, values=values):
            items = [(getattr(key, "value", None), item) for key, item in zip(keys, values, strict=True)]
        case ast.Call(func=ast.Name("dict"), args=[], keywords=keywords):
            items = [(keyword.arg, keyword.value) for keyword in keywords]
        case _:
            return None
    found = {name: item for name, item in items if isinstance(name, str)}
    return found if len(found) == len(items) else None


def _renamed(tree: ast.Module) -> Iterator[str]:
    """What `from setuptools import setup as …` calls it."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    aliases = (alias for node in imports if node.module in ("setuptools", "distutils.core") for alias in node.names)
    yield from (alias.asname for alias in aliases if alias.name == "setup" and alias.asname)


def _is_setup(function: ast.expr, names: set[str]) -> bool:
    if isinstance(function, ast.Name):
        return function.id in names
    owner = function.value if isinstance(function, ast.Attribute) and function.attr == "setup" else None
    return owner is not None and ast.unparse(owner) in ("setuptools", "distutils.core", "core")


def loaded(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that are read in `nodes` and come from outside: not what a `with` or `for` binds for itself."""
    return {name for outer in nodes for name in _read(outer, frozenset())} - _BUILTINS


def _read(node: ast.AST, inside: frozenset[str]) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in inside:
        yield node.id
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    inside |= frozenset(_own(node))
    for child in ast.iter_child_nodes(node):
        yield from _read(child, inside)


def _own(outer: ast.AST) -> Iterator[str]:
    targets = [outer.target] if isinstance(outer, ast.For) else []
    targets += [item.optional_vars for item in outer.items if item.optional_vars] if isinstance(outer, ast.With) else []
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def bound(statement: ast.stmt) -> set[str]:
    """Names that a statement binds, in its blocks too."""
    if isinstance(statement, _DEFINES):
        return {statement.name}
    return set(_bound(statement))


def _bound(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, _DEFINES):
            yield node.name


def concerning(file: SetupFile, nodes: Sequence[ast.AST]) -> list[ast.stmt]:
    """The top-level statements that have a say in the value of `nodes`: those that bind a name there, or may change it.

    Which of them really run isn't asked, so there may be more than needed but none is missing.
    """
    names, found = loaded(nodes), dict[ast.stmt, None]()
    # A module isn't changed by those that use it.
    modules = {name for s in file.tree.body if isinstance(s, ast.Import) for name in bound(s)}
    while True:
        more = [s for s in file.tree.body if s not in found and not is_call(file, s) and _concerns(s, names, modules)]
        if not more:
            return [statement for statement in file.tree.body if statement in found]
        found |= dict.fromkeys(more)
        names |= loaded(more)


def is_call(file: SetupFile, statement: ast.stmt) -> bool:
    """Whether the statement is the call of `setup()`, alone or under `if __name__ == "__main__"`."""
    body = statement.body if is_main(statement) else [statement]  # type: ignore[attr-defined]
    return any(isinstance(inner, ast.Expr) and inner.value is file.call for inner in body)


def is_main(statement: ast.stmt) -> bool:
    """Whether it is `if __name__ == "__main__":`."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def _concerns(statement: ast.stmt, names: set[str], modules: set[str]) -> bool:
    if bound(statement) & names:
        return True
    if isinstance(statement, ast.Assign) and any(loaded([target]) & names for target in statement.targets):
        return True  # x["key"] = …
    return isinstance(statement, _COMPOUND) and bool(loaded([statement]) & (names - modules))
