"""What a build does with a project's files on their way into a wheel, as far as that is certain without building."""

import re
import sys
from collections.abc import Container, Mapping
from enum import StrEnum
from typing import Any

from relengtools.versions import backends
from relengtools.versions.locate import toml


class Handling(StrEnum):
    """How sure one can be of a wheel's files, the surest first."""

    COPIES = "every file of a wheel is one of the project's"
    KEEPS = "modules of the project are taken as they are, and others may be made"
    UNKNOWN = "the project's own code may do anything"


_COPYING = {"flit_core.buildapi", "flit.buildapi", "uv_build"}
_SETUPTOOLS = {None, "setuptools.build_meta", "setuptools.build_meta:__legacy__"}
_POETRY = {"poetry.core.masonry.api", "poetry.masonry.api"}
_KEEPING = {"pbr.build", "mesonpy", "maturin", "scikit_build_core.build", "flit_scm:buildapi"}
_KEEPING |= {"poetry_dynamic_versioning.backend"}
_PDM_MAKES = {"custom-hook", "run-setuptools", "write_to"}
_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([\w.]+)", re.MULTILINE)
_TOOLS = {"setuptools", "distutils", "pkg_resources"}
# Words without which a setup.py can't write a file, or have one written.
_WRITES = re.compile(
    rb"write|dump|copy|extract|generat|file=|shutil|subprocess|Popen|import_module|__import__|runpy"
    rb"|os\.(?:replace|rename|link|symlink|system|popen|exec|spawn)"
    rb"|cmdclass|distclass|(?:setuptools|distutils)\.command|setup_requires|2to3|(?:ext|cffi)_modules|rust_extensions"
)
_IN_SETUP_CFG = re.compile(rb"cmdclass|setup_requires|command_packages|2to3|^\[build", re.MULTILINE)
_CHANGES = re.compile(rb"2to3|build_py")


def handling(document: Mapping[str, Any], setup_py: bytes, setup_cfg: bytes, names: Container[str]) -> Handling:
    """What the build of a project does with its files; `names` are all of them.

    A plug-in, a hook, and a setup.py that isn't only a call of `setup()` may make files; a backend of the project's
    own, and a `build_py` of its own, may change them. Sources: the documentation of each backend.
    """
    name, wanted = toml.lookup(document, ("build-system", "build-backend")), set(backends.required(document))
    if _CHANGES.search(setup_py + setup_cfg) or "backend-path" in _keys(document, "build-system"):
        return Handling.UNKNOWN
    if name in _SETUPTOOLS:
        plain = wanted <= {"setuptools", "wheel"} and _is_plain(document, setup_py, setup_cfg)
    elif name == "hatchling.build":
        plain = "hatch.toml" not in names and not _has_hooks(document)
    elif name in _POETRY:
        plain = wanted <= {"poetry", "poetry-core", "wheel"} and "build" not in _keys(document, "tool", "poetry")
    elif name == "pdm.backend":
        told = _keys(document, "tool", "pdm", "build") | _keys(document, "tool", "pdm", "version")
        plain = wanted <= {"pdm-backend"} and "pdm_build.py" not in names and not told & _PDM_MAKES
    elif name in _COPYING:
        plain = True
    else:
        return Handling.KEEPS if name in _KEEPING else Handling.UNKNOWN
    return Handling.COPIES if plain else Handling.KEEPS


def _is_plain(document: Mapping[str, Any], setup_py: bytes, setup_cfg: bytes) -> bool:
    """Whether setuptools has no code of others to run that could write a file."""
    told = _keys(document, "tool", "setuptools") & {"cmdclass", "ext-modules"} or _keys(document, "tool", "distutils")
    modules = {found.split(b".")[0].decode() for found in _IMPORT.findall(setup_py)}
    own = modules - _TOOLS - sys.stdlib_module_names
    return not (told or own or _WRITES.search(setup_py) or _IN_SETUP_CFG.search(setup_cfg))


def _has_hooks(document: Mapping[str, Any]) -> bool:
    build = ("tool", "hatch", "build")
    targets = ((*build, "targets", target) for target in _keys(document, *build, "targets"))
    return any("hooks" in _keys(document, *path) for path in (build, *targets))


def _keys(document: Mapping[str, Any], *path: str) -> set[str]:
    """The keys of a table, none where there is no such table."""
    table = toml.lookup(document, path)
    return set(table) if isinstance(table, dict) else set()
