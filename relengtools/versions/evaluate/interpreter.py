"""Names, attributes and calls: what holds the evaluation of a project's modules together."""

import ast
import builtins
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from relengtools.versions.evaluate import classes, containers, known, methods, parsers
from relengtools.versions.evaluate.expressions import Expressions
from relengtools.versions.evaluate.heap import Outcome, Returned
from relengtools.versions.evaluate.incremental import public
from relengtools.versions.evaluate.modules import DEEPEST, Modules
from relengtools.versions.evaluate.parsers import Parser, Tree
from relengtools.versions.evaluate.scopes import encloses, find, level, suspends
from relengtools.versions.evaluate.statements import Frame
from relengtools.versions.evaluate.values import (
    Class,
    Deferred,
    Fields,
    File,
    Function,
    Instance,
    Method,
    Missing,
    Module,
    Namespace,
    Object,
    Opaque,
    RaisedError,
    Scope,
    Unknown,
    UntoldError,
    Value,
)

_DUNDERS = {"__file__", "__name__", "__doc__", "__package__"}
_HARMLESS = sys.stdlib_module_names | {"setuptools", "distutils"}
"""Modules whose `*` is no variable that a program has for itself."""
_BUILTINS = frozenset(dir(builtins)) | {"unicode", "execfile", "basestring", "xrange", "raw_input"}


@dataclass(frozen=True, slots=True)
class SetupCall:
    """A call of `setup()` that was reached: its node, its arguments, and the frame that it stands in."""

    node: ast.Call
    keywords: dict[str, Value]
    frame: Expressions


class Interpreter(Modules):
    """Evaluates modules below `root`; `read` gives the file at a path, None where there is none.

    Environment variables are taken as unset, and what isn't in the tree as unknown. Nothing is ever run or imported.
    """

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.setups: list[SetupCall] = []
        self.active: dict[ast.AST, int] = {}

    def frame(self, scope: Scope, module: Module, lenient: bool = False) -> Frame:
        """What evaluates code in a scope of a module."""
        return Frame(self, scope, module, lenient)

    # -------------------------------------------------------------------------------------------- names

    def lookup(self, scope: Scope, module: Module, name: str) -> Value:
        """The value of a name; raises RaisedError where there is none."""
        try:
            return self.resolved(find(scope, name))
        except UnboundLocalError:
            raise RaisedError("UnboundLocalError", name) from None
        except KeyError:
            return self._elsewhere(module, name)

    def _elsewhere(self, module: Module, name: str) -> Value:
        """A name that no scope has."""
        if module.starred and (found := self.starred(module, name)) is not None:
            return self.resolved(found)
        if name in _BUILTINS:
            return self.outside(f"builtins.{name}")
        raise RaisedError("NameError", name)

    def starred(self, module: Module, name: str) -> Value:
        """What an import of `*` has brought in, None where it surely has not."""
        for other in reversed(module.starred):
            if not isinstance(other, Module):
                if name not in _BUILTINS:
                    return Unknown(f"`{name}` may come from an import of `*`")
                continue
            self.run(other)
            if self._exports(other, name):
                return self.of_module(other, name)
        return None

    def star(self, into: Module, scope: Scope, module: Value) -> None:
        """`from module import *`: names that were there may now be its own, others are looked up when they are used."""
        self.heap.touch(into)
        into.starred = (*into.starred, module)
        self.heap.touch(scope.names)
        for name in [name for name in scope.names if name not in _DUNDERS]:
            if not isinstance(module, Module):
                strange = isinstance(module, Opaque) and module.name.partition(".")[0] not in _HARMLESS
                if strange and not name.startswith("_"):
                    scope.names[name] = Unknown(f"`{name}` may come from an import of `*`")
            elif name in module.document.text or "*" in module.document.text:
                self.run(module)
                if self._exports(module, name):
                    scope.names[name] = Deferred(module, name)

    def _exports(self, module: Module, name: str) -> bool:
        """Whether `*` brings in a name of a module."""
        listed = module.scope.names.get("__all__")
        if isinstance(listed, list | tuple) and all(isinstance(item, str) for item in listed):
            return name in listed
        there = name in module.scope.names or bool(module.starred) or module.state != "done"
        return there and not name.startswith("_")

    def resolved(self, value: Value) -> Value:
        """What a deferred import stands for; a circle of imports stands for nothing."""
        for _ in range(DEEPEST):
            if isinstance(value, Missing):  # here it is there
                return Unknown(value.reason, value.provider, value.holds)
            if not isinstance(value, Deferred):
                return value
            value = self.of_module(value.module, value.name)
        return Unknown("modules that import one another")

    # -------------------------------------------------------------------------------------------- attributes

    def get(self, owner: Value, name: str) -> Value:
        """An attribute; raises RaisedError where there surely is none."""
        if isinstance(owner, Unknown):
            return owner
        if isinstance(owner, Opaque):
            return self.outside(f"{owner.name}.{name}")
        if isinstance(owner, Module):
            return self.resolved(self.of_module(owner, name))
        if isinstance(owner, Class):
            return classes.of_class(self, owner, name)
        if isinstance(owner, Object | Fields):
            return classes.of_object(self, owner, name)
        if isinstance(owner, Function):
            return owner.node.name if name == "__name__" and not isinstance(owner.node, ast.Lambda) else _hidden(name)
        if isinstance(owner, Tree):
            return parsers.attribute(owner, name)
        if owner is known.CONSTANTS["sys.version_info"] and name in ("major", "minor"):
            return owner[("major", "minor").index(name)]
        if isinstance(owner, File) and name == "name":
            return str(owner.path)
        plain = methods.attribute(self, owner, name)
        return Method(owner, name) if plain is None else plain

    def of_module(self, module: Module, name: str) -> Value:
        """What a module has under a name, deferred or not; raises RaisedError."""
        if name == "loader":  # of an importlib spec, which stands for its module
            return module
        if name in ("exec_module", "load_module"):
            return Method(module, name)
        self.run(module)
        if name == "__dict__":
            return module.scope.names
        if name in module.scope.names:
            return module.scope.names[name]
        if (found := self.starred(module, name)) is not None:
            return found
        if (found := self.submodule(module, name)) is not None:
            return found
        if "__getattr__" in module.scope.names:
            return self.apply(self.resolved(module.scope.names["__getattr__"]), [name], {})
        if module.state != "done":
            return Unknown(f"{module.name} can't be followed to `{name}`{module.failure}")
        raise RaisedError("AttributeError", name)

    def put(self, owner: Value, name: str, value: Value) -> None:
        """Assign to an attribute of any value."""
        if isinstance(owner, Module):
            self.settle()
            self.heap.touch(owner.scope.names)
            owner.scope.names[name] = value
        elif isinstance(owner, Object | Class):
            classes.put(self, owner, name, value)
        elif isinstance(owner, Opaque):
            self.heap.touch(self.patched)
            told = owner.name == "versioneer" and isinstance(value, str)
            changed = Unknown(f"{owner.name}.{name}, which was changed")
            self.patched[f"{owner.name}.{name}"] = value if told else changed
        else:
            self.disturb(owner)

    def text(self, value: Value) -> Value:
        """`str(value)` where a class of the tree says what that is, else the value."""
        if isinstance(value, Instance) and value.kind == "version":
            return value.arguments[0]
        if not isinstance(value, Object | Fields):
            return value
        if not value.of.plain or not value.of.has("__str__"):
            return Unknown("how an object is printed", holds=(value,))
        return self.apply(Method(value, "__str__"), [], {})

    def items(self, value: Value) -> Iterator[Value]:
        """What a loop over a value gives; raises UntoldError."""
        if isinstance(value, File):
            value = methods.lines(self, value)
        if isinstance(value, Unknown | Object | Function | Class):
            self.doubts += 1
            self.disturb(value)
        yield from containers.items(self, value)

    # -------------------------------------------------------------------------------------------- calls

    def seen(self, frame: Any, node: ast.Call, function: Value, keywords: dict[str, Value]) -> None:
        """Note a call of `setup()`."""
        named = isinstance(node.func, ast.Name) and node.func.id == "setup"
        outside = isinstance(function, Opaque) and (named or function.name.endswith(".setup"))
        dotted = isinstance(node.func, ast.Attribute) and node.func.attr == "setup"
        outside = outside or (dotted and ast.unparse(node.func) == "setuptools.setup")
        # One of several, by a condition: `from setuptools import setup` here, from distutils there.
        if outside or (named and isinstance(function, Unknown)):
            given = {name: _snapshot(value) for name, value in keywords.items()}  # which `setup()` may change
            self.setups.append(SetupCall(node, given, frame))

    def apply(self, function: Value, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        """The result of a call; raises RaisedError, TooMuchError."""
        self.step()
        if isinstance(function, Opaque):
            return known.call(self, function.name, arguments, keywords)
        if isinstance(function, Method):
            return self._method(function.owner, function.name, arguments, keywords)
        if isinstance(function, Function):
            return self._function(function, arguments, keywords)
        if isinstance(function, Class):
            return classes.make(self, function, arguments, keywords)
        self.hand_over(function, *arguments, *keywords.values())
        if isinstance(function, Unknown):
            return Unknown(function.reason, function.provider, (function, *arguments))
        return Unknown("a call of something computed", holds=(function, *arguments))

    def _method(self, owner: Value, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if isinstance(owner, Module):  # spec.loader.exec_module(module)
            return owner
        if isinstance(owner, Instance):
            return self._instance(owner, name, arguments, keywords)
        if isinstance(owner, Object | Class) or (isinstance(owner, Fields) and owner.of.has(name)):
            function, before = classes.method(self, owner, name)
            return self.apply(function, [*before, *arguments], keywords)
        if not isinstance(owner, Parser):
            return methods.call(self, owner, name, arguments, keywords)
        try:
            return parsers.call(self, owner, name, arguments, keywords)
        except UntoldError as error:
            self.disturb(owner, *arguments)
            return error.unknown

    def _instance(self, owner: Instance, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if owner.kind == "re.Pattern" and f"re.{name}" in known.FUNCTIONS:
            return known.call(self, f"re.{name}", [owner, *arguments], keywords)
        if owner.kind == "incremental.Version" and name in ("public", "short", "base"):
            return public(owner)
        if owner.kind == "super" and name == "__new__" and arguments and arguments[0] is owner.arguments[0]:
            return classes.of_fields(self, arguments[0], arguments[1:], keywords)
        self.disturb(*owner.arguments, *arguments, *keywords.values())
        return Unknown(f"`.{name}()` of {owner.kind}")

    def _function(self, function: Function, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        node = function.node
        given = _parameters(function, arguments, keywords, self.lenient)
        if suspends(node):
            return Unknown("a generator", holds=(function, *arguments, *keywords.values()))
        active = self.active.get(node, 0)
        if self.depth >= DEEPEST or active > (1 if self.heap.guesses else DEEPEST):
            self.disturb(function, *arguments, *keywords.values())
            return Unknown("calls too deep to be followed", holds=(function, *arguments, *keywords.values()))
        scope = Scope(Namespace(given), function.scope, level(node))
        self.heap.fresh(scope.names)
        frame = Frame(self, scope, function.module, self.lenient)
        if isinstance(node, ast.Lambda):
            return frame.value(node.body)
        self.depth, self.active[node] = self.depth + 1, active + 1
        try:
            outcomes = self.heap.attempt(lambda: frame.block(node.body), keep=True)
        finally:
            self.depth, self.active[node] = self.depth - 1, active
        value = self._returned(outcomes, Unknown(f"what {node.name}() returns depends on a condition"))
        if not encloses(node):
            self.heap.forget(scope.names)
        return value

    def _returned(self, outcomes: list[Outcome], why: Unknown) -> Value:
        """What a call gives that may come out in several ways; raises RaisedError."""
        ends = [None if outcome.end is None else outcome.end for outcome in outcomes]
        values = [end.value if isinstance(end, Returned) else None for end in ends]
        came = [end is None or isinstance(end, Returned) for end in ends]
        normal = [Outcome(None, each.state) if good else each for each, good in zip(outcomes, came, strict=True)]
        self.heap.proceed(normal, why)
        return self.heap.agreed([value for value, good in zip(values, came, strict=True) if good], why)


def _snapshot(value: Value) -> Value:
    """A value as it is now."""
    if type(value) is dict:
        return {key: _snapshot(item) for key, item in value.items()}
    return type(value)(map(_snapshot, value)) if type(value) in (list, tuple) else value


def _hidden(name: str) -> Unknown:
    return Unknown(f"`.{name}` of a function")


def _parameters(
    function: Function, arguments: list[Value], keywords: dict[str, Value], lenient: bool
) -> dict[str, Value]:
    """The values of a function's parameters; raises RaisedError. In a lenient run those not given are unknown."""
    spec = function.node.args
    only = [parameter.arg for parameter in spec.posonlyargs]
    names = [*only, *(parameter.arg for parameter in spec.args)]
    named = [*names[len(only) :], *(parameter.arg for parameter in spec.kwonlyargs)]
    given = dict(zip(names, arguments, strict=False))
    more = {key: value for key, value in keywords.items() if key not in named}
    if (
        (len(arguments) > len(names) and not spec.vararg)
        or (more and not spec.kwarg)
        or given.keys() & keywords.keys() - more.keys()
    ):
        raise RaisedError("TypeError")
    given |= {key: value for key, value in keywords.items() if key in named}
    missing = [name for name in (*only, *named) if name not in given and name not in function.defaults]
    if missing and not lenient:
        raise RaisedError("TypeError")
    given = {name: Unknown(f"the parameter `{name}`") for name in missing} | dict(function.defaults) | given
    if spec.vararg:
        given[spec.vararg.arg] = tuple(arguments[len(names) :])
    if spec.kwarg:
        given[spec.kwarg.arg] = more
    return given
