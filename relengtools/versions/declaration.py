"""A place where a version is written, and what else the reading of a project's files brings to light."""

from enum import StrEnum
from typing import NamedTuple

from relengtools.findings import Rule


class Kind(StrEnum):
    """Where a version can be declared: a closed list."""

    PYPROJECT = "pyproject"
    """`version` in `[project]` of pyproject.toml"""
    POETRY = "poetry"
    """`version` in `[tool.poetry]` of pyproject.toml"""
    SETUP_CFG = "setup-cfg"
    """`version` in `[metadata]` of setup.cfg"""
    SETUP_PY = "setup-py"
    """the literal that `version=` of `setup()` in setup.py is, or names"""
    MODULE = "module"
    """`__version__` (or the attribute that the build names) in a module of the package"""
    FILE = "file"
    """a text file that holds nothing but the version, named by `file:`"""


class Span(NamedTuple):
    """Bytes `start` to `end` of a file, and where they are (1-based, columns in code points, end exclusive)."""

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int


class Declaration(NamedTuple):
    """A version as written: `raw` is the text of the span, `value` what it evaluates to, `source` its first line.

    The span is the text between the quotes. `quote` is set where it is a whole expression instead (strings side by
    side), so that what replaces it has to bring its own quotes.
    """

    file: str
    kind: Kind
    span: Span
    raw: str
    value: str
    source: str
    quote: str = ""
    owner: bool = False


class Pointer(NamedTuple):
    """A place that says where the version comes from instead of what it is."""

    file: str
    line: int
    column: int
    reason: str
    provider: str | None = None


class Problem(NamedTuple):
    """A file, or a place in it, that can't be read as what it should be."""

    rule: Rule
    file: str
    message: str
    line: int = 1
    column: int = 1
    source: str | None = None
