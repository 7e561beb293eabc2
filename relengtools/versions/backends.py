"""Which declaration the build backend uses, which file it points to, and which provider computes the version."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from relengtools.versions.declaration import Kind

# In the order of their right to compute a version that setuptools is told to be dynamic.
_SETUPTOOLS_PROVIDERS = {
    "setuptools_scm": "setuptools-scm",
    "setuptools-git-versioning": "setuptools-git-versioning",
    "versioningit": "versioningit",
    "versioneer": "versioneer",
    "incremental": "incremental",
    "vcs-versioning": "vcs-versioning",
    "dunamai": "dunamai",
}
_REQUIRED_PROVIDERS = ("pbr", "setuptools-scm", "setuptools-git-versioning", "versioningit", "incremental")
_BACKENDS = {
    "maturin": "maturin",
    "mesonpy": "meson-python",
    "scikit_build_core": "scikit-build-core",
    "pbr": "pbr",
    "setuptools_rust": "setuptools-rust",
    "uv_build": "uv",
}


class Static(NamedTuple):
    """The version stands in pyproject.toml at `path`."""

    path: tuple[str, ...]
    kind: Kind


class Attribute(NamedTuple):
    """One of `names` in a module has it: a dotted path, a file, or (both None) the project's own package."""

    provider: str
    names: tuple[str, ...] = ("__version__",)
    module: str | None = None
    file: str | None = None


class TextFile(NamedTuple):
    """The version is the text of a file."""

    file: str


class Provider(NamedTuple):
    """A program computes the version at build time."""

    name: str


class Legacy(NamedTuple):
    """setup.py and setup.cfg decide."""


class Nothing(NamedTuple):
    """No version is declared, or none that can be told; `problem` says why, `missing` that there surely is none."""

    problem: str
    missing: bool = True


Answer = Static | Attribute | TextFile | Provider | Legacy | Nothing


def ask(document: Mapping[str, Any] | None) -> Answer:
    """Where the build takes the version from, going by pyproject.toml alone (None: there is no such file).

    Source: the pyproject.toml specification, PEP 517, PEP 621, and the documentation of each backend.
    """
    if document is None:
        return Legacy()
    project, tool = _table(document, "project"), _table(document, "tool")
    if "project" in document:
        return _by_project(project, tool, backend(document), _requires(document))
    poetry = _table(tool, "poetry")
    if poetry:
        return _by_poetry(poetry, tool)
    flit = _table(_table(tool, "flit"), "metadata")
    if flit:
        return Attribute("flit", module=_text(flit.get("module")))
    name = backend(document)
    return (
        Legacy()
        if name in ("setuptools", None)
        else Nothing(f"pyproject.toml has no [project] table for the build backend {name}", missing=False)
    )


def is_project(document: Mapping[str, Any]) -> bool:
    """Whether pyproject.toml describes a package, not only the settings of some tools."""
    tool = _table(document, "tool")
    return (
        any(key in document for key in ("project", "build-system"))
        or "poetry" in tool
        or "metadata" in _table(tool, "flit")
    )


def name_of(document: Mapping[str, Any]) -> str | None:
    """The project's name as pyproject.toml gives it."""
    tool = _table(document, "tool")
    flit = _table(_table(tool, "flit"), "metadata")
    tables = (_table(document, "project"), _table(tool, "poetry"))
    return next((t["name"] for t in tables if isinstance(t.get("name"), str)), None) or _text(flit.get("module"))


def backend(document: Mapping[str, Any]) -> str | None:
    """The first part of the build backend's name, None for the default (setuptools)."""
    name = _table(document, "build-system").get("build-backend")
    return re.split(r"[.:]", name)[0] if isinstance(name, str) else None


def _by_project(
    project: Mapping[str, Any], tool: Mapping[str, Any], name: str | None, requires: Sequence[str]
) -> Answer:
    if "version" in project:
        if isinstance(project["version"], str):
            return Static(("project", "version"), Kind.PYPROJECT)
        return Nothing(f"[project] version is no string but {type(project['version']).__name__}")
    dynamic = project.get("dynamic")
    if not isinstance(dynamic, list) or "version" not in dynamic:
        return Nothing('[project] has neither `version` nor `dynamic = ["version"]`')
    return _dynamic(tool, name, requires)


def _dynamic(tool: Mapping[str, Any], name: str | None, requires: Sequence[str]) -> Answer:
    if name == "hatchling":
        return _hatch(_table(_table(tool, "hatch"), "version"))
    if name == "flit_core":
        module = _table(_table(tool, "flit"), "module")
        return Attribute("flit", module=_text(module.get("name")))
    if name == "pdm":
        return _pdm(_table(_table(tool, "pdm"), "version"))
    if name == "poetry":
        return _by_poetry(_table(tool, "poetry"), tool)
    if name in ("setuptools", None):
        return _setuptools(tool, requires)
    return Provider(_BACKENDS.get(name or "", name or ""))


def _hatch(version: Mapping[str, Any]) -> Answer:
    source = _text(version.get("source")) or "regex"
    file = _text(version.get("path"))
    if source == "regex" and file and "pattern" not in version:
        return Attribute("hatch", ("__version__", "VERSION"), file=file)
    return Provider({"vcs": "hatch-vcs", "regex": "hatch", "code": "hatch", "env": "hatch"}.get(source, source))


def _pdm(version: Mapping[str, Any]) -> Answer:
    file = _text(version.get("path"))
    if version.get("source") == "file" and file:
        return Attribute("pdm", file=file)
    return Provider("pdm-scm" if version.get("source") == "scm" else "pdm")


def _by_poetry(poetry: Mapping[str, Any], tool: Mapping[str, Any]) -> Answer:
    plugin = _table(tool, "poetry-dynamic-versioning")
    if plugin.get("enable"):
        return Provider("poetry-dynamic-versioning")
    if isinstance(poetry.get("version"), str):
        return Static(("tool", "poetry", "version"), Kind.POETRY)
    return Nothing("[tool.poetry] has no `version`")


def _setuptools(tool: Mapping[str, Any], requires: Sequence[str]) -> Answer:
    version = _table(_table(_table(tool, "setuptools"), "dynamic"), "version")
    if attribute := _text(version.get("attr")):
        module, _, name = attribute.rpartition(".")
        return Attribute("setuptools", (name,), module=module)
    if "file" in version:
        files = version["file"] if isinstance(version["file"], list) else [version["file"]]
        one = _text(files[0]) if len(files) == 1 else None
        return TextFile(one) if one else Nothing("the version is joined from several files", missing=False)
    for table, provider in _SETUPTOOLS_PROVIDERS.items():
        if table in tool:
            return Provider(provider)
    required = next((name for name in _REQUIRED_PROVIDERS if name in requires), None)
    return Provider(required) if required else Legacy()


def _requires(document: Mapping[str, Any]) -> list[str]:
    """Names of the build requirements, normalised (PEP 503)."""
    requires = _table(document, "build-system").get("requires")
    texts = [text for text in requires if isinstance(text, str)] if isinstance(requires, list) else []
    return [re.sub("[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", text.strip())[0]).lower() for text in texts]


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
