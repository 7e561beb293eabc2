"""From a value to what is told of it: a declaration with its place, or why there is none."""

import ast
from collections.abc import Callable
from pathlib import Path

from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.evaluate.expressions import Frame
from relengtools.versions.evaluate.incremental import public
from relengtools.versions.evaluate.interpreter import Interpreter
from relengtools.versions.evaluate.methods import call
from relengtools.versions.evaluate.run import Standing
from relengtools.versions.evaluate.values import (
    Document,
    Instance,
    Module,
    RaisedError,
    Scope,
    Text,
    TooMuchError,
    Unknown,
    Value,
)
from relengtools.versions.locate.source import Source


def guarded(work: Callable[[], Value]) -> Value:
    """What `work` gives, Unknown where it raises or is too much."""
    try:
        return work()
    except RaisedError as error:
        return Unknown(f"evaluating it raises {error.kind}{error.about}")
    except (TooMuchError, RecursionError):
        return Unknown("it takes more than a static reading is worth")


def attribute(run: Interpreter, path: Path, names: tuple[str, ...]) -> Declaration | Unknown:
    """The first of `names` that the module at `path` has, as the build would get it by importing the module."""
    module = guarded(lambda: run.module_at(path, path.stem))
    if not isinstance(module, Module):
        return module if isinstance(module, Unknown) else Unknown(f"{path.name} is no module")
    run.run(module)
    for name in names:
        value = guarded(lambda name=name: run.get(module, name))  # type: ignore[misc]
        if not isinstance(value, Unknown) or name in module.scope.names:
            return declared(value, *_place(module.scope, name))
    return Unknown(f"{path.name} has no {' or '.join(names)} that can be told")


def expression(run: Interpreter, path: Path, text: str) -> Declaration | Unknown:
    """What an expression gives in the module at `path`, as hatch's `code` source evaluates it."""
    module = guarded(lambda: run.module_at(path, path.stem))
    if not isinstance(module, Module):
        return module if isinstance(module, Unknown) else Unknown(f"{path.name} is no module")
    run.run(module)
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return Unknown(f"`{text}` is no expression")
    value = guarded(lambda: Frame(run, module.scope, module).value(node))
    place = _place(module.scope, node.id) if isinstance(node, ast.Name) else _first_place(module)
    return declared(value, *place)


def declared(value: Value, node: ast.expr | None, document: Document | None) -> Declaration | Unknown:
    """A declaration of `value`, which `node` gave."""
    if isinstance(value, Instance) and value.kind == "incremental.Version":
        value = public(value)
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Text):
        return _placed(value)
    if isinstance(value, list | tuple) and value and all(isinstance(part, int | str) for part in value):
        value = ".".join(map(str, value))  # as setuptools does with what `attr:` names
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or node is None or document is None:
        return Unknown("it is no string" if not isinstance(value, str) else "it can't be told where it is written")
    start, end = document.span(node)
    return _declaration(document, start, end, value, computed=True)


def _placed(value: Text) -> Declaration:
    source = value.document.source
    if source.path.suffix != ".py" and not value.quote:
        stripped = call(value, "strip", [], {})
        value = stripped if isinstance(stripped, Text) else value
    return _declaration(value.document, value.start, value.end, str(value), value.quote)


def _declaration(
    document: Document, start: int, end: int, value: str, quote: str = "", computed: bool = False
) -> Declaration:
    source = document.source
    declaration = source.declaration(kind_of(source), document.offset(start), document.offset(end), value, quote)
    return declaration._replace(computed=True) if computed or source.path.name == "<exec>" else declaration


def kind_of(source: Source) -> Kind:
    """What a declaration in this file is."""
    if source.path.name == "setup.py":
        return Kind.SETUP_PY
    return Kind.MODULE if source.path.suffix in (".py", ".pyi", ".pyx") else Kind.FILE


def _place(scope: Scope, name: str) -> tuple[ast.expr | None, Document | None]:
    """Where the value of a name is written: the expression that was assigned, through names of names."""
    for _ in range(10):
        binding = scope.find(name)
        if binding is None or binding.node is None:
            return None, None
        if not isinstance(binding.node, ast.Name) or binding.node.id == name:
            return binding.node, binding.document
        name = binding.node.id
    return None, None


def _first_place(module: Module) -> tuple[ast.expr | None, Document | None]:
    binding = next((b for b in module.scope.names.values() if b.node is not None), None)
    return (binding.node, binding.document) if binding else (None, None)


def written_at(frame: Standing, node: ast.expr) -> tuple[ast.expr, Document]:
    """Where an argument's value is written: the argument itself, or what was assigned to the name that it is."""
    if isinstance(node, ast.Name):
        found, document = _place(frame.scope, node.id)
        if found is not None and document is not None:
            return found, document
    return node, frame.document
