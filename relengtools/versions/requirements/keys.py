"""Which strings of a pyproject.toml are requirements."""

from collections.abc import Iterator
from typing import Any

from relengtools.versions.specifiers.text import Form

_TABLES = ("project", "dependency-groups", "build-system", "tool")
_TOOLS = ("flit", "hatch", "pdm", "uv")
KeyPath = tuple[str | int, ...]


def texts(document: dict[str, Any]) -> Iterator[tuple[str, Form]]:
    """The requirements of a parsed pyproject.toml without their places: where all are in order, nobody has to scan."""
    for table in _TABLES:
        inner = document.get(table)
        if table == "tool" and isinstance(inner, dict):
            inner = {name: inner[name] for name in _TOOLS if name in inner}
        yield from _below((table,), inner)


def form(path: KeyPath) -> Form | None:
    """What stands at a key path of pyproject.toml, None where it is no requirement.

    `[tool.poetry]` has a syntax of its own and is no place for them.
    """
    match path:
        case ("project", "requires-python") | ("tool", "flit", "metadata", "requires-python"):
            return Form.SPECIFIER
        case (
            ("project", "dependencies", int())
            | ("project", "optional-dependencies", str(), int())
            | ("dependency-groups", str(), int())
            | ("build-system", "requires", int())
            | ("tool", "flit", "metadata", "requires" | "dev-requires", int())
            | ("tool", "flit", "metadata", "requires-extra", str(), int())
            | ("tool", "hatch", "envs", str(), "dependencies" | "extra-dependencies", int())
            | ("tool", "pdm", "dev-dependencies", str(), int())
        ):
            return Form.REQUIREMENT
        case ("tool", "uv", str() as name, int()) if name.endswith("-dependencies"):
            return Form.REQUIREMENT
    return None


def files(document: dict[str, Any]) -> Iterator[str]:
    """The files from which setuptools reads dynamic dependencies. Source: "Configuring setuptools", pyproject.toml."""
    dynamic = document
    for key in ("tool", "setuptools", "dynamic"):
        inner = dynamic.get(key)
        dynamic = inner if isinstance(inner, dict) else {}
    optional = dynamic.get("optional-dependencies")
    groups = optional.values() if isinstance(optional, dict) else ()
    for entry in (dynamic.get("dependencies"), *groups):
        named = entry.get("file") if isinstance(entry, dict) else None
        yield from (name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str))


def _below(path: KeyPath, value: Any) -> Iterator[tuple[str, Form]]:
    if isinstance(value, str):
        found = form(path)
        if found is not None:
            yield value, found
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _below((*path, key), inner)
