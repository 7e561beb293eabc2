"""What a text is meant to be, and changes of it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Form(StrEnum):
    """What a text is meant to be."""

    REQUIREMENT = "requirement"
    """name, extras, version specifiers or URL, marker (PEP 508)"""
    SPECIFIER = "specifier"
    """version specifiers alone, as in Requires-Python (PEP 440)"""
    MARKER = "marker"
    """a marker alone"""


class Region(NamedTuple):
    """Characters `start` to `end` of a text."""

    start: int
    end: int


class Change(NamedTuple):
    """Characters `start` to `end` of a text become `new`."""

    start: int
    end: int
    new: str


def apply(text: str, changes: Iterable[Change]) -> str:
    """`text` with disjoint changes made; of changes at one place insertions come first."""
    pieces, at = [], 0
    for change in sorted(changes):
        pieces += [text[at : change.start], change.new]
        at = change.end
    return "".join([*pieces, text[at:]])
