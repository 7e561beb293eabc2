"""A version that is written in a module or a file of its own, as `[tool.setuptools.dynamic]` points to it."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.discover import Place
from relengtools.versions.files import Files
from relengtools.versions.locate.source import Source, UnreadableError


def to(owner: Declaration, place: Place, package_dir: Any) -> dict[str, Any] | None:
    """`{attr = …}` or `{file = …}`; None where setuptools wouldn't find the very text, without running the module.

    Source: setuptools' "Configuring setuptools using pyproject.toml files", and its StaticModule, which takes the first
    assignment at the top of a module.
    """
    name = _below(owner, place)
    if name is None or owner.computed:
        return None
    if owner.kind is Kind.FILE:
        source = _source(place, name)
        return {"file": [name]} if source and source.text.strip() == owner.value.strip() else None
    module = _module(name, package_dir) if owner.kind is Kind.MODULE else None
    source = _source(place, name) if module else None
    attribute = next(_assigned(source, owner), None) if source else None
    return {"attr": f"{module}.{attribute}"} if attribute else None


def _below(owner: Declaration, place: Place) -> str | None:
    """The owner's file as seen from the project."""
    prefix = "" if place.path == "." else f"{place.path}/"
    name = owner.file.removeprefix(prefix) if owner.file.startswith(prefix) else None
    return None if name is None or ".." in name.split("/") or name.startswith("/") else name


def _source(place: Place, name: str) -> Source | None:
    try:
        return Files(place).source(name, python=name.endswith(".py"))
    except UnreadableError:
        return None


def _module(name: str, package_dir: Any) -> str | None:
    """The dotted name of a file, by where packages are."""
    folders: Mapping[str, str] = package_dir if isinstance(package_dir, dict) else {}
    parts = PurePosixPath(name).with_suffix("").parts
    for package, folder in sorted(folders.items(), key=lambda item: -len(item[1])):
        inside = PurePosixPath(folder).parts
        if parts[: len(inside)] == inside:
            parts = (*filter(None, package.split(".")), *parts[len(inside) :])
            break
    parts = parts[:-1] if parts[-1:] == ("__init__",) else parts
    return ".".join(parts) if parts and all(re.fullmatch(r"[A-Za-z_]\w*", part) for part in parts) else None


def _assigned(source: Source, owner: Declaration) -> Iterator[str]:
    """The name that is given the owner's text, once and at the top."""
    names = [
        (target.id, statement.value)
        for statement in ast.parse(source.text).body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name)
    ]
    for name, value in names:
        here = isinstance(value, ast.Constant) and value.lineno == owner.span.line and value.value == owner.value
        if here and [other for other, _ in names].count(name) == 1:
            yield name
