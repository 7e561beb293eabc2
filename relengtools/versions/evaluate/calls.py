"""Calls: what they give, and what becomes of the arguments of `setup()`."""

import ast

from relengtools.versions.evaluate import havoc
from relengtools.versions.evaluate.operands import Operands
from relengtools.versions.evaluate.values import (
    SPOILT,
    Class,
    Function,
    Instance,
    Object,
    Opaque,
    RaisedError,
    TooMuchError,
    Unknown,
    UntoldError,
    Value,
)
from relengtools.versions.locate import python
from relengtools.versions.locate.plain_setup import ASKING

TELLING = frozenset({"version", "name", "package_dir", None, *ASKING})


class Calls(Operands):
    """The calls of one call or module."""

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
        floor = self.run.share(hasty=keyword.arg not in TELLING)
        try:
            return self.value(keyword.value)
        except RaisedError as error:
            if not self.lenient:
                raise
            return self._left_out(keyword.value, f"evaluating it raises {error.kind}{error.about}")
        except TooMuchError:
            self.run.floor = floor
            return self._left_out(keyword.value, "it takes more than a static reading is worth")
        finally:
            self.run.floor = floor

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


def _told(node: ast.Call) -> int:
    """How many of the keywords of `setup()` there are to the last that has a say in the version, and isn't plain."""
    telling = (
        n for n, keyword in enumerate(node.keywords, 1) if keyword.arg in TELLING and not _is_plain(keyword.value)
    )
    return max(telling, default=0)


def _is_plain(node: ast.expr) -> bool:
    return all(isinstance(part, ast.Constant | ast.Dict) for part in python.walk(node))
