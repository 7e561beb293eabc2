"""What something that isn't followed may change: what it gets hold of, and what the functions that it calls reach."""

import ast
import builtins
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from relengtools.versions.evaluate.heap import Heap
from relengtools.versions.evaluate.scopes import find, level, owner_of
from relengtools.versions.evaluate.values import (
    SPOILT,
    Class,
    Deferred,
    File,
    Function,
    Method,
    Module,
    Namespace,
    Object,
    Scope,
    Spoilt,
    Stream,
    Unknown,
    Value,
    View,
    Wrapped,
)
from relengtools.versions.locate import python

_CHANGED = Unknown("something computed may have changed it")
_PLAIN = (str, int, float)
_ROWS = (list, tuple, set, frozenset)
_SPOILABLE = (list, set, dict, File, Stream)
_LASTING = (Function, Class, Module, Deferred, Wrapped)
_UNREACHED = (*_PLAIN, Module, Deferred)
_BUILTINS = frozenset(dir(builtins))
_GIVEN = {"__file__", "__name__", "__doc__", "__package__"}
_READING = {"get", "items", "keys", "values", "copy"}


class _Reach(NamedTuple):
    """The names that code reads, those that it binds elsewhere than in itself, and whether it may bind any.

    `stored` are attributes of names. `some`: or any but those with two underscores, which those who set attributes of
    modules by computed names leave alone.
    """

    read: frozenset[str]
    bound: frozenset[str]
    stored: frozenset[tuple[str, str]]
    any: bool
    some: bool


def disturb(heap: Heap, *values: Value) -> dict[int, Value]:
    """Forget what may be changed by whoever gets hold of these values; by their ids what can be got hold of."""
    todo, seen = list(values), dict[int, Value]()
    while todo:
        value = todo.pop()
        if value is None or isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen[id(value)] = value
        todo += _inside(value)
        if isinstance(value, Function):
            todo += _called(heap, value)
        elif isinstance(value, Namespace):
            _forget(heap, value)
        elif isinstance(value, _SPOILABLE):
            heap.spoil(value)
    return seen


def _inside(value: Value) -> list[Value]:
    """What can be got hold of through a value."""
    if isinstance(value, _ROWS):
        return list(value)
    if isinstance(value, Namespace):
        return []
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, Unknown):
        return list(value.holds)
    if isinstance(value, Object):
        return [value.names, *value.names.values(), *_functions(value.of)]
    if isinstance(value, Class):
        return [value.names, *_functions(value)]
    if isinstance(value, Module):
        return [value.scope.names]
    if isinstance(value, Method | View):
        return [value.owner]
    if isinstance(value, Wrapped):
        return [value.function]
    return [value.state] if hasattr(value, "state") else []


def _functions(of: Class) -> Iterator[Value]:
    for value in of.names.values():
        if isinstance(value, Function | Wrapped):
            yield value
    for base in of.bases:
        yield from _functions(base)


def _forget(heap: Heap, names: dict[str, Value], dunders: bool = True) -> None:
    """Any variable of a namespace may have been changed or made; functions, classes and modules mostly aren't."""
    heap.touch(names)
    if dunders:
        names[SPOILT] = Spoilt(_CHANGED.reason)
    for name, value in names.items():
        if isinstance(value, _LASTING) or name in _GIVEN or not (dunders or name[:2] != "__"):
            continue
        if not (type(value) is Unknown and value == _CHANGED):  # else it is forgotten already
            names[name] = Unknown(_CHANGED.reason, holds=(value,))


def _called(heap: Heap, function: Function) -> list[Value]:
    """What a call of a function may change besides its arguments."""
    reach = _reach(function.node)
    found: list[Value] = list(function.defaults.values())
    for name in reach.read:
        value = _found(function.scope, name)
        if value is not None and not isinstance(value, _UNREACHED):
            found.append(value)
    for name in reach.bound:
        _unsure(heap, function.scope, name)
    for name, attribute in reach.stored:
        if isinstance(module := _found(function.scope, name), Module):
            heap.touch(module.scope.names)
            module.scope.names[attribute] = _CHANGED
    if reach.any or reach.some:
        _forget(heap, function.scope.module().names, dunders=reach.any)
    return found


def _unsure(heap: Heap, scope: Scope, name: str) -> None:
    """A name that a call may bind, in the module or around the function."""
    for each in scope.around():
        if name in each.names or each.outer is None:
            names = owner_of(each, name).names
            heap.touch(names)
            names[name] = Unknown(f"`{name}` may be changed by a call that isn't followed")
            return


def _found(scope: Scope, name: str) -> Value:
    try:
        return find(scope, name)
    except (KeyError, NameError):
        return None


@lru_cache(maxsize=4096)
def _reach(node: ast.AST) -> _Reach:
    read: set[str] = set()
    bound: set[str] = set()
    attributes: set[str] = set()
    stored: set[tuple[str, str]] = set()
    for part in python.walk(node):
        if isinstance(part, ast.Name):
            read.add(part.id)
        elif isinstance(part, ast.Global | ast.Nonlocal):
            bound.update(part.names)
        elif isinstance(part, ast.Attribute):
            attributes.add(part.attr)
            if not isinstance(part.ctx, ast.Load):
                stored.add((part.value.id if isinstance(part.value, ast.Name) else "", part.attr))
    opens = bool(read & {"globals", "vars", "exec", "execfile"}) and not _only_reads(node)
    sets = "modules" in attributes and ("setattr" in read or "__dict__" in attributes)
    if "modules" in attributes:
        bound |= {attribute for name, attribute in stored if name not in ("self", "cls")}
    own = level(node).own if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) else frozenset()
    return _Reach(frozenset(read) - own - _BUILTINS, frozenset(bound), frozenset(stored), opens, sets)


def _only_reads(node: ast.AST) -> bool:
    """Whether `globals()` is only read in some code, and `exec()` has names of its own."""
    fine = set[ast.AST]()
    for part in python.walk(node):
        inner = part.value if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Load) else None
        if isinstance(part, ast.Attribute) and part.attr in _READING:
            inner = part.value
        fine |= {*part.comparators} if isinstance(part, ast.Compare) else {inner} if inner else set()
    calls = (part for part in python.walk(node) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name))
    return all(_is_harmless(call, fine) for call in calls)


def _is_harmless(call: ast.Call, fine: set[ast.AST]) -> bool:
    assert isinstance(call.func, ast.Name)
    if call.func.id in ("exec", "execfile"):
        return len(call.args) > 1
    return (call.func.id != "globals" and (call.func.id != "vars" or bool(call.args))) or call in fine


def statement(heap: Heap, scope: Scope, node: ast.stmt, why: Unknown) -> None:
    """A statement was left out: what it binds is unknown, and what it would have called may have changed things."""
    reach = _reach(node)
    if reach.any or reach.some:
        _forget(heap, scope.module().names, dunders=reach.any)
    for part in python.walk(node):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            names = owner_of(scope, part.id).names
            heap.touch(names)
            names[part.id] = why
        elif isinstance(part, ast.Call):
            disturb(heap, *_of_call(scope, part))
        elif isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            _stored(heap, scope, part, why)


def _of_call(scope: Scope, node: ast.Call) -> Iterator[Value]:
    """What a call that may have been left out would have changed."""
    function = node.func
    if isinstance(function, ast.Attribute):
        owner = _named(scope, function.value)
        yield owner.scope.names.get(function.attr) if isinstance(owner, Module) else owner
        return
    value = _named(scope, function)
    if isinstance(value, Function | Class | Unknown):
        yield value
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield _named(scope, argument)


def _stored(heap: Heap, scope: Scope, node: ast.Subscript | ast.Attribute, why: Unknown) -> None:
    owner = _named(scope, node.value)
    if isinstance(owner, dict) and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        heap.touch(owner)
        owner[node.slice.value] = why
    else:
        disturb(heap, owner)


def _named(scope: Scope, node: ast.expr) -> Value:
    return _found(scope, node.id) if isinstance(node, ast.Name) else None
