"""What versioneer says of an unpacked sdist, whose version file was written when it was made."""

import re
from configparser import ConfigParser, Error

from relengtools.versions.evaluate import parsers
from relengtools.versions.evaluate.run import Run
from relengtools.versions.evaluate.values import Opaque, RaisedError, Unknown, Value

_FROZEN = re.compile(r"version_json = '''\n(.*)'''  # END VERSION_JSON", re.DOTALL)
_OLD = re.compile(r"^version_version = '([^']+)'", re.MULTILINE)
_KEYWORDS = re.compile(r"^\s*git_(?:refnames|full) =", re.MULTILINE)


def get_version(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`versioneer.get_version()`."""
    found = get_versions(run, arguments, keywords)
    return found["version"] if isinstance(found, dict) else found


def get_versions(run: Run, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """`versioneer.get_versions()`: a version file with git's keywords in it leaves the answer to git.

    Source: versioneer 0.10 to 0.29, `get_versions`: keywords, then `versions_from_file`, only then git.
    """
    computed = Unknown("versioneer.get_version() computes it", "versioneer")
    try:
        name = _version_file(run)
        text = None if name is None or _is_other(run) else run.read(run.root / name)
    except (RaisedError, Error, ValueError):
        return computed
    if not isinstance(text, str) or _KEYWORDS.search(text):
        return computed
    run.asked.add("versioneer")
    found = _FROZEN.search(text)
    if found is not None:
        made = parsers.json(found[1])
        return made if isinstance(made, dict) and isinstance(made.get("version"), str) else computed
    old = _OLD.search(text)
    return {"version": old[1]} if old else computed


def _is_other(run: Run) -> bool:
    """Whether the tree has a module of that name which is not versioneer."""
    path = run.root / "versioneer.py"
    return run.exists(path) is not False and "def versions_from_file" not in str(run.read(path))


def _version_file(run: Run) -> str | None:
    """`versionfile_source`: set in setup.py for the oldest, of pyproject.toml for the newest, else of setup.cfg."""
    told = run.get(Opaque("versioneer"), "versionfile_source")
    if isinstance(told, str):
        return str.__str__(told)
    if run.exists(run.root / "pyproject.toml") is True:
        document = parsers.toml(str(run.read(run.root / "pyproject.toml")))
        table = (document.get("tool") or {}).get("versioneer")
        if isinstance(table, dict):
            name = table.get("versionfile_source")
            return str.__str__(name) if isinstance(name, str) else None
    configuration = ConfigParser()
    configuration.read_string(str(run.read(run.root / "setup.cfg")))
    return configuration.get("versioneer", "versionfile_source", fallback=None)
