"""Requirements in pyproject.toml."""

import tomllib
from collections.abc import Iterator
from typing import Any

from relengtools.versions.locate.source import Source
from relengtools.versions.requirements.requirement import Requirement, quoted
from relengtools.versions.specifiers.text import Form

_TABLES = {"project", "dependency-groups", "build-system", "tool"}
_TOOLS = {"flit", "hatch", "pdm", "uv"}


def texts(document: dict[str, Any]) -> Iterator[tuple[str, Form]]:
    """The requirements of a parsed pyproject.toml without their places: where all are in order, nobody has to scan."""
    for table in _TABLES & document.keys():
        inner = document[table]
        if table == "tool" and isinstance(inner, dict):
            inner = {name: inner[name] for name in _TOOLS & inner.keys()}
        yield from _below((table,), inner)


def _below(path: tuple[str | int, ...], value: Any) -> Iterator[tuple[str, Form]]:
    if isinstance(value, str):
        form = _form(path)
        if form is not None:
            yield value, form
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _below((*path, key), inner)


def requirements(source: Source) -> Iterator[Requirement]:
    """The requirements in a valid pyproject.toml; `[tool.poetry]` has a syntax of its own and is no place for them."""
    from relengtools.versions.locate import toml

    try:
        values = list(toml.scan(source.text))
    except (ValueError, IndexError, RecursionError):  # invalid, which is said elsewhere
        return
    for path, start, end in values:
        form = _form(path)
        literal = source.text[start:end]
        if form is None or literal[:1] not in ("'", '"'):
            continue
        key = ".".join(str(part) for part in path if isinstance(part, str))
        requirement = _string(source, form, key, start, literal)
        if requirement is not None and not requirement.text.startswith("-e "):  # PDM's
            yield requirement


def _string(source: Source, form: Form, key: str, start: int, literal: str) -> Requirement | None:
    """The requirement that a literal at character `start` is; None where the document was invalid after all."""
    from relengtools.versions.locate import toml

    first, last = (start + offset for offset in toml.inside(literal))
    requirement = quoted(source, form, key, first, last, raw=literal[0] == "'")
    if requirement is not None:
        return requirement
    try:
        return Requirement(source, form, key, str(tomllib.loads(f"x = {literal}")["x"]), first, last, ())
    except ValueError:
        return None


def _form(path: tuple[str | int, ...]) -> Form | None:
    """What stands at a key path of pyproject.toml, None where it is no requirement."""
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
