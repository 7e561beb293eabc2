"""Which declaration the build backend uses, which file it points to, and which provider computes the version."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from relengtools.versions.answers import (
    Answer,
    Attribute,
    Cargo,
    Expression,
    Legacy,
    Meson,
    Nothing,
    PackageJson,
    Pattern,
    Provider,
    Static,
    TextFile,
    Wrapper,
)
from relengtools.versions.declaration import Kind
from relengtools.versions.names import normalized

# What a backend of the project's own requires that wraps one of these, and the first part of that one's name.
_WRAPPED = {
    "flit-core": "flit_core",
    "hatchling": "hatchling",
    "pdm-backend": "pdm",
    "poetry-core": "poetry",
    "maturin": "maturin",
    "meson-python": "mesonpy",
    "scikit-build-core": "scikit_build_core",
}
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
# What switches those on that may be required for nothing. Source: their hooks for setuptools, of late 2026.
_SWITCHES = {
    "pbr": 'pbr=True in setup.py, or pbr.build as backend and [project] dynamic = ["version"],',
    "setuptools-scm": "[tool.setuptools_scm]",
    "setuptools-git-versioning": "[tool.setuptools-git-versioning] enabled = true",
    "versioningit": "[tool.versioningit]",
    "incremental": "[tool.incremental]",
}
_SETUPTOOLS = ("setuptools", "pbr", "jupyter_packaging", "setuptools_scm", "hgtools", "numpy", None)
_BACKENDS = {"uv_build": "uv", "sipbuild": "sip", "flit_scm": "flit-scm"}
_HATCH_SOURCES = {"vcs": "hatch-vcs", "env": "hatch-env", "uv-dynamic-versioning": "uv-dynamic-versioning"}
# What these read in a file, all with the flag MULTILINE. Sources: hatchling/version/core.py,
# scikit_build_core/metadata/regex.py, pdm/backend/hooks/version/__init__.py.
_HATCH_PATTERN = r"""(?i)^(__version__|VERSION) *= *([\'"])v?(?P<version>.+?)\2"""
_SCIKIT_PATTERN = r"""(?i)^(__version__|VERSION)(?: ?\: ?str)? *= *([\'"])v?(?P<value>.+?)\2"""
_PDM_PATTERN = r"""^(?:__version__|VERSION)\s*=\s*["'](.+?)["']\s*(?:#.*)?$"""


def ask(document: Mapping[str, Any] | None) -> Answer:
    """Where the build takes the version from, going by pyproject.toml alone (None: there is no such file).

    Source: the pyproject.toml specification, PEP 517, PEP 621, and the documentation of each backend.
    """
    if document is None:
        return Legacy()
    tool, name = _table(document, "tool"), backend(document)
    if (unpackaged := _unpackaged(tool)) and not any("version" in table for table in _naming(document)):
        return Nothing(f"{unpackaged} says that it is no package, which needs no version", missing=False)
    # setuptools takes an empty table for none.
    if "project" in document and (document["project"] or not _is_setuptools(document, name)):
        return _by_project(document, _table(document, "project"), tool, name)
    if _table(tool, "poetry") and name in ("poetry", "poetry_dynamic_versioning", None):
        return _by_poetry(tool)
    flit = _table(_table(tool, "flit"), "metadata")
    if flit:
        return Attribute("flit", module=_text(flit.get("module")))
    if name not in ("mesonpy", "maturin") and not _is_setuptools(document, name):
        return Nothing(f"pyproject.toml has no [project] table for the build backend {name}", missing=False)
    return _dynamic(document, tool, name)


def is_project(document: Mapping[str, Any], alone: bool) -> bool:
    """Whether pyproject.toml describes a package, not only the settings of some tools.

    With `alone`, neither setup.py nor setup.cfg is beside it: then setuptools has to be told of a package there.
    """
    tool = _table(document, "tool")
    if "project" in document or "poetry" in tool or "metadata" in _table(tool, "flit"):
        return True
    silent = ("", *_SETUPTOOLS)  # an empty name is none: what wants to build the project is kept from it
    told = not alone or backend(document) not in silent or bool({"setuptools", *_SETUPTOOLS_PROVIDERS} & tool.keys())
    return "build-system" in document and told


def name_of(document: Mapping[str, Any]) -> str | None:
    """The project's name as pyproject.toml gives it."""
    tool = _table(document, "tool")
    flit = _table(_table(tool, "flit"), "metadata")
    names = (table["name"] for table in _naming(document) if isinstance(table.get("name"), str))
    return next(names, None) or _text(flit.get("module"))


def _naming(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The tables that have a project's name and version."""
    return _table(document, "project"), _table(_table(document, "tool"), "poetry")


def _unpackaged(tool: Mapping[str, Any]) -> str | None:
    """What says that the project is never built. Source: "Operating modes" of Poetry, `distribution` of PDM."""
    if _table(tool, "poetry").get("package-mode") is False:
        return "[tool.poetry] package-mode"
    return "[tool.pdm] distribution" if _table(tool, "pdm").get("distribution") is False else None


def backend(document: Mapping[str, Any]) -> str | None:
    """The first part of the build backend's name, None for the default (setuptools)."""
    name = _table(document, "build-system").get("build-backend")
    if name == "rapids_build_backend.build":  # which changes the name and the dependencies, and calls this one
        name = _table(_table(document, "tool"), "rapids-build-backend").get("build-backend")
    if not isinstance(name, str):
        return None
    return "setuptools" if name.startswith("scikit_build_core.setuptools") else re.split(r"[.:]", name)[0]


def by_setuptools(document: Mapping[str, Any] | None) -> bool:
    """Whether setuptools makes the metadata, which then has what `egg_info` puts behind the version."""
    return document is None or _is_setuptools(document, backend(document))


def by_core_metadata(document: Mapping[str, Any] | None) -> bool:
    """Whether an sdist's PKG-INFO goes before where the version is from. Source: hatchling/metadata/core.py."""
    dynamic = _table(document or {}, "project").get("dynamic")
    return backend(document or {}) == "hatchling" and isinstance(dynamic, list) and "version" in dynamic


def is_refused_twice(document: Mapping[str, Any]) -> bool:
    """Whether a version that `[project]` states may not be dynamic too. Source: PEP 621; only poetry-core takes it."""
    dynamic = _table(document, "project").get("dynamic")
    return isinstance(dynamic, list) and "version" in dynamic and backend(document) != "poetry"


def is_poetry_by_habit(document: Mapping[str, Any]) -> bool:
    """Whether `[tool.poetry]` has the version, but no build backend is named: with a setup.py that is setuptools."""
    return "project" not in document and backend(document) is None and bool(_table(_table(document, "tool"), "poetry"))


def _by_project(
    document: Mapping[str, Any], project: Mapping[str, Any], tool: Mapping[str, Any], name: str | None
) -> Answer:
    if "version" in project:
        if isinstance(project["version"], str):
            return Static(("project", "version"), Kind.PYPROJECT)
        if name == "pdm" and isinstance(project["version"], dict):  # as pdm-pep517 had it
            return _pdm(project["version"])
        return Nothing(f"[project] version is no string but {type(project['version']).__name__}")
    dynamic = project.get("dynamic")
    if isinstance(dynamic, list) and "version" in dynamic:
        return _dynamic(document, tool, name)
    if name == "poetry" and "version" in _table(tool, "poetry"):
        return _by_poetry(tool)
    if name == "maturin":  # which fills it in all the same
        return _dynamic(document, tool, name)
    if "name" not in project:
        return Nothing("[project] has no name, so that nothing can be built of it", missing=False)
    return Nothing('[project] has neither `version` nor `dynamic = ["version"]`')


def _dynamic(document: Mapping[str, Any], tool: Mapping[str, Any], name: str | None) -> Answer:
    match name:
        case "hatchling":
            return _hatch(_table(tool, "hatch"))
        case "flit_core" | "flit":
            return Attribute("flit", module=_text(_table(_table(tool, "flit"), "module").get("name")))
        case "pdm":
            return _pdm(_table(_table(tool, "pdm"), "version"))
        case "poetry" | "poetry_dynamic_versioning":
            return _by_poetry(tool)
        case "maturin":
            return Cargo(_text(_table(tool, "maturin").get("manifest-path")))
        case "mesonpy":
            return Meson()
        case "scikit_build_core":
            return _scikit_build(tool)
        case "py_build_cmake":
            module = _table(_table(tool, "py-build-cmake"), "module")
            return Attribute("py-build-cmake", module=_text(module.get("name")))
    return _by_another(document, tool, name)


def _by_another(document: Mapping[str, Any], tool: Mapping[str, Any], name: str | None) -> Answer:
    """Setuptools, a backend of the project's own, or one that isn't known here."""
    requires = required(document)
    wrapped = [_WRAPPED[each] for each in requires if each in _WRAPPED]
    if len(wrapped) == 1 and _is_own(document) and "setuptools" not in requires:
        module = str(_table(document, "build-system").get("build-backend")).partition(":")[0]
        return Wrapper(module, _folders(document), wrapped[0], _dynamic(document, tool, wrapped[0]))
    if _is_setuptools(document, name):
        return _setuptools(document, tool, requires)
    return Provider(_BACKENDS.get(name or "", name or ""))


def _is_setuptools(document: Mapping[str, Any], name: str | None) -> bool:
    """Whether the backend is setuptools, or the project's own, which most often wraps it."""
    return name in _SETUPTOOLS or _is_own(document)


def _is_own(document: Mapping[str, Any]) -> bool:
    """Whether the build backend stands in the tree."""
    return "backend-path" in _table(document, "build-system")


def _folders(document: Mapping[str, Any]) -> tuple[str, ...]:
    """`backend-path`: the folders in which such a backend is."""
    return _texts(_table(document, "build-system").get("backend-path"))


def with_hatch_toml(document: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """pyproject.toml with what hatch.toml says instead of `[tool.hatch]`, table by table.

    Source: hatchling/metadata/core.py, `ProjectMetadata.hatch`.
    """
    tool = _table(document, "tool")
    return {**document, "tool": {**tool, "hatch": {**_table(tool, "hatch"), **own}}}


def _hatch(hatch: Mapping[str, Any]) -> Answer:
    """Source: hatch's documentation, "Versioning"."""
    version = _table(hatch, "version")
    source = _text(version.get("source")) or "regex"
    file = _text(version.get("path"))
    if source in ("regex", "regex_commit") and file:  # the latter is the former, and commits what it writes
        return Pattern("hatch", file, _text(version.get("pattern")) or _HATCH_PATTERN, "version")
    if source == "code" and file:
        text = _text(version.get("expression")) or "__version__"
        return Expression("hatch", text, file=file, search=_texts(version.get("search-paths")))
    if source == "nodejs":
        return PackageJson("hatch-nodejs-version", file or "package.json")
    if source == "regex":
        hook = next(iter(_table(_table(hatch, "metadata"), "hooks")), None)
        told = f", but the metadata hook {hook} may have a version" if hook else ""
        return Nothing(f"[tool.hatch.version] names no `path`{told}", missing=hook is None)
    return Provider(_HATCH_SOURCES.get(source, source))


def _pdm(version: Mapping[str, Any]) -> Answer:
    """Source: pdm-backend's documentation, "Metadata"; `from` and `use_scm` are those of pdm-pep517."""
    file = _text(version.get("path")) or _text(version.get("from"))
    getter = _text(version.get("getter")) or ""
    if version.get("source", "file") == "file" and file:
        return Pattern("pdm", file, _text(version.get("pattern")) or _PDM_PATTERN, 1)
    if not version:
        return Nothing(
            "[tool.pdm.version] is empty, and pdm-backend writes 0.0.0 unless a hook says more", missing=False
        )
    if version.get("source") == "call" and ":" in getter:
        module, _, call = getter.partition(":")
        return Expression("pdm", call if "(" in call else f"{call}()", module=module)
    return Provider("pdm-scm" if version.get("source") == "scm" or version.get("use_scm") else "pdm")


def _scikit_build(tool: Mapping[str, Any]) -> Answer:
    """Source: scikit-build-core's documentation, "Dynamic metadata"."""
    entries = tool.get("dynamic-metadata")
    entries = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    told = _table(_table(_table(tool, "scikit-build"), "metadata"), "version")
    version = next((entry for entry in entries if entry.get("field") == "version"), told)
    provider, file = _text(version.get("provider")) or "", _text(version.get("input"))
    if provider == "scikit_build_core.metadata.regex" and file:
        pattern = _text(version.get("regex")) or _SCIKIT_PATTERN
        result, remove = _text(version.get("result")), _text(version.get("remove"))
        return Pattern("scikit-build-core", file, pattern, "value", result, remove)
    if provider == "scikit_build_core.metadata.setuptools_scm":
        return Provider("setuptools-scm")
    return Provider(provider.removeprefix("scikit_build_core.metadata.") or "scikit-build-core")


def _by_poetry(tool: Mapping[str, Any]) -> Answer:
    poetry = _table(tool, "poetry")
    if _table(tool, "poetry-dynamic-versioning").get("enable"):
        given = _table(_table(tool, "poetry-dynamic-versioning"), "from-file")
        return _from_file(_text(given.get("source")), _text(given.get("pattern")))
    if _table(tool, "poetry-version-plugin"):
        return Provider("poetry-version-plugin")
    if isinstance(poetry.get("version"), str):
        return Static(("tool", "poetry", "version"), Kind.POETRY)
    return Nothing("[tool.poetry] has no `version`")


def _from_file(file: str | None, pattern: str | None) -> Answer:
    """Source: the README of poetry-dynamic-versioning, and its `_get_version_from_file`."""
    if file is None:
        return Provider("poetry-dynamic-versioning")
    return Pattern("poetry-dynamic-versioning", file, pattern, 1) if pattern else TextFile((file,))


def _setuptools(document: Mapping[str, Any], tool: Mapping[str, Any], requires: Sequence[str]) -> Answer:
    version = _table(_table(_table(tool, "setuptools"), "dynamic"), "version")
    if attribute := _text(version.get("attr")):
        module, _, name = attribute.rpartition(".")
        return Attribute("setuptools", (name,), module=module)
    if "file" in version:
        given = version["file"] if isinstance(version["file"], list) else [version["file"]]
        files = tuple(name for name in given if isinstance(name, str))
        return TextFile(files) if files else Nothing("[tool.setuptools.dynamic] names no file", missing=False)
    if asked := next((provider for table, provider in _SETUPTOOLS_PROVIDERS.items() if _asks(tool, table)), None):
        return Legacy(asked)
    if _is_simple(document):
        return Legacy("setuptools-scm")
    dynamic = _table(document, "project").get("dynamic")
    if backend(document) == "pbr" and isinstance(dynamic, list) and "version" in dynamic:
        return Legacy("pbr")
    if _is_own(document) and "setuptools" not in requires:
        told = _table(document, "build-system").get("build-backend")
        return Legacy(idle=f"the project's own build backend {told} may have one", missing=False)
    idle = next((name for name in _SWITCHES if name in requires), None)
    return Legacy(idle=idle and f"{idle} is required, but without {_SWITCHES[idle]} it does nothing")


def _asks(tool: Mapping[str, Any], name: str) -> bool:
    """Whether a provider's table switches it on; that of setuptools-git-versioning has to say something first."""
    if name != "setuptools-git-versioning":
        return name in tool
    table = _table(tool, name)
    return bool(table) and bool(table.get("enabled", True))


def _is_simple(document: Mapping[str, Any]) -> bool:
    """Whether setuptools-scm is required in the way that needs no table. Source: its documentation, "Usage"."""
    texts = _table(document, "build-system").get("requires")
    simple = r"\s*setuptools[-_.]scm\s*\[[^]]*\bsimple\b"
    given = texts if isinstance(texts, list) else ()
    return any(re.match(simple, text, re.IGNORECASE) for text in given if isinstance(text, str))


def required(document: Mapping[str, Any]) -> list[str]:
    """Names of the build requirements, normalised (PEP 503)."""
    requires = _table(document, "build-system").get("requires")
    texts = [text for text in requires if isinstance(text, str)] if isinstance(requires, list) else []
    return [normalized(re.split(r"[^A-Za-z0-9._-]", text.strip())[0]) for text in texts]


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
