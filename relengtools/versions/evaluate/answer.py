"""From a value to what is told of it: a declaration with its place, or why there is none."""

import ast
from collections.abc import Callable
from pathlib import Path

from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.evaluate.expressions import Expressions
from relengtools.versions.evaluate.incremental import public
from relengtools.versions.evaluate.interpreter import Interpreter
from relengtools.versions.evaluate.statements import Frame
from relengtools.versions.evaluate.values import (
    Document,
    Fields,
    Function,
    Instance,
    Module,
    Opaque,
    RaisedError,
    Scope,
    Text,
    TooMuchError,
    Unknown,
    UntoldError,
    Value,
)
from relengtools.versions.locate.source import Source

_Place = tuple[ast.expr | None, Document | None]


def guarded(work: Callable[[], Value]) -> Value:
    """What `work` gives, Unknown where it raises or is too much."""
    try:
        return work()
    except RaisedError as error:
        return Unknown(f"evaluating it raises {error.kind}{error.about}")
    except UntoldError as error:
        return error.unknown
    except (TooMuchError, RecursionError, MemoryError):
        return Unknown("it takes more than a static reading is worth")


def attribute(run: Interpreter, path: Path, names: tuple[str, ...], calls: bool = False) -> Declaration | Unknown:
    """The first of `names` that the module at `path` has, as the build would get it by importing the module.

    A build that `calls` takes what a function gives for the function (setuptools/config/expand.py, `version`).
    """
    module = _module(run, path)
    if isinstance(module, Unknown):
        return module
    for name in names:
        value = guarded(lambda name=name: run.get(module, name))  # type: ignore[misc]
        if not isinstance(value, Unknown) or name in module.scope.names:
            if calls and isinstance(value, Function):
                return _called(run, module, value)
            place = _place(module.scope, name)
            return declared(value, *(place if place[0] else _executed(run, module)), joins=True)
    return Unknown(f"{path.name} has no {' or '.join(names)} that can be told")


def _called(run: Interpreter, module: Module, function: Function) -> Declaration | Unknown:
    """What a function without arguments gives; if computed, it is told to be where the function's body is."""
    value = guarded(lambda: run.apply(function, [], {}))
    body = function.node.body
    last = body[-1] if isinstance(body, list) else body
    place = next((part for part in ast.walk(last) if isinstance(part, ast.expr)), None)
    return declared(value, place, module.document, joins=True)


def expression(run: Interpreter, path: Path, text: str) -> Declaration | Unknown:
    """What an expression gives in the module at `path`, as hatch's `code` source evaluates it."""
    module = _module(run, path)
    if isinstance(module, Unknown):
        return module
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Unknown(f"`{text}` is no expression")
    inside = module.scope
    value = guarded(lambda: Frame(run, inside, Module("<expression>", path, False, _foreign(text), inside)).value(node))
    if isinstance(value, Text) and value.document.source.path.name == "<expression>":
        value = str.__str__(value)
    place = _place(module.scope, node.id) if isinstance(node, ast.Name) else _first_place(module)
    return declared(value, *place)


def _foreign(text: str) -> Document:
    """An expression that stands in pyproject.toml, not in the module."""
    return Document(Source("<expression>", Path("<expression>"), text.encode(), text))


def _module(run: Interpreter, path: Path) -> Module | Unknown:
    """The module at a path, evaluated."""

    def evaluated() -> Value:
        module = run.module_at(path, path.stem)
        if isinstance(module, Module):
            run.run(module)
        return module

    module = guarded(evaluated)
    if isinstance(module, Module | Unknown):
        return module
    return Unknown(f"{path.name} is no module")


def declared(
    value: Value, node: ast.expr | None, document: Document | None, joins: bool = False
) -> Declaration | Unknown:
    """A declaration of `value`, which `node` gave; a build that `joins` makes 1.0 of (1, 0)."""
    if isinstance(value, Instance):
        value = _printed(value)
    if isinstance(value, Opaque):
        return Unknown(f"{value.name} isn't known without running it")
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Text) and not _is_made(value.document):
        return _placed(value)
    parts = isinstance(value, list | tuple) and value and all(isinstance(part, int | str) for part in value)
    if joins and parts and not isinstance(value, Fields):
        value = ".".join(map(str, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or node is None or document is None:
        return Unknown("it is no string" if not isinstance(value, str) else "it can't be told where it is written")
    start, end = document.span(node)
    return _declaration(document, start, end, str.__str__(value), computed=True)


def _printed(value: Instance) -> Value:
    """The version that an object stands for."""
    if value.kind == "version":
        return value.arguments[0]
    return public(value) if value.kind == "incremental.Version" else Unknown("it is no string")


def _placed(value: Text) -> Declaration:
    source = value.document.source
    if source.path.suffix != ".py" and not value.quote:
        stripped = value.strip()
        start = value.find(stripped)
        part = value.part(start, start + len(stripped))
        value = part if isinstance(part, Text) else value
    return _declaration(value.document, value.start, value.end, str.__str__(value), value.quote)


def _declaration(
    document: Document, start: int, end: int, value: str, quote: str = "", computed: bool = False
) -> Declaration:
    source = document.source
    declaration = source.declaration(kind_of(source), document.offset(start), document.offset(end), value, quote)
    return declaration._replace(computed=True) if computed else declaration


def _is_made(document: Document) -> bool:
    """Whether a text was put together for `exec()`, so that it stands in no file."""
    return document.source.path.name == "<exec>"


def kind_of(source: Source) -> Kind:
    """What a declaration in this file is."""
    if source.path.name == "setup.py":
        return Kind.SETUP_PY
    return Kind.MODULE if source.path.suffix in (".py", ".pyi", ".pyx") else Kind.FILE


def _place(scope: Scope, name: str) -> _Place:
    """Where the value of a name is written: the expression that was assigned, through names of names."""
    for _ in range(10):
        found = scope.place(name)
        if found is None or _is_made(found.document):
            return None, None
        if not isinstance(found.node, ast.Name) or found.node.id == name:
            return found.node, found.document
        name = found.node.id
    return None, None


def _first_place(module: Module) -> _Place:
    found = next((place for place in module.scope.places.values() if not _is_made(place.document)), None)
    return (found.node, found.document) if found else (None, None)


def _executed(run: Interpreter, module: Module) -> _Place:
    """The `exec()` in a module, which made what stands nowhere."""
    nodes = (node for node in ast.walk(run.syntax(module.document.source)) if isinstance(node, ast.Call))
    return next(
        (node for node in nodes if isinstance(node.func, ast.Name) and node.func.id == "exec"), None
    ), module.document


def written_at(frame: Expressions, node: ast.expr) -> tuple[ast.expr, Document]:
    """Where an argument's value is written: the argument itself, or what was assigned to the name that it is."""
    if isinstance(node, ast.Name):
        found, document = _place(frame.scope, node.id)
        if found is not None and document is not None:
            return found, document
    return node, frame.document
