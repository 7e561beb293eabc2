"""`__version__` in a module of the package."""

import ast
from collections.abc import Sequence

from relengtools.versions.declaration import Declaration, Kind, Pointer
from relengtools.versions.locate import python
from relengtools.versions.locate.source import Source

NAMES = ("__version__",)
_GENERATORS = (
    "setuptools_scm",
    "setuptools-scm",
    "hatch-vcs",
    "vcs-versioning",
    "versioneer",
    "don't track in version control",
)


def locate(source: Source, names: Sequence[str] = NAMES) -> Declaration | Pointer | None:
    """The declaration of the first of `names` that the module binds, or a pointer where its value is elsewhere.

    None where it binds none of them. Raises UnreadableError for what is no Python, but only where a name occurs at all.
    """
    if not any(name in source.text for name in names):
        return None
    tree = python.parse(source)
    for name in names:
        found = python.bindings(tree.body, name)
        if found:
            return _judge(source, tree, name, found)
    return None


def generated(source: Source) -> bool:
    """Whether a version-control provider wrote this file: what it says was so at the last build."""
    head = source.text[:600].lower()
    return any(generator in head for generator in _GENERATORS)


def _judge(source: Source, tree: ast.Module, name: str, found: list[python.Binding]) -> Declaration | Pointer:
    first = found[0].statement
    place = (source.file, first.lineno, 1 + first.col_offset)
    if any(_asks_metadata(tree, binding) for binding in found):
        return Pointer(*place, f"`{name}` is read from the installed metadata", "importlib.metadata")
    if any(isinstance(b.statement, ast.Import | ast.ImportFrom) for b in found):
        return Pointer(*place, f"`{name}` is imported from another module")
    value, reason = python.constant(tree.body, name)
    if isinstance(value, ast.Name):
        value, reason = python.constant(tree.body, value.id)
    declaration = python.literal(source, value, Kind.MODULE) if value is not None else None
    return declaration or Pointer(*place, reason or f"`{name}` is computed")


def _asks_metadata(tree: ast.Module, binding: python.Binding) -> bool:
    """Whether the value comes from importlib.metadata or pkg_resources, as far as names tell."""
    if binding.value is None:
        return False
    text = ast.unparse(binding.value)
    if any(word in text for word in ("metadata", "pkg_resources", "get_distribution")):
        return True
    called = binding.value.func if isinstance(binding.value, ast.Call) else None
    return isinstance(called, ast.Name) and called.id in _from_metadata(tree)


def _from_metadata(tree: ast.Module) -> set[str]:
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {
        alias.asname or alias.name
        for node in imports
        if node.module in ("importlib.metadata", "importlib_metadata", "pkg_resources")
        for alias in node.names
    }
