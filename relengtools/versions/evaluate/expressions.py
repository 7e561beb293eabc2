"""Expressions: what they give, where it can be told without running anything."""

import ast
from collections.abc import Iterator
from typing import Any

from relengtools.versions.evaluate import containers, havoc, parsers
from relengtools.versions.evaluate.methods import measured
from relengtools.versions.evaluate.operators import binary, compare, printed, truth
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.scopes import bind, find, owner_of
from relengtools.versions.evaluate.values import (
    INNER,
    SPOILT,
    Class,
    Document,
    Fields,
    Function,
    Instance,
    Match,
    Module,
    Namespace,
    Object,
    Opaque,
    Place,
    RaisedError,
    Scope,
    Stream,
    TooMuchError,
    Unknown,
    UntoldError,
    Value,
    first_unknown,
    is_known,
    raised,
    vague,
)
from relengtools.versions.locate import python
from relengtools.versions.locate.plain_setup import ASKING

TELLING = frozenset({"version", "name", "package_dir", None, *ASKING})
_KEYS: Any = str | int | float | tuple | Instance | None


class Expressions:
    """The expressions of one call or module, evaluated in its scope; of a `lenient` one see Frame."""

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
            elif isinstance(name, _KEYS) and not isinstance(name, Fields):
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

    # -------------------------------------------------------------------------------------------- calls

    def _Call(self, node: ast.Call) -> Value:
        function = self.value(node.func)
        try:
            arguments = self._elements(node.args)
        except UntoldError as error:
            given = [self.value(part.value if isinstance(part, ast.Starred) else part) for part in node.args]
            return self._untold(function, [*given, *self._keywords(node).values()], error.unknown)
        keywords = self._keywords(node)
        self.run.seen(self, node, function, keywords)
        if isinstance(function, Opaque):
            return self._of_scope(function, arguments, keywords)
        if "**" in keywords:
            return self._untold(function, [*arguments, *keywords.values()], keywords["**"])
        return self.run.apply(function, arguments, keywords)

    def _untold(self, function: Value, given: list[Value], why: Unknown) -> Unknown:
        self.run.disturb(function, *given)
        return Unknown(why.reason, why.provider, tuple(given))

    def _keywords(self, node: ast.Call) -> dict[str, Value]:
        """The keywords of a call; under "**" why there may be others."""
        keywords: dict[str, Value] = {}
        patient = getattr(node.func, "attr", getattr(node.func, "id", None)) == "setup"
        told = len(node.keywords) if self.run.whole or not patient else _told(node)
        for number, keyword in enumerate(node.keywords):
            if number >= told and keyword.arg not in TELLING:
                value: Value = self._left_out(keyword.value, "it says nothing of the version")
            else:
                value = self._endured(keyword) if patient else self.value(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif type(value) is dict:
                keywords |= {key: v for key, v in value.items() if isinstance(key, str) and key != SPOILT}
                if SPOILT in value:
                    keywords["**"] = value[SPOILT]
            else:
                keywords["**"] = value if isinstance(value, Unknown) else Unknown("`**` of something computed")
        return keywords

    def _endured(self, keyword: ast.keyword) -> Value:
        """What an argument of `setup()` gives.

        In a lenient run one that surely raises, came through where there is a version.
        """
        floor = self.run.share()
        try:
            return self.value(keyword.value)
        except RaisedError as error:
            if not self.lenient:
                raise
            return self._left_out(keyword.value, f"evaluating it raises {error.kind}{error.about}")
        except TooMuchError:
            self.run.share(floor)
            return self._left_out(keyword.value, "it takes more than a static reading is worth")
        finally:
            self.run.share(floor)

    def _left_out(self, node: ast.expr, reason: str) -> Unknown:
        """An expression was left in the middle: what it was still to do may have changed things."""
        self.run.doubts += 1
        havoc.statement(self.run.heap, self.scope, ast.Expr(node), Unknown(reason))
        return Unknown(reason)

    def _of_scope(self, function: Opaque, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        """Functions that see the names that are here: `globals()`, `exec()`."""
        name = function.name.removeprefix("builtins.")
        if name == "globals":
            return self.scope.module().names
        if name == "locals" or (name == "vars" and not arguments):
            return self._locals()
        if name == "super" and isinstance(of := self.scope.names.get("cls"), Class) and "__new__" in of.names:
            return Instance("super", (of,), {})
        if name == "super":
            return Unknown("super()", holds=tuple(v for v in self.scope.names.values() if isinstance(v, Object)))
        if name in ("exec", "execfile") and len(arguments) == 1 and not keywords:
            scope = self.scope
            if scope.level.kind == "module":
                return self.run.apply(function, [arguments[0], scope.names], {})
            if scope.level.kind != "class" and scope.hidden is None:
                scope.hidden = {}
            inside = scope.names if scope.level.kind == "class" else scope.hidden
            return self.run.apply(function, [arguments[0], scope.module().names, inside], {})
        return self.run.apply(function, arguments, keywords)

    def _locals(self) -> Value:
        """`locals()`, which in a call is a copy, with what an `exec()` there has bound."""
        if self.scope.level.kind != "call":
            return self.scope.names
        return dict(self.scope.names) | (self.scope.hidden or {})

    def _Lambda(self, node: ast.Lambda) -> Value:
        return Function(node, self.scope, self.module, self.defaults(node.args))

    def defaults(self, spec: ast.arguments) -> dict[str, Value]:
        """The values of the parameters that have one by default."""
        names = [parameter.arg for parameter in (*spec.posonlyargs, *spec.args)]
        given = dict(zip(names[len(names) - len(spec.defaults) :], spec.defaults, strict=True))
        only = zip((parameter.arg for parameter in spec.kwonlyargs), spec.kw_defaults, strict=True)
        given |= {name: default for name, default in only if default is not None}
        return {name: self.value(default) for name, default in given.items()}

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
        elif isinstance(owner, dict) and isinstance(key, _KEYS) and is_known(key):
            self.run.heap.touch(owner, key)
            containers.assign(owner, key, value)
        elif isinstance(owner, dict):
            self.run.heap.touch(owner)
            containers.blur(owner, Unknown("a dictionary changed at a key that can't be told", holds=(value,)))
        elif owner is None or isinstance(owner, str | int | float | tuple):
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
            if not isinstance(key, _KEYS) or not is_known(key):
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


def _told(node: ast.Call) -> int:
    """How many of the keywords of `setup()` there are to the last that has a say in the version, and isn't plain."""
    telling = (
        n for n, keyword in enumerate(node.keywords, 1) if keyword.arg in TELLING and not _is_plain(keyword.value)
    )
    return max(telling, default=0)


def _is_plain(node: ast.expr) -> bool:
    return all(isinstance(part, ast.Constant | ast.Dict | ast.expr_context) for part in python.walk(node))
