"""A `__version__` that is put together from literals of its module: `".".join(map(str, VERSION))` and its like."""

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from relengtools.versions.locate import python

_DEEPEST = 20
_LONGEST = 1000
# No widths: "%999999999d" would fill the memory.
_PLAIN = re.compile(r"(?:[^%]|%[sdi])*")
Value = Callable[[ast.expr], Any]


class UntoldError(ValueError):
    """The value isn't told by literals alone."""


def text(body: Sequence[ast.stmt], name: str) -> tuple[str, int] | None:
    """The text that a module's `name` surely has, and the line that gives it; None where that isn't told."""
    node, _ = python.constant(body, name)
    try:
        value = None if node is None else _value(body, node, _DEEPEST)
    except (UntoldError, TypeError, ValueError, OverflowError):
        return None
    return (value, node.lineno) if isinstance(value, str) and node is not None else None


def _value(body: Sequence[ast.stmt], node: ast.expr, depth: int) -> Any:
    """Raises UntoldError, TypeError, ValueError."""
    if not depth:
        raise UntoldError

    def value(inner: ast.expr) -> Any:
        return _short(_value(body, inner, depth - 1))

    match node:
        case ast.Constant(value=str() | int() as constant):
            return _short(constant)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(map(value, items))
        case ast.Name(id=name) if (found := python.constant(body, name)[0]) is not None:
            return value(found)
    return _computed(value, node)


def _computed(value: Value, node: ast.expr) -> Any:
    match node:
        case ast.JoinedStr(values=parts):
            return "".join(str(value(part)) for part in parts)
        case ast.FormattedValue(value=inner, conversion=-1 | 115, format_spec=None):
            return value(inner)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return value(left) + value(right)
        case ast.BinOp(left=ast.Constant(value=str(pattern)), op=ast.Mod(), right=right) if _PLAIN.fullmatch(pattern):
            return pattern % value(right)
        case ast.Subscript(value=owner, slice=ast.Slice(lower=None, upper=ast.Constant(value=int(upper)), step=None)):
            return value(owner)[:upper]
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(sign)), attr="join"), args=[items], keywords=[]):
            return sign.join(_texts(value, items))
    raise UntoldError


def _texts(value: Value, node: ast.expr) -> Sequence[str]:
    """The items of `map(str, X)`, `str(i) for i in X` and X itself."""
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        node = ast.Call(ast.Name("map"), [_mapped(node), node.generators[0].iter], [])
    match node:
        case ast.Call(func=ast.Name("map"), args=[ast.Name("str"), items], keywords=[]):
            return [str(item) for item in value(items)]
    found: Sequence[str] = value(node)
    return found


def _mapped(node: ast.GeneratorExp | ast.ListComp) -> ast.expr:
    """The function that makes each item, of the only ones that are followed: `f(i) for i in X`."""
    match node:
        case (
            ast.GeneratorExp(elt=element, generators=[ast.comprehension(target=ast.Name(id=name), ifs=[])])
            | ast.ListComp(elt=element, generators=[ast.comprehension(target=ast.Name(id=name), ifs=[])])
        ):
            match element:
                case ast.Call(func=function, args=[ast.Name(id=given)], keywords=[]) if given == name:
                    return function
    raise UntoldError


def _short(found: Any) -> Any:
    """Bounded: what is put together can't grow without end."""
    if (isinstance(found, str | tuple) and len(found) > _LONGEST) or (isinstance(found, int) and abs(found) > 10**9):
        raise UntoldError
    return found
