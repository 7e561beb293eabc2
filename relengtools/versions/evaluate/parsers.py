"""What is parsed in version expressions: JSON, TOML, configuration files and Python itself, with the places kept."""

import ast
from configparser import Error, RawConfigParser
from dataclasses import dataclass, field
from typing import Any

from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    Document,
    File,
    Opaque,
    RaisedError,
    Text,
    TooMuchError,
    Unknown,
    Value,
    is_known,
)
from relengtools.versions.locate import python

LARGEST = 200_000
"""Characters of the longest text that is parsed."""


@dataclass(slots=True, eq=False)
class Parser:
    """A `ConfigParser`, with the text that it has read."""

    parser: RawConfigParser = field(default_factory=lambda: RawConfigParser(strict=False))
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A node of a syntax tree, and the document that it stands in."""

    node: ast.AST
    document: Document | None


def _content(value: Value) -> str:
    text = value.text if isinstance(value, File) else value
    if not isinstance(text, str):
        raise RaisedError("TypeError")
    if len(text) > LARGEST:
        raise TooMuchError
    return text


def json(value: Value) -> Value:
    """`json.loads` of a text, or `json.load` of a file."""
    import json as parser

    text = _content(value)
    return _placed(text, parser.loads(str(text)))


def toml(value: Value) -> Value:
    """`tomllib.loads` of a text, or `tomllib.load` of a file."""
    import tomllib

    text = _content(value)
    return _placed(text, tomllib.loads(str(text)))


def _placed(text: str, document: Any) -> Value:
    """A parsed document whose strings have their places, where each stands only once in the text."""
    if not isinstance(text, Text):
        return document
    if isinstance(document, dict):
        return {key: _placed(text, inner) for key, inner in document.items()}
    if isinstance(document, list):
        return [_placed(text, inner) for inner in document]
    return _once(text, document, '"') if isinstance(document, str) else document


def _once(text: str, value: str, quote: str = "") -> str:
    wanted = f"{quote}{value}{quote}"
    if not isinstance(text, Text) or not value or str(text).count(wanted) != 1:
        return value
    at = str(text).index(wanted) + len(quote)
    return text.part(at, at + len(value))


def call(run: Run, owner: Parser, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A method of a ConfigParser; raises RaisedError."""
    if not is_known([argument for argument in arguments if not isinstance(argument, File)]):
        return Unknown("a configuration file that can't be told")
    try:
        match name:
            case "read" | "read_file" | "readfp" | "read_string":
                return _read(run, owner, name, arguments[0])
            case "get":
                return _once(owner.text, owner.parser.get(str(arguments[0]), str(arguments[1])))
            case "items":
                return [(key, _once(owner.text, value)) for key, value in owner.parser.items(str(arguments[0]))]
            case "__getitem__":
                return {key: _once(owner.text, value) for key, value in owner.parser.items(str(arguments[0]))}
            case "sections":
                return owner.parser.sections()
            case "has_option":
                return owner.parser.has_option(str(arguments[0]), str(arguments[1]))
            case "has_section":
                return owner.parser.has_section(str(arguments[0]))
    except Error as error:
        raise RaisedError(type(error).__name__, str(error)[:80]) from error
    return Unknown(f"`.{name}()` of a ConfigParser")


def _read(run: Run, owner: Parser, name: str, what: Value) -> Value:
    for one in what if isinstance(what, list) else [what]:
        if name == "read":
            try:
                text: Value = run.read(one)
            except RaisedError:
                continue
        else:
            text = _content(one)
        if isinstance(text, Unknown):
            return text
        owner.parser.read_string(str(text))
        owner.text = text if not owner.text else owner.text + str(text)
    return None


def tree(text: Value) -> Value:
    """`ast.parse` of a text; raises RaisedError."""
    try:
        node = ast.parse(str(_content(text)))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise RaisedError("SyntaxError") from error
    document = text.document if isinstance(text, Text) and str(text) == text.document.text else None
    return Tree(node, document)


def walk(value: Value) -> Value:
    """`ast.walk`."""
    return (
        [Tree(node, value.document) for node in ast.walk(value.node)] if isinstance(value, Tree) else Unknown("a tree")
    )


def children(value: Value) -> Value:
    """`ast.iter_child_nodes`."""
    if not isinstance(value, Tree):
        return Unknown("a tree")
    return [Tree(node, value.document) for node in ast.iter_child_nodes(value.node)]


def is_node(value: Tree, kinds: tuple[Value, ...]) -> bool:
    """`isinstance(node, ast.Name)`; `ast.Str` was the name of a constant that is a string."""
    names = {kind.name.removeprefix("ast.") for kind in kinds if isinstance(kind, Opaque)}
    if "Str" in names and isinstance(value.node, ast.Constant) and isinstance(value.node.value, str):
        return True
    return any(isinstance(value.node, kind) for name in names if isinstance(kind := getattr(ast, name, None), type))


def attribute(owner: Tree, name: str) -> Value:
    """A field of a node; raises RaisedError."""
    node = owner.node
    if isinstance(node, ast.Constant) and name in ("s", "n", "value"):
        return _literal(owner, node)
    value = getattr(node, name, None) if name in (*node._fields, "lineno") else Unknown(f"`.{name}` of a node")
    if value is None:
        raise RaisedError("AttributeError", name)
    if isinstance(value, ast.AST):
        return Tree(value, owner.document)
    return [Tree(each, owner.document) for each in value] if isinstance(value, list) else value


def _literal(owner: Tree, node: ast.Constant) -> Value:
    if not isinstance(node.value, str) or owner.document is None:
        return node.value
    return placed(owner.document, node, node.value)


def placed(document: Document, node: ast.expr, value: str) -> str:
    """A literal's text with its place: between the quotes where that reads as the text itself."""
    start, end = document.span(node)
    match = python.ONE_STRING.fullmatch(document.text, start, end)
    if match and match["quotes"] not in match["text"]:
        return Text(value, document, *match.span("text"))
    return Text(value, document, start, end, '"')
