"""Where setuptools looks for a module: as it is told, as `find` fills that in, or by automatic discovery."""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from relengtools.versions.files import Files
from relengtools.versions.packages import is_file, module_files

if TYPE_CHECKING:
    from configparser import ConfigParser

    from relengtools.versions.locate.plain_setup import Setup

_LEGACY = "setuptools.build_meta:__legacy__"


class Layout(NamedTuple):
    """All that says where the packages of a place are: pyproject.toml, setup.cfg and setup.py."""

    files: Files
    document: Mapping[str, Any]
    parser: "ConfigParser | None"
    setup: "Setup | None"


def module(given: Layout, dotted: str) -> str | None:
    """The file that setuptools reads for the module `dotted`, None where there is none.

    Source: setuptools/config/expand.py, `_find_module` and `_find_spec`, which looks where Python does after that.
    """
    root = given.files.place.root
    base = os.path.normpath(_path(_folders(given), dotted))
    files = [f"{base}.py", f"{base}/__init__.py"]
    if _imports_from_root(given):
        files += [f"{dotted.replace('.', '/')}{rest}" for rest in ("/__init__.py", ".py")]
    if "package_dir" in _setup_py(given) and not (given.setup and given.setup.package_dir):  # it can't be told
        files += module_files(root, dotted)
    return next((file for file in files if is_file(root, file)), None)


def _path(folders: Mapping[str, str], dotted: str) -> str:
    """Source: setuptools/discovery.py, `find_package_path`."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        if (folder := folders.get(".".join(parts[:count]))) is not None:
            return "/".join([folder, *parts[count:]])
    return "/".join([folders.get("") or ".", *parts])


def _folders(given: Layout) -> dict[str, str]:
    """`package_dir` in the end. Source: setuptools/config/pyprojecttoml.py, setupcfg.py and discovery.py."""
    from relengtools.versions.locate import cfg

    root, parser = given.files.root, given.parser
    told = dict(given.setup.package_dir if given.setup else {}) or (cfg.package_dir(parser) if parser else {})
    told = told or (_filled(root, {}, cfg.searched(parser)) if parser else {})
    folders = _filled(root, _package_folders(given), _searched(given)) | told
    if not folders and not _lists_packages(given) and os.path.isdir(f"{root}/src"):  # noqa: PTH112
        return {"": "src"}
    return folders


def _table(given: Layout) -> Mapping[str, Any]:
    """`[tool.setuptools]` of pyproject.toml."""
    from relengtools.versions.locate import toml

    found = toml.lookup(given.document, ("tool", "setuptools"))
    return found if isinstance(found, dict) else {}


def _package_folders(given: Layout) -> dict[str, str]:
    """`package-dir`: which folder holds a package (`""`: all of them)."""
    folders = _table(given).get("package-dir")
    pairs = folders.items() if isinstance(folders, dict) else ()
    return {name: folder for name, folder in pairs if isinstance(folder, str)}


def _searched(given: Layout) -> tuple[str, ...]:
    """The folders in which packages are to be found."""
    from relengtools.versions.locate import toml

    where = toml.lookup(_table(given), ("packages", "find", "where"))
    folders = where if isinstance(where, list) else [where]
    return tuple(folder for folder in folders if isinstance(folder, str))


def _filled(root: str, folders: Mapping[str, str], search: tuple[str, ...]) -> dict[str, str]:
    """`package_dir` with the folders in which packages are searched. Source: expand.py, `find_packages`."""
    places = [where.removeprefix("./").rstrip("/") for where in search]
    places = [where for where in places if where not in (".", "")]
    filled = ({"": places[0]} if len(search) == len(places) == 1 else {}) | dict(folders)
    for where in places:
        if filled.get("") != where:
            filled |= {name: f"{where}/{name}" for name in _folders_in(f"{root}/{where}")}
    return filled


def _folders_in(folder: str) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    except (OSError, ValueError):  # ValueError: a null character
        return []


def _lists_packages(given: Layout) -> bool:
    """Whether packages or modules are named, or told how to be found, so that setuptools discovers none by itself."""
    options = given.parser["options"] if given.parser and "options" in given.parser else {}
    words = "packages|py_modules" + ("" if "project" in given.document else "|ext_modules")
    return (
        any(name in _table(given) for name in ("packages", "py-modules"))
        or any(name in options for name in ("packages", "py_modules", "py-modules"))
        or re.search(rf"""\b(?:{words})["']?\s*[=:]""", _setup_py(given)) is not None
    )


def _imports_from_root(given: Layout) -> bool:
    """Whether a module in the project's directory can be imported in a build."""
    system = given.document.get("build-system")
    table = system if isinstance(system, dict) else {}
    return table.get("build-backend", _LEGACY) == _LEGACY or "backend-path" in table or "sys.path" in _setup_py(given)


def _setup_py(given: Layout) -> str:
    source = given.files.source("setup.py", python=True) if "setup.py" in given.files.place.markers else None
    return source.text if source else ""
