"""Python 2, as far as it is Python 3 in another spelling: what only it can read is refused, and nothing guessed."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source, UnreadableError

_TOKEN = re.compile(
    r"""(?P<string>[bBuUrR]{0,2}(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^\\"\n]|\\.)*"|'(?:[^\\'\n]|\\.)*'))
    |(?P<comment>\#[^\n]*)|(?P<joined>\\\n)|(?P<newline>\n)|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)
    |(?P<operator><>|>>|[^\s\w])|(?P<blank>[^\S\n]+)""",
    re.VERBOSE | re.DOTALL,
)
_LAZY = {"map", "filter", "zip"}


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=16)
def syntax(source: Source) -> ast.Module:
    """The syntax tree of what Python 2 takes as Python 3 would, positions as in the source; raises UnreadableError."""
    try:
        return python.syntax(source)
    except UnreadableError as error:
        text = source.text
        if "\r" in text or len(text) > python.LARGEST // 10:
            raise
        try:
            tree = ast.parse(_respelt(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise error from None
        if _means_something_else(tree):
            raise
        return tree


def _respelt(text: str) -> str:
    """The text in Python 3's spelling, with every character in its place but for some at the end of a line."""
    written = list(text)
    for statement in _statements(text):
        _respell(statement, written)
    return "".join(written)


def _statements(text: str) -> Iterator[list[_Token]]:
    """The simple statements, and the heads of compound ones, as tokens without blanks and comments."""
    depth, found = 0, list[_Token]()
    for match in _TOKEN.finditer(text):
        token = _Token(match.lastgroup or "", match[0], match.start(), match.end())
        depth += (token.text in "([{") - (token.text in ")]}") if token.kind == "operator" else 0
        ends = depth <= 0 and (token.kind == "newline" or (token.kind == "operator" and token.text in (":", ";")))
        if token.kind in ("string", "name", "number", "operator") and not (ends and token.text == ";"):
            found.append(token)
        if ends:
            yield found
            found = []
    yield found


def _respell(statement: list[_Token], written: list[str]) -> None:
    for token in statement:
        if token.text == "<>":
            written[token.start] = "!"
            written[token.start + 1] = "="
        elif token.kind == "number" and re.fullmatch(r"0[0-7]+", token.text):
            _put(token, str(int(token.text, 8)), written)
        elif token.kind == "number" and re.fullmatch(r"\d+[lL]", token.text):
            _put(token, token.text[:-1], written)
    first = statement[0].text if statement else ""
    if first == "print" and len(statement) > 1:
        _respell_print(statement, written)
    elif first == "except" and (commas := _commas(statement)):
        written[commas[0].start] = " as"
    elif first == "raise" and len(commas := _commas(statement)) == 1:
        written[commas[0].start] = "("
        written[statement[-1].end - 1] += ")"
    elif first == "exec" and statement[1:2] and statement[1].text != "(":
        _respell_exec(statement, written)


def _put(token: _Token, text: str, written: list[str]) -> None:
    for at, character in enumerate(text.ljust(token.end - token.start)):
        written[token.start + at] = character


def _respell_print(statement: list[_Token], written: list[str]) -> None:
    """`print x` as `print(x)`; one that is followed by a parenthesis may be either."""
    following = statement[1]
    if following.text in ("(", "=", ".", ","):
        return
    if following.text == ">>":
        _put(following, "", written)
    written[statement[0].end] = "(" if written[statement[0].end].isspace() else "?"
    written[statement[-1].end - 1] += ")"


def _respell_exec(statement: list[_Token], written: list[str]) -> None:
    """`exec x in y` as `exec(x, y)`."""
    inside = next((token for token in statement if token.text == "in"), None)
    if inside is not None:
        _put(inside, ",", written)
    written[statement[0].end] = "("
    written[statement[-1].end - 1] += ")"


def _commas(statement: list[_Token]) -> list[_Token]:
    """The commas outside brackets."""
    depth, found = 0, list[_Token]()
    for token in statement:
        depth += (token.text in "([{") - (token.text in ")]}") if token.kind == "operator" else 0
        found += [token] if token.text == "," and depth == 0 else []
    return found


def _means_something_else(tree: ast.Module) -> bool:
    """Whether Python 3 would do something else: divide, make no list, keep a loop's name or what `exec` binds."""
    nodes = list(python.walk(tree))
    if any(isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) for node in nodes):
        return True
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    passed = {id(each) for node in nodes for each in _gone_through_once(node)}
    named = [(node, node.func.id) for node in calls if isinstance(node.func, ast.Name)]
    if any(name in _LAZY and id(node) not in passed for node, name in named):
        return True
    return any(name == "exec" and len(node.args) < 2 for node, name in named) or _leaks(nodes)


def _gone_through_once(node: ast.AST) -> Iterable[ast.AST]:
    if isinstance(node, ast.Call):
        return [*node.args, *(keyword.value for keyword in node.keywords)]
    return [node.iter] if isinstance(node, ast.For | ast.comprehension) else []


def _leaks(nodes: list[ast.AST]) -> bool:
    """Whether a name that a list comprehension binds is used outside of it, other than as somebody's parameter."""
    inside, bound = _comprehended(nodes)
    own = {id(inner) for node in nodes if isinstance(node, ast.FunctionDef) for inner in _of_parameters(node)}
    names = (node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    return any(node.id in bound and id(node) not in inside | own for node in names)


def _comprehended(nodes: Iterable[ast.AST]) -> tuple[set[int], set[str]]:
    """The nodes in list comprehensions, by their ids, and the names that these bind."""
    inner = [each for node in nodes if isinstance(node, ast.ListComp) for each in python.walk(node)]
    names = (node for node in inner if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return {id(node) for node in inner}, {node.id for node in names}


def _of_parameters(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """What in a function is the name of a parameter that no list comprehension there binds."""
    inner = list(python.walk(function))
    _, bound = _comprehended(inner)
    own = {argument.arg for argument in function.args.args} - bound
    yield from (node for node in inner if isinstance(node, ast.Name) and node.id in own)
