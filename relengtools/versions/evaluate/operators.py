"""Operators: what they give for plain values, measured before little makes much."""

import ast
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from relengtools.versions.evaluate.heap import is_container, same
from relengtools.versions.evaluate.values import (
    MOST_PARTS,
    Bytes,
    Class,
    Deferred,
    Fields,
    File,
    Function,
    Match,
    Missing,
    Module,
    Namespace,
    Object,
    Opaque,
    Stream,
    Unknown,
    Value,
    is_known,
    lost,
    raised,
    vague,
)

LARGEST = 1_000_000
"""Characters or elements of the largest value that is made."""
_BITS = 2048
"""Bits of the largest number that is made."""
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
    ast.RShift: operator.rshift,
}
_IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd,
    ast.BitOr: operator.ior,
    ast.BitAnd: operator.iand,
    ast.Sub: operator.isub,
    ast.BitXor: operator.ixor,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
PLAIN_TYPES = ("str", "int", "float", "bool", "tuple", "list", "dict")
"""Python's own types, each of which is another object than the others."""
_SINGLE = (bool, type(None), type(...))
# What a width or precision in a format can make of nothing: 1000 and more, or one taken from the arguments.
_PERCENT_WIDTH = re.compile(r"%(\([^)]*\))?[-#0 +]*(\d*\.)?(\d{4}|\*)")
_CONVERSIONS: dict[int, Callable[[Any], str]] = {ord("r"): repr, ord("a"): ascii, ord("s"): str}
_BRACE_WIDTH = re.compile(r"\{[^{}]*:[^{}]*(\d{4}|\{)")


def binary(op: ast.operator, left: Value, right: Value) -> Value:
    """`left op right`; raises RaisedError."""
    if isinstance(op, ast.Mod) and isinstance(left, str) and isinstance(right, Fields):
        right = tuple(right)  # a format takes a named tuple apart like any other
    unknown = _beyond(op, left, right)
    if unknown is not None:
        return unknown
    if isinstance(op, ast.Add) and isinstance(left, str) and isinstance(right, str) and not (left and right):
        return left or right
    if isinstance(left, Bytes) or isinstance(right, Bytes):
        return _of_bytes(op, left, right)
    try:
        result = _BINARY[type(op)](left, right)
    except Exception as error:
        raise raised(error) from error
    return right if isinstance(op, ast.Mod) and left == "%s" and isinstance(right, str) else result


def _of_bytes(op: ast.operator, left: Value, right: Value) -> Value:
    if isinstance(op, ast.Add) and isinstance(left, Bytes) and isinstance(right, Bytes):
        return Bytes(left.text + right.text)
    return Unknown("an operator on bytes")


def _beyond(op: ast.operator, left: Value, right: Value) -> Unknown | None:
    """Why an operation isn't done."""
    if type(op) not in _BINARY:
        return Unknown("an operator that isn't followed")
    together = isinstance(op, ast.Add) and type(left) is type(right) and isinstance(left, list | tuple)
    if vague(left) or vague(right):
        return Unknown("an operator on something computed", holds=(left, right))
    if not together and not (is_known(left) and is_known(right)):
        return Unknown("an operator on something computed", holds=(left, right))
    if isinstance(op, ast.Mod) and isinstance(left, str):
        if _PERCENT_WIDTH.search(left) or not is_printable(right):
            return Unknown("a format that isn't followed")
        return None
    return Unknown("more than a version expression is worth") if _size(op, left, right) else None


def _size(op: ast.operator, left: Value, right: Value) -> bool:
    """Whether the result would be too large."""
    if isinstance(left, int) and isinstance(right, int):
        return isinstance(op, ast.Mult) and left.bit_length() + right.bit_length() > _BITS
    sizes = [len(v) if isinstance(v, str | list | tuple) else 0 for v in (left, right)]
    if isinstance(op, ast.Mult):
        number = next((abs(v) for v in (left, right) if isinstance(v, int)), 1)
        return max(sizes) * number > LARGEST
    return sum(sizes) > LARGEST


def in_place(op: ast.operator, owner: Value, other: Value) -> Value:
    """`owner op= other` of a list, set or dictionary, which changes it; raises RaisedError."""
    try:
        return _IN_PLACE[type(op)](owner, other)
    except Exception as error:
        raise raised(error) from error


def changes_in_place(op: ast.operator, owner: Value) -> bool:
    """Whether `owner op= …` changes the object."""
    if isinstance(owner, list):
        return isinstance(op, ast.Add)
    return type(op) in _IN_PLACE and isinstance(owner, set | dict) and not isinstance(op, ast.Add)


def compare(op: ast.cmpop, left: Value, right: Value) -> bool | Unknown:
    """`left op right`; raises RaisedError."""
    if isinstance(op, ast.Is | ast.IsNot):
        one = _identical(left, right)
        return one if isinstance(one, Unknown) else one == isinstance(op, ast.Is)
    if isinstance(op, ast.Eq | ast.NotEq) and _are_types(left, right):
        return bool(left == right) == isinstance(op, ast.Eq)
    if isinstance(op, ast.In | ast.NotIn):
        found = _holds(right, left)
        return found if isinstance(found, Unknown) else found == isinstance(op, ast.In)
    ordered = not isinstance(op, ast.Eq | ast.NotEq)
    bytes_ = isinstance(left, Bytes) or isinstance(right, Bytes)
    if not (is_known(left) and is_known(right)) or vague(left) or vague(right) or (ordered and bytes_):
        return Unknown("a comparison with something computed")
    try:
        return bool(_COMPARE[type(op)](left, right))
    except Exception as error:
        raise raised(error) from error


def _are_types(*values: Value) -> bool:
    """Whether these are types of Python's own."""
    return all(isinstance(v, Opaque) and v.name.removeprefix("builtins.") in PLAIN_TYPES for v in values)


def _identical(left: Value, right: Value) -> bool | Unknown:
    """`left is right`, where that doesn't hang on how Python keeps strings and numbers."""
    if _are_types(left, right):
        return bool(left == right)
    if not any(isinstance(value, Unknown | Opaque | Deferred) for value in (left, right)):
        if any(isinstance(value, _SINGLE) for value in (left, right)):
            return left is right
        if any(is_container(value) or isinstance(value, Object | Function | Class) for value in (left, right)):
            return left is right
    return Unknown("whether two objects are one")


def _holds(row: Value, item: Value) -> bool | Unknown:
    """`item in row`; raises RaisedError."""
    if not is_known(item) or isinstance(row, Namespace):
        value = row.get(item) if isinstance(row, Namespace) and isinstance(item, str) else None
        sure = value is not None and not isinstance(value, Unknown)
        return True if sure else Unknown("a comparison with something computed")
    if isinstance(row, dict):
        try:
            found = item in row
        except TypeError as error:
            raise raised(error) from error
        sure = lost(row) is None if not found else not isinstance(row[item], Missing)
        return found if sure else Unknown("what a dictionary holds")
    if not is_known(row) or vague(row) or isinstance(row, Bytes):
        known = isinstance(row, list | tuple) and any(same(each, item) for each in row)
        return True if known else Unknown("a comparison with something computed")
    try:
        return bool(item in row)
    except Exception as error:
        raise raised(error) from error


def truth(value: Value) -> bool | Unknown:
    """Whether a value counts as true."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Opaque):
        return Unknown(f"{value.name} isn't known without running it")
    if isinstance(value, Function | Module | Match | Class | File | Stream):
        return True
    if isinstance(value, Object):
        sure = value.of.plain and not (value.of.has("__bool__") or value.of.has("__len__"))
        return True if sure else Unknown("whether an object counts as true")
    if isinstance(value, Bytes):
        return bool(value.text)
    if isinstance(value, Fields) or not isinstance(value, str | int | float | tuple | list | dict | set | frozenset):
        return value is not None and (not isinstance(value, Fields) or len(value) > 0)
    return Unknown("whether something computed is empty") if vague(value) or _may_be_empty(value) else bool(value)


def _may_be_empty(value: Value) -> bool:
    return isinstance(value, Namespace)


def is_printable(value: Value) -> bool:
    """Whether `str()` of a value, or of what is in it, is the same here as in Python, and can be made at all."""
    if isinstance(value, Path):
        return True
    todo: list[Value] = [value]
    for _ in range(MOST_PARTS):
        if not todo:
            return True
        inner = todo.pop()
        if isinstance(inner, Fields) or type(inner) in (set, frozenset):
            return False
        if isinstance(inner, tuple | list):
            todo.extend(inner)
        elif type(inner) is dict and not vague(inner):
            todo.extend((*inner, *inner.values()))
        elif inner is not None and not isinstance(inner, str | int | float):
            return False
    return False


def printed(value: Value, conversion: int = -1, spec: str = "") -> str | Unknown:
    """`format(value, spec)` after `!r`, `!s` or `!a`; raises RaisedError."""
    inside = isinstance(value, Path) and conversion != -1 and conversion != ord("s")
    if not is_printable(value) or inside or re.search(r"\d{4}", spec):
        return Unknown("a format that isn't followed")
    if isinstance(value, str) and not spec and conversion in (-1, ord("s")):
        return value
    try:
        convert = _CONVERSIONS.get(conversion)
        return format(convert(value) if convert else value, spec)
    except Exception as error:
        raise raised(error) from error


def too_wide(text: str) -> bool:
    """Whether a template of `str.format` may make much of little."""
    return _BRACE_WIDTH.search(text) is not None
