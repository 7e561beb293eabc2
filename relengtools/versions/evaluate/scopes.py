"""Which scope a name belongs to, and what a function's body says of its names."""

import ast
from collections.abc import Iterable
from functools import lru_cache

from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import SPOILT, Level, Scope, Unknown, Value
from relengtools.versions.locate import python

_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_OPENING = {"globals", "locals", "vars", "exec", "execfile"}
"""Functions by which code gets hold of the names around it."""
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ENCLOSING = (*_DEFINING, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BINDING = (*_DEFINING, ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)


def find(scope: Scope, name: str) -> Value:
    """The value of a name, Unknown where something computed may have bound it; raises KeyError."""
    if name in scope.level.global_:
        return scope.module().names[name]
    for each in scope.around():
        if name in each.names:
            return each.names[name]
        if each.level.kind == "call" and name in each.level.own:
            raise UnboundLocalError(name)
        if SPOILT in each.names:
            names = (scope.names, scope.module().names) if name in _OPENING else ()  # Python's own function, maybe
            return Unknown(f"`{name}` may come from an exec() of something computed", holds=names)
    raise KeyError(name)


def owner_of(scope: Scope, name: str) -> Scope:
    """The scope in which an assignment binds a name."""
    if name in scope.level.global_:
        return scope.module()
    if name in scope.level.nonlocal_:
        outer = scope.outer
        while outer is not None:
            if outer.level.kind == "call" and name in outer.level.own:
                return outer
            outer = outer.outer
    return scope


def bind(run: Run, scope: Scope, name: str, value: Value) -> None:
    """Bind a name where the scope says."""
    names = owner_of(scope, name).names
    run.heap.touch(names, name)
    names[name] = value


def unbind(run: Run, scope: Scope, name: str) -> bool:
    """Delete a name; False where there is none."""
    names = owner_of(scope, name).names
    run.heap.touch(names, name)
    return names.pop(name, scope) is not scope


@lru_cache(maxsize=4096)
def level(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Level:
    """The names that a function has for itself, and those that it declares to be others'."""
    spec = node.args
    given = (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg)
    own = {parameter.arg for parameter in given if parameter is not None}
    globals_: set[str] = set()
    nonlocals: set[str] = set()
    _gather(node.body if isinstance(node.body, list) else [node.body], own, globals_, nonlocals)
    others = globals_ | nonlocals
    return Level("call", frozenset(own - others), frozenset(globals_), frozenset(nonlocals))


def class_level(node: ast.ClassDef) -> Level:
    """What a class declares to be others'."""
    globals_: set[str] = set()
    nonlocals: set[str] = set()
    _gather(node.body, set(), globals_, nonlocals)
    return Level("class", frozenset(), frozenset(globals_), frozenset(nonlocals))


def _gather(nodes: Iterable[ast.AST], own: set[str], globals_: set[str], nonlocals: set[str]) -> None:
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                own.add(node.id)
            continue
        if isinstance(node, ast.Global):
            globals_.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            nonlocals.update(node.names)
        elif isinstance(node, _BINDING):
            own |= _bound(node)
        todo += _below(node) if isinstance(node, _ENCLOSING) else ast.iter_child_nodes(node)


def _bound(node: ast.AST) -> set[str]:
    """The names that a node binds itself."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    name = node.rest if isinstance(node, ast.MatchMapping) else getattr(node, "name", None)
    return {name} if name else set()


def _below(node: ast.AST) -> list[ast.AST]:
    """The parts of a node with a scope of its own whose names are of the one around; what `:=` binds, is."""
    if isinstance(node, ast.ClassDef):
        return list(node.decorator_list)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [*node.decorator_list, *node.args.defaults]
    if isinstance(node, ast.Lambda):
        return []
    return [inner.target for inner in python.walk(node) if isinstance(inner, ast.NamedExpr)]


@lru_cache(maxsize=4096)
def suspends(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    """Whether a call of a function gives a generator or coroutine."""
    if isinstance(node, ast.AsyncFunctionDef):
        return True
    todo: list[ast.AST] = list(node.body) if isinstance(node.body, list) else [node.body]
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Yield | ast.YieldFrom | ast.Await):
            return True
        if not isinstance(part, _INNER):
            todo += ast.iter_child_nodes(part)
    return False


@lru_cache(maxsize=4096)
def encloses(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    """Whether something may see the names of a call when it is over."""
    arguments = {each for part in python.walk(node) if isinstance(part, ast.Call) for each in part.args}
    inner = (part for part in python.walk(node) if isinstance(part, (*_INNER, ast.GeneratorExp)))
    return any(part is not node and part not in arguments for part in inner)
