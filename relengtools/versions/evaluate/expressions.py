"""Expressions: what they give, where it can be told without running anything."""

import ast
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from relengtools.versions.evaluate import parsers
from relengtools.versions.evaluate.methods import LARGEST
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    SPOILT,
    Class,
    Deferred,
    Document,
    Function,
    Instance,
    Match,
    Method,
    Module,
    Names,
    Object,
    Opaque,
    RaisedError,
    Scope,
    Text,
    TooMuchError,
    Unknown,
    Value,
    is_known,
)

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
_OF_SCOPE = {"builtins.exec", "builtins.execfile", "builtins.globals", "builtins.locals", "builtins.vars"}
_WIDTH = re.compile(r"\d{4}")


class Frame:
    """The expressions of one call or module, evaluated in its scope.

    In a `lenient` one a statement that surely raises is left out, and what it would bind is unknown: where a version is
    given at all, the code came through.
    """

    def __init__(self, run: Run, scope: Scope, module: Module, lenient: bool = False) -> None:
        self.run, self.scope, self.module, self.lenient = run, scope, module, lenient
        self.returned: list[Value] = []

    @property
    def document(self) -> Document:
        """The file that the code stands in."""
        return self.module.document

    def value(self, node: ast.expr) -> Value:
        """What an expression gives; raises RaisedError where it surely raises, TooMuchError."""
        self.run.step()
        evaluate = getattr(self, f"_{type(node).__name__}", None)
        if evaluate is None:
            return Unknown(f"{type(node).__name__} isn't followed")
        return evaluate(node)

    def _Constant(self, node: ast.Constant) -> Value:
        if not isinstance(node.value, str | bytes):
            return node.value
        value = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        return parsers.placed(self.document, node, value)

    def _JoinedStr(self, node: ast.JoinedStr) -> Value:
        parts = [self.value(part) for part in node.values]
        unknown = next((part for part in parts if isinstance(part, Unknown)), None)
        if unknown is not None:
            return unknown
        return parts[0] if len(parts) == 1 else self.measured("".join(map(str, parts)))

    def _FormattedValue(self, node: ast.FormattedValue) -> Value:
        value = self.value(node.value)
        spec = "" if node.format_spec is None else self.value(node.format_spec)
        value = self.run.text(value)
        if isinstance(value, Unknown) or not is_known(value):
            return value if isinstance(value, Unknown) else Unknown("an f-string of something computed")
        if isinstance(spec, Unknown) or _WIDTH.search(spec):
            return Unknown("a format that isn't followed")
        if isinstance(value, str) and not spec and node.conversion != ord("r"):
            return value
        try:
            return format(repr(value) if node.conversion == ord("r") else value, str(spec))
        except (ValueError, TypeError) as error:
            raise RaisedError(type(error).__name__, str(error)[:80]) from error

    def _Name(self, node: ast.Name) -> Value:
        return self.run.lookup(self.scope, self.module, node.id)

    def _Attribute(self, node: ast.Attribute) -> Value:
        return self.run.get(self.value(node.value), node.attr)

    def _Tuple(self, node: ast.Tuple) -> Value:
        return tuple(self._elements(node.elts))

    def _List(self, node: ast.List) -> Value:
        return self._elements(node.elts)

    def _Set(self, node: ast.Set) -> Value:
        try:
            return set(self._elements(node.elts))
        except TypeError:
            return Unknown("a set of something computed")

    def _elements(self, nodes: list[ast.expr]) -> list[Value]:
        found: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                inner = self.value(node.value)
                found += (
                    inner if isinstance(inner, list | set) or type(inner) is tuple else [Unknown("a starred value")]
                )
            else:
                found.append(self.value(node))
        return found

    def _Dict(self, node: ast.Dict) -> Value:
        found: dict[Value, Value] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                inner = self.value(value)
                found |= inner if isinstance(inner, dict) else {}
                continue
            name = self.value(key)
            if not isinstance(name, str | int | Instance | type(None)):
                return Unknown("a dictionary with computed keys")
            found[name] = self.value(value)
        return found

    def _BoolOp(self, node: ast.BoolOp) -> Value:
        stops = isinstance(node.op, ast.Or)
        value: Value = None
        for part in node.values:
            value = self.value(part)
            true = truth(value)
            if isinstance(true, Unknown):
                return self._perhaps(true, node, part)
            if true is stops:
                return value
        return value

    def _perhaps(self, unknown: Unknown, node: ast.BoolOp, part: ast.expr) -> Unknown:
        """Of `computed or git describe` the provider is worth knowing, wherever it stands."""
        rest = node.values[node.values.index(part) + 1 :]
        others = (self.value(other) for other in rest if unknown.provider is None)
        return next((o for o in others if isinstance(o, Unknown) and o.provider), unknown)

    def _IfExp(self, node: ast.IfExp) -> Value:
        true = truth(self.value(node.test))
        if isinstance(true, Unknown):
            one, other = self.value(node.body), self.value(node.orelse)
            return one if same(one, other) else first_unknown(one, other, true)
        return self.value(node.body if true else node.orelse)

    def _UnaryOp(self, node: ast.UnaryOp) -> Value:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            true = truth(value)
            return true if isinstance(true, Unknown) else not true
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        return Unknown("an operator that isn't followed")

    def _BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        unknown = next((value for value in (left, right) if isinstance(value, Unknown)), None)
        if unknown is not None:
            return unknown
        return binary(node.op, left, right)

    def _Compare(self, node: ast.Compare) -> Value:
        left = self.value(node.left)
        for op, other in zip(node.ops, node.comparators, strict=True):
            right = self.value(other)
            if not (is_known(left) and is_known(right)):
                return Unknown("a comparison with something computed")
            try:
                holds = _COMPARE[type(op)](left, right)
            except TypeError:
                raise RaisedError("TypeError") from None
            if not holds:
                return False
            left = right
        return True

    def _Subscript(self, node: ast.Subscript) -> Value:
        owner = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            return self._slice(owner, node.slice)
        key = self.value(node.slice)
        if isinstance(owner, Unknown) or isinstance(key, Unknown):
            return owner if isinstance(owner, Unknown) else key
        if isinstance(owner, Match):
            return owner.group(key)
        if owner == Opaque("sys.argv") and key == 0:
            return str(self.run.root / "setup.py")
        if isinstance(owner, parsers.Parser):
            return parsers.call(self.run, owner, "__getitem__", [key], {})
        if isinstance(owner, Names):
            return self.run.lookup(owner.scope, self.module, str(key))
        if isinstance(owner, dict) and SPOILT in owner:
            return owner.get(key, owner[SPOILT])
        if isinstance(owner, Module | Opaque) or not isinstance(owner, str | list | dict | tuple):
            return Unknown("an element of something computed")
        try:
            return owner[key]
        except (LookupError, TypeError) as error:
            raise RaisedError(type(error).__name__, str(error)[:80]) from error

    def _slice(self, owner: Value, node: ast.Slice) -> Value:
        bounds = [None if part is None else self.value(part) for part in (node.lower, node.upper, node.step)]
        if not isinstance(owner, str | list | tuple) or isinstance(owner, Unknown | Opaque):
            return owner if isinstance(owner, Unknown) else Unknown("a part of something computed")
        if not all(bound is None or isinstance(bound, int) for bound in bounds):
            return Unknown("a part that can't be told")
        return owner[slice(*bounds)]

    def _Call(self, node: ast.Call) -> Value:
        function = self.value(node.func)
        arguments = self._elements(node.args)
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords |= {"**" if key == SPOILT else key: v for key, v in value.items() if isinstance(key, str)}
            else:
                keywords["**"] = value if isinstance(value, Unknown) else Unknown("`**` of something computed")
        self.run.seen(self, node, function, keywords)
        if isinstance(function, Opaque) and function.name in _OF_SCOPE:
            return self._of_scope(function.name, arguments)
        return self.run.apply(function, arguments, keywords)

    def _of_scope(self, name: str, arguments: list[Value]) -> Value:
        """`globals()` and the like, and `exec()` into the names that are here."""
        names = Names(self.scope)
        if name in ("builtins.exec", "builtins.execfile"):
            spaces = arguments[1:] or [names]
            return self.run.apply(Opaque(f"builtins.{name[9:]}"), [arguments[0], *spaces] if arguments else [], {})
        return Unknown("vars() of something") if arguments else names

    def _Lambda(self, node: ast.Lambda) -> Value:
        return Function(node, self.scope, self.module)

    def _NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.run.bind(self, node.target, value, node.value)
        return value

    def _ListComp(self, node: ast.ListComp) -> Value:
        return self._comprehension(node.generators, node.elt)

    _GeneratorExp = _ListComp

    def _SetComp(self, node: ast.SetComp) -> Value:
        found = self._comprehension(node.generators, node.elt)
        return set(found) if is_known(found) and not isinstance(found, Unknown) else Unknown("a computed set")

    def _DictComp(self, node: ast.DictComp) -> Value:
        found = self._comprehension(node.generators, ast.Tuple([node.key, node.value], ast.Load()))
        return found if isinstance(found, Unknown) else dict(found)

    def _comprehension(self, generators: list[ast.comprehension], element: ast.expr) -> Value:
        inner = Frame(self.run, Scope(outer=self.scope), self.module)
        found: list[Value] = []
        unknown = inner.loop(generators, element, found)
        return unknown or found

    def loop(self, generators: list[ast.comprehension], element: ast.expr, found: list[Value]) -> Unknown | None:
        """Append what the loops of a comprehension give; Unknown where one can't be followed."""
        if not generators:
            found.append(self.value(element))
            return None
        first, *rest = generators
        row = self.run.items(self.value(first.iter))
        if isinstance(row, Unknown):
            return row
        for item in row:
            self.run.bind(self, first.target, item, None)
            tests = [truth(self.value(test)) for test in first.ifs]
            unknown = next((test for test in tests if isinstance(test, Unknown)), None)
            if unknown is None and all(tests):
                unknown = self.loop(rest, element, found)
            if unknown is not None:
                return unknown
        return None

    @staticmethod
    def measured(text: str) -> str:
        """`text`, unless it has become too large; raises TooMuchError."""
        if len(text) > LARGEST:
            raise TooMuchError
        return text


def binary(op: ast.operator, left: Value, right: Value) -> Value:
    """`left op right`; raises RaisedError, TooMuchError."""
    function = _BINARY.get(type(op))
    if isinstance(op, ast.Div) and isinstance(left, Path | str) and isinstance(right, Path | str):
        return Path(left) / right
    if function is None or not (is_known(left) and is_known(right)):
        containers = isinstance(op, ast.Add) and type(left) is type(right) and isinstance(left, list | tuple)
        if not containers or isinstance(left, Unknown | Opaque | Method | Deferred):
            return Unknown("an operator on something computed")
        function = operator.add
    _bound(op, left, right)
    if isinstance(op, ast.Add) and isinstance(left, str) and isinstance(right, str) and not (left and right):
        return left or right
    try:
        result = function(left, right)
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise RaisedError(type(error).__name__, str(error)[:80]) from error
    return right if isinstance(op, ast.Mod) and left == "%s" and isinstance(right, str) else result


def _bound(op: ast.operator, left: Value, right: Value) -> None:
    """Raise TooMuchError before little makes much."""
    sizes = [
        len(v) if isinstance(v, str | list | tuple) else abs(v) if isinstance(v, int | float) else 1
        for v in (left, right)
    ]
    if isinstance(op, ast.Mult) and sizes[0] * sizes[1] > LARGEST:
        raise TooMuchError
    if isinstance(op, ast.Mod) and isinstance(left, str) and (_WIDTH.search(left) or "*" in left):
        raise TooMuchError
    if isinstance(op, ast.Add) and isinstance(left, str | list | tuple) and sum(sizes) > LARGEST:
        raise TooMuchError


def truth(value: Value) -> bool | Unknown:
    """Whether a value counts as true."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Opaque):
        return Unknown(f"{value.name} isn't known without running it")
    if isinstance(
        value,
        Function
        | Class
        | Module
        | Instance
        | Match
        | Method
        | Deferred
        | Object
        | Names
        | parsers.Parser
        | parsers.Tree,
    ):
        return True
    return bool(value)


def same(one: Value, other: Value) -> bool:
    """Whether two values are known and equal."""
    return is_known(one) and is_known(other) and type(one) in (type(other), Text, str) and bool(one == other)


def first_unknown(*values: Value) -> Unknown:
    """The Unknown that says most: one with a provider before the others."""
    unknown = [value for value in values if isinstance(value, Unknown)]
    named = next((value for value in unknown if value.provider), None)
    return named or (unknown[0] if unknown else Unknown("it depends on a condition"))
