"""Expressions: what they give, where it can be told without running anything."""

import ast
from collections.abc import Iterator
from typing import Any

from relengtools.versions.evaluate import containers
from relengtools.versions.evaluate.calls import Calls
from relengtools.versions.evaluate.operands import KEYS
from relengtools.versions.evaluate.operators import truth
from relengtools.versions.evaluate.scopes import bind, owner_of
from relengtools.versions.evaluate.values import (
    INNER,
    Namespace,
    Place,
    RaisedError,
    Scope,
    Stream,
    Unknown,
    UntoldError,
    Value,
    is_known,
    vague,
)

# What takes no element, and what is no place in a list.
_FIXED = (str, int, float, tuple, set, frozenset)
_NO_INDEX = (str, float, tuple, list, dict, set, frozenset, type(None))


class Expressions(Calls):
    """The expressions of one call or module, evaluated in its scope; of a `lenient` one see Frame."""

    # -------------------------------------------------------------------------------------------- assignments

    def bind(self, target: ast.expr, value: Value, node: ast.expr | None = None) -> None:
        """Assign to a name, a tuple, an attribute or an element; raises RaisedError."""
        if isinstance(target, ast.Name):
            self._bind_name(target.id, value, node)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, node)
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value)
            if isinstance(target.slice, ast.Slice):
                self.run.disturb(owner)
            else:
                self.put(owner, self.value(target.slice), value)
        elif isinstance(target, ast.Attribute):
            self.run.put(self.value(target.value), target.attr, value)

    def _bind_name(self, name: str, value: Value, node: ast.expr | None) -> None:
        scope = self.scope
        while scope.level.kind == "inner" and scope.outer is not None and name not in scope.level.own:
            scope = scope.outer
        bind(self.run, scope, name, value)
        if node is not None:
            owner_of(scope, name).places[name] = Place(value, node, self.document)

    def put(self, owner: Value, key: Value, value: Value) -> None:
        """`owner[key] = value`; raises RaisedError."""
        if isinstance(owner, list) and isinstance(key, int) and vague(owner) is None:
            if not -len(owner) <= key < len(owner):
                raise RaisedError("IndexError")
            self.run.heap.touch(owner)
            owner[key] = value
        elif isinstance(owner, dict) and isinstance(key, KEYS) and is_known(key):
            self.run.heap.touch(owner, key)
            containers.assign(owner, key, value)
        elif isinstance(owner, dict):
            self.run.heap.touch(owner)
            containers.blur(owner, Unknown("a dictionary changed at a key that can't be told", holds=(value,)))
        elif owner is None or isinstance(owner, _FIXED) or (isinstance(owner, list) and isinstance(key, _NO_INDEX)):
            raise RaisedError("TypeError")
        else:
            self.run.disturb(owner)

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        try:
            row = list(self.run.items(value))
        except UntoldError as error:
            self.run.doubts += 1
            for target in targets:
                self.bind(target, error.unknown)
            return
        star = next((at for at, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
        if len(row) != len(targets) and (star is None or len(row) < len(targets) - 1):
            raise RaisedError("ValueError")
        if star is not None:
            end = len(row) - (len(targets) - star - 1)
            row = [*row[:star], row[star:end], *row[end:]]
        for target, item in zip(targets, row, strict=True):
            self.bind(target, item)

    def _NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.bind(node.target, value, node.value)
        return value

    # -------------------------------------------------------------------------------------------- comprehensions

    def _ListComp(self, node: ast.ListComp) -> Value:
        return self._gathered(list, self._loop(node.generators, node.elt))

    def _SetComp(self, node: ast.SetComp) -> Value:
        found = self._ListComp(ast.ListComp(node.elt, node.generators))
        return set(found) if isinstance(found, list) and is_known(found) else Unknown("a computed set")

    def _DictComp(self, node: ast.DictComp) -> Value:
        pair = ast.Tuple([node.key, node.value], ast.Load())
        found = self._gathered(list, self._loop(node.generators, pair))
        if isinstance(found, Unknown):
            return found
        made: dict[Value, Value] = {}
        for key, value in found:
            if not isinstance(key, KEYS) or not is_known(key):
                return Unknown("a dictionary with computed keys")
            made[key] = value
        return made

    def _GeneratorExp(self, node: ast.GeneratorExp) -> Value:
        return self.run.heap.fresh(Stream(self._loop(node.generators, node.elt)))

    @staticmethod
    def _gathered(kind: Any, items: Iterator[Value]) -> Value:
        try:
            return kind(items)
        except UntoldError as error:
            return error.unknown

    def _loop(self, generators: list[ast.comprehension], element: ast.expr) -> Iterator[Value]:
        """The elements of a comprehension, whose first row is evaluated at once."""
        targets = {n.id for g in generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        names = self.run.heap.fresh(Namespace())
        inner = type(self)(self.run, Scope(names, self.scope, INNER._replace(own=frozenset(targets))), self.module)
        row = self.run.items(self.value(generators[0].iter))
        return inner._rows(generators, element, row)

    def _rows(self, generators: list[ast.comprehension], element: ast.expr, row: Iterator[Value]) -> Iterator[Value]:
        first, *rest = generators
        for item in row:
            self.bind(first.target, item)
            if not self._passes(first.ifs):
                continue
            if rest:
                yield from self._rows(rest, element, self.run.items(self.value(rest[0].iter)))
            else:
                yield self.value(element)

    def _passes(self, tests: list[ast.expr]) -> bool:
        """Whether the conditions hold; raises UntoldError."""
        for test in tests:
            true = truth(self.value(test))
            if isinstance(true, Unknown):
                raise UntoldError(true)
            if not true:
                return False
        return True
