"""Classes of the tree and their instances: what their attributes are, and what a call makes."""

import ast
from collections.abc import Sequence
from typing import Protocol

from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.scopes import class_level
from relengtools.versions.evaluate.values import (
    Class,
    Fields,
    Function,
    Method,
    Namespace,
    Object,
    Opaque,
    Scope,
    Unknown,
    Value,
    Wrapped,
)

_PLAIN_BASES = {"builtins.object", "builtins.Exception", "builtins.ValueError", "builtins.RuntimeError"}
_TUPLES = {"typing.NamedTuple", "typing_extensions.NamedTuple"}
_DATACLASS = Opaque("dataclasses.dataclass")
_OPTIONS = {"frozen", "eq", "order", "slots", "repr"}
# A class with one of these has a say of its own in what attributes are.
_SAY = {"__getattr__", "__getattribute__", "__setattr__", "__new__", "__get__", "__set__", "__set_name__"}
_SAY |= {"__init_subclass__", "__metaclass__"}


class _Frame(Protocol):
    """What is needed of the frame in which a class stands."""

    run: Run
    scope: Scope

    def value(self, node: ast.expr) -> Value:
        """What an expression gives."""

    def body_of(self, node: ast.ClassDef, scope: Scope) -> None:
        """Evaluate a class's body in a scope of its own."""


def define(frame: _Frame, node: ast.ClassDef) -> Value:
    """The class that a `class` statement makes."""
    bases = [frame.value(base) for base in node.bases if not isinstance(base, ast.Starred)]
    keywords = [frame.value(keyword.value) for keyword in node.keywords]
    scope = Scope(Namespace(), frame.scope, class_level(node))
    frame.run.heap.fresh(scope.names)
    frame.body_of(node, scope)
    inner = tuple(base for base in bases if isinstance(base, Class))
    named = any(isinstance(base, Opaque) and base.name in _TUPLES for base in bases)
    data = [each for each in node.decorator_list if _is_dataclass(frame, each)]
    plain = (
        len(bases) == len(node.bases)
        and all(_is_plain(base) for base in bases)
        and not (keywords or scope.names.keys() & (_SAY - ({"__new__"} if _checks(scope.names, inner) else set())))
        and len(inner) <= 1
        and len(data) == len(node.decorator_list)
    )
    fields = _fields(node) if named or data else inner[0].fields if inner else None
    if fields is not None and not _are_simple(node, scope.names, fields, bool(data and inner)):
        plain = False
    tuple_ = named or any(base.tuple_ for base in inner)
    return Class(node.name, scope.names, inner, plain, fields, tuple_)


def _checks(names: dict[str, Value], bases: Sequence[Class]) -> bool:
    """Whether `__new__` stands between a call and the named tuple that the class is."""
    above = len(bases) == 1 and bases[0].plain and bases[0].tuple_ and not bases[0].has("__new__")
    return above and isinstance(names.get("__new__"), Function)


def _is_plain(base: Value) -> bool:
    if isinstance(base, Class):
        return base.plain
    return isinstance(base, Opaque) and base.name in _PLAIN_BASES | _TUPLES


def _is_dataclass(frame: _Frame, node: ast.expr) -> bool:
    made = frame.value(node.func if isinstance(node, ast.Call) else node)
    options = {keyword.arg for keyword in node.keywords} if isinstance(node, ast.Call) else set()
    return made == _DATACLASS and not options - _OPTIONS


def _fields(node: ast.ClassDef) -> tuple[str, ...]:
    parts = (part.target for part in node.body if isinstance(part, ast.AnnAssign))
    return tuple(part.id for part in parts if isinstance(part, ast.Name))


def _are_simple(node: ast.ClassDef, names: dict[str, Value], fields: Sequence[str], inherits: bool) -> bool:
    """Whether fields and their defaults are just what they look like."""
    annotations = [ast.unparse(part.annotation) for part in node.body if isinstance(part, ast.AnnAssign)]
    special = any(word in text for text in annotations for word in ("ClassVar", "InitVar", "KW_ONLY"))
    computed = any(isinstance(names.get(name), Unknown | Opaque) for name in fields)
    return not (special or computed or inherits)


def make(run: Run, of: Class, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """An instance: a named tuple or dataclass by its fields, else by what `__init__` assigns; raises RaisedError."""
    checks = "__new__" in of.names
    if not of.plain or (of.fields is not None and (of.has("__init__") or (of.has("__new__") and not checks))):
        run.disturb(of, *arguments, *keywords.values())
        return Unknown(f"an instance of {of.name}", holds=(of, *arguments))
    if checks:
        return run.apply(of.names["__new__"], [of, *arguments], keywords)
    if of.fields is not None:
        return of_fields(run, of, arguments, keywords)
    made = Object(of)
    run.heap.fresh(made.names)
    if of.has("__init__"):
        run.apply(Method(made, "__init__"), arguments, keywords)
    return made


def of_fields(run: Run, of: Class, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A named tuple or dataclass, by its fields."""
    assert of.fields is not None
    defaults = {name: of.find(name) for name in of.fields if of.has(name)}
    given = defaults | dict(zip(of.fields, arguments, strict=False)) | keywords
    if len(arguments) > len(of.fields) or given.keys() != {*of.fields}:
        return Unknown(f"an instance of {of.name}", holds=(of, *arguments))
    if of.tuple_:
        return Fields(tuple(given[name] for name in of.fields), of)
    made = Object(of)
    run.heap.fresh(made.names)
    made.names.update({name: given[name] for name in of.fields})
    if of.has("__post_init__"):
        run.apply(Method(made, "__post_init__"), [], {})
    return made


def of_class(run: Run, owner: Class, name: str) -> Value:
    """An attribute of a class."""
    if name == "__dict__":
        return owner.names
    if not owner.plain or not owner.has(name):
        return Unknown(f"`.{name}` of {owner.name}", holds=(owner,))
    value = run.resolved(owner.find(name))
    if isinstance(value, Wrapped):
        if value.kind == "staticmethod":
            return value.function
        return Method(owner, name) if value.kind == "classmethod" else Unknown("a property")
    if owner.tuple_ and name in (owner.fields or ()):
        return Unknown("a field")
    return _undescribed(value)


def of_object(run: Run, owner: Object | Fields, name: str) -> Value:
    """An attribute of an instance: its own, a field, or a method or property of its class; raises RaisedError."""
    if name == "__class__":
        return owner.of
    if not owner.of.plain:
        return Unknown(f"`.{name}` of {owner.of.name}", holds=(owner,))
    if name == "__dict__" and isinstance(owner, Object):
        return owner.names
    if isinstance(owner, Fields) and name in (owner.of.fields or ()):
        return owner[(owner.of.fields or ()).index(name)]
    value = run.resolved(owner.of.find(name)) if owner.of.has(name) else None
    if isinstance(value, Wrapped) and value.kind == "property":
        return run.apply(value.function, [owner], {})
    if isinstance(owner, Object) and name in owner.names:
        return owner.names[name]
    if not owner.of.has(name):
        return Method(owner, name) if isinstance(owner, Fields) else Unknown(f"`.{name}` of {owner.of.name}")
    if isinstance(value, Wrapped):
        return value.function if value.kind == "staticmethod" else Method(owner.of, name)
    return Method(owner, name) if isinstance(value, Function) else _undescribed(value)


def _undescribed(value: Value) -> Value:
    """A class's attribute may be an object that decides itself what is got of it."""
    if isinstance(value, Object) and not value.of.plain:
        return Unknown("a descriptor", holds=(value,))
    return value


def method(run: Run, owner: Object | Fields | Class, name: str) -> tuple[Value, list[Value]]:
    """What is called by `owner.name()`, and the arguments that go before those given."""
    of = owner if isinstance(owner, Class) else owner.of
    value = run.resolved(of.find(name))
    return (value.function, [of]) if isinstance(value, Wrapped) else (value, [owner])


def put(run: Run, owner: Object | Class, name: str, value: Value) -> None:
    """Assign to an attribute."""
    of = owner if isinstance(owner, Class) else owner.of
    described = isinstance(owner, Object) and of.has(name) and isinstance(of.find(name), Wrapped | Unknown | Object)
    if not of.plain or described or name.startswith("__"):
        run.disturb(owner, value)
        return
    run.heap.touch(owner.names)
    owner.names[name] = value
