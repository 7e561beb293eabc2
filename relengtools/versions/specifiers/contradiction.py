"""Markers that hold on no Python and no platform, or on all, because their parts exclude or complete each other."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from relengtools.versions.specifiers.canonical import PYTHONS

_PLATFORMS = ("sys_platform", "platform_system", "os_name", "platform_machine", "platform_python_implementation")
_STRINGS = frozenset({*_PLATFORMS, "implementation_name"})
_ALIASES = {"python_implementation": "platform_python_implementation"}
_OPERATORS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_OTHER = "anything else"
_LAST_PYTHON_2 = 7
# Comparisons of one variable: nobody writes more, and the time that they take together grows with the square.
_MOST = 20


def told(marker: str) -> str | None:
    """What is wrong with a valid marker as a whole; None where nothing is, or `~=` and `===` keep it from being read.

    Each variable is looked at by itself, whatever the others are; not `extra`: tools differ where there are two.
    """
    try:
        tree = ast.parse(marker.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    values: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and (name := _variable(node.left) or _variable(node.comparators[0])):
            shared = "python_version" if name in PYTHONS else name
            values.setdefault(shared, []).append(_text(node.left) or _text(node.comparators[0]) or "")
    parts = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And))]
    for name, said in values.items():
        samples = _samples(name, said) if 1 < len(said) <= _MOST else []
        for part in parts if samples else ():
            found = {_holds(part, sample) for sample in samples}
            if found == {False}:
                return f"{_named(part, tree)} never holds: what it says of `{name}` can't all be so"
            if found == {True} and part is tree:
                return f"it always holds: whatever `{name}` is, one side takes it"
    return None


def _named(part: ast.expr, tree: ast.expr) -> str:
    return "it" if part is tree else f"`{ast.unparse(part)}`"


def _samples(name: str, values: Iterable[str]) -> list[dict[str, str]]:
    """Values of a variable, at and on both sides of each that the marker names."""
    if name in PYTHONS:
        full = sorted({python for value in values for python in _pythons(value)})
        return [{"python_version": f"{a}.{b}", "python_full_version": f"{a}.{b}.{c}"} for a, b, c in full]
    named = {word for value in values for word in (value, *re.split(r"[,\s]+", value))}
    return [{name: word} for word in sorted({*named, _OTHER})] if name in _STRINGS else []


def _pythons(value: str) -> Iterator[tuple[int, int, int]]:
    for text in re.findall(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,2}", value):
        a, b, c = (*map(int, text.split(".")), 0, 0)[:3]
        near = [(a, b, c), (a, b, c + 1), (a, b, c - 1), (a, b + 1, 0), (a, b - 1, 0), (a + 1, 0, 0), (a - 1, 0, 0)]
        yield from ((x, y, z) for x, y, z in near if min(x, y, z) >= 0 and not (x == 2 and y > _LAST_PYTHON_2))


def _holds(node: ast.expr, sample: Mapping[str, str]) -> bool | None:
    """Whether a part of the marker holds; None where that depends on more than the sample."""
    match node:
        case ast.BoolOp(op=joint, values=parts):
            decisive = isinstance(joint, ast.Or)
            found = {_holds(part, sample) for part in parts}
            return decisive if decisive in found else None if None in found else not decisive
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            name = _variable(left) or _variable(right) or ""
            first, second = (sample.get(_variable(side) or "", _text(side)) for side in (left, right))
            if name in sample and first is not None and second is not None:
                return _compared(name in PYTHONS, first, operator, second)
    return None


def _compared(version: bool, first: str, operator: ast.cmpop, second: str) -> bool | None:
    """Source: packaging/markers.py, `_eval_op`."""
    if isinstance(operator, ast.In | ast.NotIn):
        return (first in second) is isinstance(operator, ast.In)
    sign = _OPERATORS.get(type(operator))
    if not version:
        return (first == second) is (sign == "==") if sign in ("==", "!=") else None
    return _contains(f"{sign}{second}", first)


@lru_cache(maxsize=4096)
def _contains(specifier: str, version: str) -> bool | None:
    from packaging.specifiers import InvalidSpecifier, Specifier

    try:
        return Specifier(specifier).contains(version, prereleases=True)
    except (InvalidSpecifier, ValueError):
        return None


def _variable(node: ast.expr) -> str | None:
    """The variable of the environment, by its name of today."""
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    name = ast.unparse(node).replace(".", "_")
    return _ALIASES.get(name, name)


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
