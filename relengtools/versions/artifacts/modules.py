"""What the package in a wheel says of its own version."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import NamedTuple

from relengtools.versions.artifacts import folding
from relengtools.versions.artifacts.contents import beginning
from relengtools.versions.declaration import Declaration
from relengtools.versions.locate import module, python
from relengtools.versions.locate.source import Source, UnreadableError
from relengtools.versions.packages import MODULES

MODULE_BYTES = 2**18
_MOST_MODULES = 100
_DEEPEST = 5
# A syntax tree takes up to a kilobyte a token.
_MOST_TOKENS = 80_000
_TOKEN = re.compile(rb"\w+|[^\w\s]")
_IMPORTED = (".py", ".pyc", ".so", ".pyd")
_BESIDE = {"tests", "test", "testing", "docs", "doc", "examples", "example", "benchmarks", "scripts", "tools"}


class Statement(NamedTuple):
    """A module, and the version that it gives `__version__`."""

    file: str
    line: int
    version: str


def candidates(sizes: Mapping[str, int], project: str) -> frozenset[str]:
    """The modules of the package, by the names and sizes of all files: those beside its `__init__.py`, or a single one.

    The package is the one that has the project's name, else the only one.
    """
    packages = {name.rpartition("/")[0] for name in sizes if name.endswith("/__init__.py") and name.count("/") <= 4}
    roots = {p for p in packages if p.rpartition("/")[0] not in packages}
    single = {name for name in sizes if name.endswith(".py") and "/" not in name}
    chosen = _named(roots, single, project) or _only(roots, single)
    inside = (name for name in sizes if name.endswith(".py") and name.rpartition("/")[0] == chosen)
    found = [chosen] if chosen in single else sorted(inside, key=_usual)[:_MOST_MODULES] if chosen else []
    return frozenset(name for name in found if sizes[name] <= MODULE_BYTES)


def is_missing(module: str, names: Sequence[str], alone: bool) -> bool:
    """Whether a dotted module surely isn't among installed files, whose names are in order: one of a package that is.

    Of a top that isn't there it is another distribution's, unless this one is `alone`, without requirements.
    """
    top, *inner = module.split(".")
    if not _is_there(names, top):
        return alone
    packages = list(accumulate([top, *inner], "{}/{}".format))
    return any(
        next(beginning(names, f"{package}/__init__."), None) and not _is_there(names, path)
        for package, path in pairwise(packages)
    )


def _is_there(names: Sequence[str], path: str) -> bool:
    """Whether there is such a module, package or folder."""
    files = islice(beginning(names, f"{path}."), _MOST_MODULES)
    return any(name.endswith(_IMPORTED) for name in files) or next(beginning(names, f"{path}/"), None) is not None


def statements(modules: Mapping[str, bytes]) -> Iterator[Statement]:
    """Every `__version__` that one of the usual modules is plainly given, or takes from a module beside it."""
    for file in sorted(modules, key=_usual):
        if _usual(file) < len(MODULES) or len(modules) == 1:
            found = _stated(modules, file, module.NAMES[0], _DEEPEST)
            if found is not None:
                yield found


def _stated(modules: Mapping[str, bytes], file: str, name: str, depth: int) -> Statement | None:
    data = modules.get(file)
    if data is None or name.encode() not in data or not depth or _too_dense(data):
        return None
    python.syntax.cache_clear()  # only one tree at a time is in memory
    try:
        source = python.decode(file, Path(file), data)
        found = module.locate(source, (name,))
        if isinstance(found, Declaration):
            return Statement(file, found.span.line, found.value)
        return None if found is None else _imported(modules, source, name, depth) or _put_together(source, name)
    except UnreadableError:
        return None


def _too_dense(data: bytes) -> bool:
    return any(number > _MOST_TOKENS for number, _ in enumerate(_TOKEN.finditer(data)))


def _put_together(source: Source, name: str) -> Statement | None:
    found = folding.text(python.syntax(source).body, name)
    return Statement(source.file, found[1], found[0]) if found else None


def _imported(modules: Mapping[str, bytes], source: Source, name: str, depth: int) -> Statement | None:
    """The statement behind `from .sibling import name`, where that is the only one that binds it."""
    bound = python.bindings(python.syntax(source).body, name)
    statement = bound[0].statement if len(bound) == 1 and bound[0].sure else None
    if not isinstance(statement, ast.ImportFrom) or not statement.module:
        return None
    folder = source.path.parent.as_posix()
    dotted = statement.module if statement.level == 1 else statement.module.removeprefix(folder.replace("/", ".") + ".")
    original = next((alias.name for alias in statement.names if (alias.asname or alias.name) == name), name)
    return _stated(modules, f"{folder}/{dotted}.py", original, depth - 1)


def _named(roots: Collection[str], single: Collection[str], project: str) -> str | None:
    parts = re.split(r"[-_.]+", project.lower())
    shapes = ("_".join(parts), "/".join(parts))
    found = [p for p in roots if p.lower() in shapes] or [m for m in single if m.lower() == f"{shapes[0]}.py"]
    return found[0] if len(found) == 1 else None


def _only(roots: Collection[str], single: Collection[str]) -> str | None:
    found = [p for p in (*roots, *single) if p.removesuffix(".py").split("/")[-1] not in _BESIDE]
    return found[0] if len(found) == 1 else None


def _usual(file: str) -> int:
    """How usual it is to find the version there, 0 the most."""
    name = file.rpartition("/")[2]
    return MODULES.index(name) if name in MODULES else len(MODULES)
