"""What is written out, names and operators: what they give, where it can be told without running anything."""

import ast
from abc import ABC, abstractmethod
from typing import Any

from relengtools.versions.evaluate import containers, parsers
from relengtools.versions.evaluate.methods import measured
from relengtools.versions.evaluate.operators import binary, compare, printed, truth
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.scopes import find
from relengtools.versions.evaluate.values import (
    Document,
    Fields,
    Instance,
    Match,
    Module,
    Opaque,
    Scope,
    Unknown,
    UntoldError,
    Value,
    first_unknown,
    is_known,
    raised,
    vague,
)

KEYS: Any = str | int | float | tuple | Instance | None
"""What may be the key of a dictionary that can be told."""


class Operands(ABC):
    """The expressions of one call or module, evaluated in its scope."""

    def __init__(self, run: Run, scope: Scope, module: Module, lenient: bool = False) -> None:
        self.run, self.scope, self.module, self.lenient = run, scope, module, lenient

    @property
    def document(self) -> Document:
        """The file that the code stands in."""
        return self.module.document

    def value(self, node: ast.expr) -> Value:
        """What an expression gives; raises RaisedError where it surely raises, TooMuchError."""
        self.run.step()
        evaluate = getattr(self, f"_{type(node).__name__}", None)
        if evaluate is None:
            return self._lost(node)
        value = evaluate(node)
        if isinstance(value, Unknown):
            self.run.doubts += 1
        return value

    def _lost(self, node: ast.AST) -> Unknown:
        """What isn't followed may change all that it has to do with."""
        names = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
        self.run.doubts += 1
        self.run.disturb(*(find(self.scope, name.id) for name in names))
        for name in names:
            if isinstance(name.ctx, ast.Store):
                self.bind(name, Unknown(f"{type(node).__name__} isn't followed"))
        return Unknown(f"{type(node).__name__} isn't followed")

    # -------------------------------------------------------------------------------------------- literals

    def _Constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, str):
            return parsers.placed(self.document, node, node.value)
        return parsers.bytes_(node.value) if isinstance(node.value, bytes) else node.value

    def _JoinedStr(self, node: ast.JoinedStr) -> Value:
        parts = [self.value(part) for part in node.values]
        unknown = next((part for part in parts if isinstance(part, Unknown)), None)
        if unknown is not None:
            return unknown
        return parts[0] if len(parts) == 1 else measured(self.run, "".join(parts))

    def _FormattedValue(self, node: ast.FormattedValue) -> Value:
        value = self.run.text(self.value(node.value))
        spec = "" if node.format_spec is None else self.value(node.format_spec)
        if isinstance(value, Unknown) or isinstance(spec, Unknown):
            return first_unknown(value, spec)
        return printed(value, node.conversion, spec)

    def _Tuple(self, node: ast.Tuple) -> Value:
        return self._collected(node.elts, tuple)

    def _List(self, node: ast.List) -> Value:
        return self.run.heap.fresh(self._collected(node.elts, list))

    def _Set(self, node: ast.Set) -> Value:
        found = self._collected(node.elts, list)
        return set(found) if is_known(found) else Unknown("a set of something computed", holds=(found,))

    def _collected(self, nodes: list[ast.expr], kind: Any) -> Value:
        try:
            return kind(self._elements(nodes))
        except UntoldError as error:
            return error.unknown

    def _elements(self, nodes: list[ast.expr]) -> list[Value]:
        """The values of expressions, starred ones taken apart; raises UntoldError."""
        found: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                found += self.run.items(self.value(node.value))
            else:
                found.append(self.value(node))
        return found

    def _Dict(self, node: ast.Dict) -> Value:
        found: dict[Value, Value] = self.run.heap.fresh({})
        for key, value in zip(node.keys, node.values, strict=True):
            name = None if key is None else self.value(key)
            inner = self.value(value)
            if key is None:
                containers.update(self.run, found, inner)
            elif isinstance(name, KEYS) and not isinstance(name, Fields):
                containers.assign(found, name, inner)
            else:
                containers.blur(found, Unknown("a dictionary with a computed key", holds=(inner,)))
        return found

    # -------------------------------------------------------------------------------------------- names and operators

    def _Name(self, node: ast.Name) -> Value:
        return self.run.lookup(self.scope, self.module, node.id)

    def _Attribute(self, node: ast.Attribute) -> Value:
        return self.run.get(self.value(node.value), node.attr)

    def _BoolOp(self, node: ast.BoolOp) -> Value:
        stops = isinstance(node.op, ast.Or)
        value: Value = None
        for at, part in enumerate(node.values):
            value = self.value(part)
            if at == len(node.values) - 1:
                return value
            true = truth(value)
            if isinstance(true, Unknown):
                return self._perhaps(value, true, node, at + 1)
            if true is stops:
                return value
        return value

    def _perhaps(self, value: Value, unknown: Unknown, node: ast.BoolOp, at: int) -> Unknown:
        """Whether the other operands are evaluated isn't known. Of `computed or git describe` the provider is told."""
        rest = node.values[at] if at == len(node.values) - 1 else ast.BoolOp(node.op, node.values[at:])
        other = self._branch(rest, unknown)
        said = first_unknown(unknown, other)
        return Unknown(said.reason, said.provider, (value, other))

    def _branch(self, node: ast.expr, why: Unknown) -> Value:
        """What an expression gives of which nobody knows whether it is evaluated; Unknown where it raises."""
        found: list[Value] = []
        outcomes = self.run.heap.attempt(lambda: found.append(self.value(node)))
        self.run.doubts += 1
        self.run.heap.proceed([*outcomes, *self.run.heap.attempt(lambda: None)], why)
        return found[0] if found else why

    def _IfExp(self, node: ast.IfExp) -> Value:
        true = truth(self.value(node.test))
        if not isinstance(true, Unknown):
            return self.value(node.body if true else node.orelse)
        one, other = self._branch(node.body, true), self._branch(node.orelse, true)
        return self.run.heap.agreed([one, other], first_unknown(one, other, true))

    def _UnaryOp(self, node: ast.UnaryOp) -> Value:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            true = truth(value)
            return true if isinstance(true, Unknown) else not true
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        return value if isinstance(value, Unknown) else Unknown("an operator that isn't followed")

    def _BinOp(self, node: ast.BinOp) -> Value:
        return self.combined(node.op, self.value(node.left), self.value(node.right))

    def combined(self, op: ast.operator, left: Value, right: Value) -> Value:
        """`left op right`; raises RaisedError."""
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            said = first_unknown(left, right)
            return Unknown(said.reason, said.provider, (left, right))
        result = binary(op, left, self.run.text(right) if isinstance(op, ast.Mod) else right)
        return measured(self.run, result) if isinstance(result, str) else result

    def _Compare(self, node: ast.Compare) -> Value:
        left = self.value(node.left)
        for at, (op, other) in enumerate(zip(node.ops, node.comparators, strict=True)):
            right = self.value(other)
            holds = self._compared(op, left, right)
            if isinstance(holds, Unknown):
                for later in node.comparators[at + 1 :]:
                    self._branch(later, holds)
                return holds
            if not holds:
                return False
            left = right
        return True

    def _compared(self, op: ast.cmpop, left: Value, right: Value) -> bool | Unknown:
        merged = self.run.heap.merged
        if isinstance(op, ast.Is | ast.IsNot) and (id(left) in merged or id(right) in merged):
            return Unknown("whether two objects are one")
        return compare(op, left, right)

    def _Subscript(self, node: ast.Subscript) -> Value:
        owner = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            return self._slice(owner, node.slice)
        return self.element(owner, self.value(node.slice))

    def element(self, owner: Value, key: Value) -> Value:
        """`owner[key]`; raises RaisedError."""
        if isinstance(owner, Unknown):
            return owner
        if isinstance(owner, Match):
            return owner.group(key) if isinstance(key, str | int) else Unknown("a group that can't be told")
        if isinstance(owner, Opaque):
            return self._of_opaque(owner, key)
        if isinstance(owner, parsers.Parser):
            try:
                return parsers.call(self.run, owner, "__getitem__", [key], {})
            except UntoldError as error:
                return error.unknown
        if not isinstance(key, str | int | float | tuple | None) or not is_known(key):
            return Unknown("an element that can't be told", holds=(owner,))
        return containers.element(self.run, owner, key)

    def _of_opaque(self, owner: Opaque, key: Value) -> Value:
        if owner.name == "sys.argv" and key == 0:
            return str(self.run.root / "setup.py")
        if owner.name == "sys.modules" and isinstance(key, str):
            return self.run.loaded(key)
        return Unknown("an element of something computed")

    def _slice(self, owner: Value, node: ast.Slice) -> Value:
        bounds = [None if part is None else self.value(part) for part in (node.lower, node.upper, node.step)]
        if not isinstance(owner, str | list | tuple) or (isinstance(owner, list) and vague(owner)):
            return owner if isinstance(owner, Unknown) else Unknown("a part of something computed", holds=(owner,))
        if not all(bound is None or isinstance(bound, int) for bound in bounds):
            return Unknown("a part that can't be told", holds=(owner,))
        try:
            return owner[slice(*bounds)]
        except ValueError as error:
            raise raised(error) from error

    @abstractmethod
    def bind(self, target: ast.expr, value: Value, node: ast.expr | None = None) -> None:
        """Bind what an assignment, `for`, `with` or `:=` names."""
