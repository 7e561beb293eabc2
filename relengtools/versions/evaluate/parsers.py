"""What is parsed in version expressions: JSON, TOML, configuration files and Python itself, with the places kept."""

import ast
from configparser import Error, RawConfigParser
from dataclasses import dataclass, field
from typing import Any

from relengtools.versions.evaluate import methods
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import (
    Bytes,
    Document,
    File,
    Opaque,
    RaisedError,
    Text,
    Unknown,
    UntoldError,
    Value,
    is_known,
    raised,
    untold,
)
from relengtools.versions.locate import python
from relengtools.versions.locate.source import UnreadableError

LARGEST = 400_000
"""Characters of the longest text that is parsed."""
_OPTIONS = {"allow_no_value", "delimiters", "comment_prefixes", "inline_comment_prefixes", "strict", "default_section"}


@dataclass(frozen=True, slots=True, eq=False)
class Parser:
    """A `ConfigParser`: how it was made, and under "texts" what it has read."""

    options: dict[str, Value]
    interpolates: bool
    state: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A node of a syntax tree, and the document that it stands in."""

    node: ast.AST
    document: Document | None


def content(run: Run, value: Value) -> str:
    """The text of a string or bytes, or what is left of a file; raises UntoldError."""
    text = methods.read(run, value) if isinstance(value, File) else value
    text = text.text if isinstance(text, Bytes) else text
    if not isinstance(text, str):
        raise UntoldError(text if isinstance(text, Unknown) else Unknown("a text that can't be told"))
    if len(text) > LARGEST:
        raise untold("a text too long to be parsed")
    run.step(len(text) // 100)
    return text


def json(text: str) -> Value:
    """`json.loads`."""
    import json as parser

    return _placed(text, parser.loads(text))


def toml(text: str) -> Value:
    """`tomllib.loads`."""
    import tomllib

    return _placed(text, tomllib.loads(text))


def _placed(text: str, document: Any) -> Value:
    """A parsed document whose strings have their places, where each stands only once in the text."""
    if isinstance(document, dict):
        return {key: _placed(text, inner) for key, inner in document.items()}
    if isinstance(document, list):
        return [_placed(text, inner) for inner in document]
    if isinstance(document, str):
        return _once(text, document, '"')
    plain = document is None or isinstance(document, int | float)
    return document if plain else Unknown("a value that isn't followed")


def _once(text: str, value: str, quote: str = "") -> str:
    wanted = f"{quote}{value}{quote}"
    if not isinstance(text, Text) or not value or len(value) > 100 or text.count(wanted) != 1:
        return value
    at = text.index(wanted) + len(quote)
    return text.part(at, at + len(value))


def parser(kind: str, keywords: dict[str, Value]) -> Value:
    """A new `ConfigParser` or `RawConfigParser`."""
    given = dict(keywords)
    interpolates = kind != "RawConfigParser" and given.pop("interpolation", True) is not None
    if given.keys() - _OPTIONS or not is_known(list(given.values())):
        return Unknown("a ConfigParser with settings that aren't followed")
    return Parser(given, interpolates)


def call(run: Run, owner: Parser, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A method of a ConfigParser; raises RaisedError, UntoldError."""
    if name in ("read", "read_file", "readfp", "read_string"):
        return _read(run, owner, name, arguments[0])
    # What was read under a condition may be missing.
    texts = owner.state.get("texts", Unknown("nothing was read"))
    if not is_known([*arguments, texts]) or keywords.keys() - {"fallback"}:
        raise untold(f"`.{name}()` of a ConfigParser")
    try:
        return _asked(owner, name, arguments)
    except Error as error:
        if "fallback" in keywords:
            return keywords["fallback"]
        raise raised(error) from error


def _asked(owner: Parser, name: str, arguments: list[Value]) -> Value:
    texts = owner.state["texts"]
    options: dict[str, Any] = owner.options
    found = RawConfigParser(**options)
    for text in texts:
        found.read_string(text)
    names = [str(argument) for argument in arguments]
    match name:
        case "get":
            return _option(owner, texts, found.get(names[0], names[1]))
        case "items" if names:
            return [(key, _option(owner, texts, value)) for key, value in found.items(names[0])]
        case "__getitem__":
            return {key: _option(owner, texts, value) for key, value in found.items(names[0])}
        case "sections":
            return found.sections()
        case "has_option":
            return found.has_option(names[0], names[1])
        case "has_section":
            return found.has_section(names[0])
    raise untold(f"`.{name}()` of a ConfigParser")


def _option(owner: Parser, texts: tuple[str, ...], value: str | None) -> Value:
    if value is None or (owner.interpolates and "%" in value):
        return value and Unknown("an option with something put in")
    return _once(texts[0], value) if len(texts) == 1 else value


def _read(run: Run, owner: Parser, name: str, what: Value) -> Value:
    read: list[Value] = []
    for one in run.items(what) if isinstance(what, list | tuple) else [what]:
        text = one
        if name == "read":
            if not isinstance(one, str) and not is_known(one):
                raise untold("a configuration file that can't be told")
            try:
                text = run.read(one)
            except RaisedError:
                continue
        read.append(one)
        earlier = owner.state.get("texts", ())
        if not isinstance(earlier, tuple):
            raise untold("what a ConfigParser has read")
        run.heap.touch(owner.state)
        owner.state["texts"] = (*earlier, content(run, text))
    return read if name == "read" else None


def tree(run: Run, value: Value) -> Value:
    """`ast.parse` of a text; raises RaisedError."""
    text = content(run, value)
    whole = isinstance(text, Text) and len(text) == len(text.document.text)
    try:
        if isinstance(text, Text) and whole:
            return Tree(python.syntax(text.document.source), text.document)
        return Tree(ast.parse(text), None)
    except (SyntaxError, ValueError, RecursionError, MemoryError, UnreadableError) as error:
        raise RaisedError("SyntaxError") from error


def walk(value: Value) -> Value:
    """`ast.walk`."""
    if not isinstance(value, Tree):
        raise untold("a tree")
    return [Tree(node, value.document) for node in ast.walk(value.node)]


def children(value: Value) -> Value:
    """`ast.iter_child_nodes`."""
    if not isinstance(value, Tree):
        raise untold("a tree")
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
        return literal(owner)
    if name not in node._fields:
        if name.startswith("_") or name in node._attributes:
            return Unknown(f"`.{name}` of a node")
        raise RaisedError("AttributeError", name)
    value = getattr(node, name, None)
    if isinstance(value, list):
        return [Tree(each, owner.document) if isinstance(each, ast.AST) else each for each in value]
    return Tree(value, owner.document) if isinstance(value, ast.AST) else value


def literal(owner: Tree) -> Value:
    """`ast.literal_eval` of a node; raises what that raises."""
    node = owner.node
    if not isinstance(node, ast.Constant):
        return ast.literal_eval(node) if isinstance(node, ast.expr) else Unknown("a tree")
    if isinstance(node.value, bytes):
        return bytes_(node.value)
    if not isinstance(node.value, str) or owner.document is None:
        return node.value
    return placed(owner.document, node, node.value)


def bytes_(value: bytes) -> Value:
    """Bytes as they are kept here."""
    return Bytes(value.decode()) if value.isascii() else Unknown("bytes that are no ASCII")


def placed(document: Document, node: ast.Constant, value: str) -> str:
    """A literal's text with its place: between the quotes where that reads as the text itself."""
    if node not in document.texts:
        start, end = document.span(node)
        match = python.ONE_STRING.fullmatch(document.text, start, end)
        if match and match["quotes"] not in match["text"]:
            document.texts[node] = Text(value, document, *match.span("text"))
        else:
            document.texts[node] = Text(value, document, start, end, '"')
    text: str = document.texts[node]
    return text
