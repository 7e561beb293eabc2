"""What a pyproject.toml that is there says of all that setup.py says, and what it leaves out."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from relengtools.versions.migrate import licence
from relengtools.versions.names import normalized

Tables = dict[str, Any]


def missing(document: Mapping[str, Any], wanted: Tables) -> Tables:
    """The tables and keys of `wanted` that `document` hasn't got at all, which can be added."""
    found: Tables = {}
    for key, value in wanted.items():
        there = document.get(key)
        if there is None:
            found[key] = value
        elif isinstance(value, dict) and isinstance(there, dict) and key not in _WHOLE:
            inner = missing(there, value)
            found |= {key: inner} if inner else {}
    return found


def lost(document: Mapping[str, Any], wanted: Tables) -> list[str]:
    """What setup.py says and `document` says otherwise: a line for each, which says both."""
    project, setuptools = _table(document, "project"), _table(document, "tool", "setuptools")
    found = []
    for key, value in wanted["project"].items():
        if key == "dynamic":
            continue
        if key in project.get("dynamic", ()):
            found.append(f"{key}: pyproject.toml has it computed, setup.py says {_short(value)}")
        elif key in project:
            found += _lost(f"[project] {key}", project[key], value, _PROJECT.get(key, _same))
    for key, value in wanted["tool"]["setuptools"].items():
        if key == "package-data" and key in setuptools:
            found += _lost_data(setuptools, value)
        elif key in setuptools:
            found += _lost(f"[tool.setuptools] {key}", setuptools[key], value, _SETUPTOOLS.get(key, _same))
    return found


def _lost(key: str, there: Any, wanted: Any, left_out: "Compare") -> list[str]:
    return [f"{key} has no {_short(item)}, which setup.py has" for item in left_out(there, wanted)]


Compare = Callable[[Any, Any], list[Any]]


def _same(there: Any, wanted: Any) -> list[Any]:
    return [] if there == wanted else [wanted]


def _text(there: Any, wanted: Any) -> list[Any]:
    return [] if _squeezed(there) == _squeezed(wanted) else [wanted]


def _name(there: Any, wanted: Any) -> list[Any]:
    return [] if normalized(str(there)) == normalized(wanted) else [wanted]


def _items(there: Any, wanted: Iterable[Any]) -> list[Any]:
    known = [_squeezed(item) for item in there] if isinstance(there, list) else []
    return [item for item in wanted if _squeezed(item) not in known]


def _rows(there: Any, wanted: Mapping[str, Any]) -> list[Any]:
    """Tables of names: of lists, item by item."""
    known = there if isinstance(there, dict) else {}
    found: list[Any] = []
    for name, value in wanted.items():
        if isinstance(value, list):
            found += [f"{item} ({name})" for item in _items(known.get(name), value)]
        elif isinstance(value, dict):
            found += [f"{item} ({name})" for item in _rows(known.get(name), value)]
        elif known.get(name) != value:
            found.append(f"{name} = {value}")
    return found


def _licence(there: Any, wanted: Any) -> list[Any]:
    text = there if isinstance(there, str) else _table({"": there}, "").get("text")
    return [] if isinstance(text, str) and licence.spdx(text) == wanted else [wanted]


def _urls(there: Any, wanted: Mapping[str, str]) -> list[Any]:
    known = list(there.values()) if isinstance(there, dict) else []
    return [url for url in wanted.values() if url not in known]


def _lost_data(setuptools: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Package data as files below the root, for packages may be cut otherwise: `pkg: static/*` is `pkg.static: *`."""
    there = _table(setuptools, "package-data")
    known = {path for package, patterns in there.items() for path in _paths(package, patterns)}
    lines = [(package, text) for package, texts in wanted.items() for text in texts]
    return [
        f"[tool.setuptools.package-data] has no {text!r} of {package}, which setup.py has"
        for package, text in lines
        if not _paths(package, [text]) <= known and not _paths("*", [text]) <= known
    ]


def _paths(package: str, patterns: Any) -> set[str]:
    folder = package if package == "*" else package.replace(".", "/")
    return {f"{folder}/{pattern}" for pattern in patterns} if isinstance(patterns, list) else set()


_PROJECT: dict[str, Compare] = {
    "name": _name,
    "description": _text,
    "requires-python": _text,
    "license": _licence,
    "license-files": _items,
    "authors": _items,
    "maintainers": _items,
    "keywords": _items,
    "classifiers": _items,
    "dependencies": _items,
    "urls": _urls,
    "scripts": _rows,
    "gui-scripts": _rows,
    "optional-dependencies": _rows,
    "entry-points": _rows,
}
_SETUPTOOLS: dict[str, Compare] = {
    "packages": _items,
    "py-modules": _items,
    "script-files": _items,
    "platforms": _items,
    "data-files": _rows,
    "package-dir": _rows,
    "exclude-package-data": _rows,
    # Said for a project that has no such line in setup.py; whoever has one in pyproject.toml has thought of it.
    "include-package-data": lambda there, wanted: [] if there or not wanted else [wanted],
}
# Tables that are compared as a whole: their entries aren't settings but rows.
_WHOLE = frozenset(
    {"urls", "scripts", "gui-scripts", "optional-dependencies", "entry-points", "package-data", "data-files"}
    | {"exclude-package-data", "package-dir", "packages", "readme", "license", "build-system"}
)


def _squeezed(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"\s+", "", value).lower().replace('"', "'")
    return {k: _squeezed(v) for k, v in value.items()} if isinstance(value, dict) else value


def _table(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        inner = document.get(key)
        document = inner if isinstance(inner, dict) else {}
    return document


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
