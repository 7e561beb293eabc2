"""Where the modules of a project are, by its name or a dotted path."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

# Where flit looks for `__version__` in a package, newest habit first; other tools' users put it there too.
BESIDE = frozenset(
    {"test", "tests", "testing", "doc", "docs", "example", "examples", "sample", "samples", "demo", "demos", "script"}
    | {"scripts", "tool", "tools", "bench", "benchmark", "benchmarks", "utils", "vendor", "build", "dist", "setuptools"}
)
"""Folders beside the package that are often packages too."""
MODULES = ("__version__.py", "_version.py", "version.py", "__about__.py", "__init__.py")
FLIT_MODULES = ("version.py", "_version.py", "__version__.py")
"""Where flit looks for a literal `__version__` that the package itself hasn't, in its order."""


def module_files(root: Path, dotted: str) -> Iterator[str]:
    """Files that may be the module `dotted`: in src layout, flat or in lib, a package or a single module."""
    path = dotted.replace(".", "/").replace("-", "_")
    for folder in ("src/", "", "lib/"):
        for file in (f"{folder}{path}/__init__.py", f"{folder}{path}.py"):
            if is_file(root, file):
                yield file


def package_files(root: Path, name: str | None) -> list[str]:
    """The modules of the project's package that usually hold `__version__`; the project's name finds the package."""
    if not name:
        return []
    parts = re.split(r"[-_.]+", name.lower())
    bases = ("src/", "", "lib/")
    spelt = (_spelt(root, base, shape) for base in bases for shape in ("_".join(parts), "/".join(parts)))
    package = next((package for package in spelt if package is not None), None) or _only(root)
    if package is None:
        return []
    files = [package] if package.endswith(".py") else [f"{package}/{module}" for module in MODULES[::-1]]
    return [file for file in files if is_file(root, file)]


def _only(root: Path) -> str | None:
    """The one package there is, of another name than the project's."""
    for base in ("src/", ""):
        try:
            names = [entry.name for entry in os.scandir(f"{root}/{base}") if _is_folder(entry)]
        except OSError:
            continue
        found = [base + name for name in names if name not in BESIDE and is_file(root, f"{base}{name}/__init__.py")]
        if found:
            return found[0] if len(found) == 1 else None
    return None


# The names of these files are put together as text: a tree of hundreds of projects asks for thousands of them, and
# pathlib takes several times as long as the system does.


def is_file(root: Path, file: str) -> bool:
    """Whether there is such a file, whatever the text that it was made of."""
    try:
        return os.path.isfile(f"{root}/{file}")  # noqa: PTH113
    except OSError:  # a name that is too long
        return False


def _spelt(root: Path, base: str, shape: str) -> str | None:
    """The package or module `shape` in the folder `base`, whatever its case."""
    outer, _, last = f"{base}{shape}".rpartition("/")
    try:
        entries = {entry.name.lower(): entry for entry in os.scandir(f"{root}/{outer}")}
    except (OSError, ValueError):  # ValueError: a null character
        return None
    entry = entries.get(last) or entries.get(f"{last}.py")
    if entry is None or not (entry.name.endswith(".py") or _is_folder(entry)):
        return None
    return f"{outer}/{entry.name}".lstrip("/")


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
