"""The keywords of `setup()` as tables of pyproject.toml.

Source: the pyproject.toml specification, setuptools' "Configuring setuptools using pyproject.toml files".
"""

import configparser
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from relengtools.versions.migrate import licence
from relengtools.versions.migrate.keywords import Found, Keywords, TextOf
from relengtools.versions.migrate.licence import CLASSIFIER, CannotCarryError

Tables = dict[str, Any]
Values = Mapping[str, Any]
BUILD = {
    # 77.0.3 is the first whose `license` is PEP 639's.
    "requires": ["setuptools>=77.0.3", "setuptools-scm>=8"],
    "build-backend": "setuptools.build_meta",
}
_README_TYPES = {".md": "text/markdown", ".rst": "text/x-rst"}
_SCM = re.compile(r"setuptools[-_.]scm\b", re.IGNORECASE)


class Carried(NamedTuple):
    """`tables` of pyproject.toml, the keywords that are in them, those that stay in setup.py, and what can't go.

    `notes` say what is in them in other words.
    """

    tables: Tables
    keywords: tuple[str, ...]
    kept: tuple[str, ...]
    refused: tuple[str, ...]
    notes: tuple[str, ...] = ()


def carry(keywords: Keywords, version: str | Tables | None = None, name: str = "") -> Carried:
    """The tables that say what `keywords` say; `version` is a text, or what points to it, else setuptools-scm's.

    `name` is the project's where `keywords` have none.
    """
    project: Tables = {}
    tables: Tables = {"project": project, "tool": {"setuptools": {}}}
    refused = [why for name, why in keywords.untold.items() if name in KNOWN or name == "**"]
    refused += [f"{name} has no place in pyproject.toml" for name in _PLACELESS if keywords.values.get(name)]
    with_licence: Carrier = partial(_licence, keywords.licence)
    for carrier in (*_CARRIERS, with_licence):
        try:
            _merge(tables, carrier(keywords.values))
        except CannotCarryError as error:
            refused.append(str(error))
    project.setdefault("name", name)
    if not keywords.values.get("name") and not name and not keywords.untold.keys() & {"name", "**"}:
        refused.append("setup() is given no name")
    tables["tool"]["setuptools"].setdefault("include-package-data", False)
    notes = () if refused else tuple(_noted(keywords, project))
    every = [*keywords.values, *(name for name in keywords.untold if name != "**")]
    return Carried(
        _ordered(tables, version),
        tuple(name for name in every if name in KNOWN),
        tuple(name for name in every if name not in KNOWN),
        tuple(refused),
        notes,
    )


def _ordered(tables: Tables, version: str | Tables | None) -> Tables:
    """As the specification lists them, with the build system first and the version after the name."""
    project = tables["project"]
    stated = {"version": version} if isinstance(version, str) else {"dynamic": ["version"]}
    head = {"name": project.pop("name", ""), **stated}
    requires = tables.get("build-system", {}).get("requires", [])
    needed = BUILD["requires"] if version is None else BUILD["requires"][:1]
    setuptools = {k: v for k, v in tables["tool"]["setuptools"].items() if v != {}}
    setuptools |= {"dynamic": {"version": version}} if isinstance(version, dict) else {}
    return {
        "build-system": BUILD | {"requires": [*needed, *requires]},
        "project": head | {key: project[key] for key in _ORDER if key in project},
        "tool": {"setuptools": setuptools, **({"setuptools_scm": {}} if version is None else {})},
    }


_ORDER = (
    "description",
    "readme",
    "requires-python",
    "license",
    "license-files",
    "authors",
    "maintainers",
    "keywords",
    "classifiers",
    "dependencies",
    "urls",
    "scripts",
    "gui-scripts",
    "optional-dependencies",
    "entry-points",
)


def _merge(into: Tables, tables: Tables) -> None:
    for key, value in tables.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _strings(value: Any) -> list[str]:
    """A list of texts, or one text with one on each line, as setuptools takes requirements."""
    lines = value.splitlines() if isinstance(value, str) else value or []
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise CannotCarryError(f"{value!r} isn't a list of texts")
    stripped = [line.strip() for line in lines]
    return [line for line in stripped if line and not line.startswith("#")]


def _texts(values: Values) -> Tables:
    project: Tables = {}
    for keyword, key in (("name", "name"), ("description", "description"), ("python_requires", "requires-python")):
        value = values.get(keyword)
        if isinstance(value, str) and value.strip():
            if "\n" in value.strip() and keyword == "description":
                raise CannotCarryError("description has more than one line, which pyproject.toml refuses")
            project[key] = value.strip()
        elif value:
            raise CannotCarryError(f"{keyword} is no text")
    if "requires-python" in project:
        _check(project["requires-python"], "python_requires")
    return {"project": project}


def _readme(values: Values) -> Tables:
    value, kind = values.get("long_description"), values.get("long_description_content_type")
    if not value:
        return {}
    if isinstance(value, TextOf):
        suffix = posixpath.splitext(value.file)[1].lower()
        usual = _README_TYPES.get(suffix, "text/plain")
        if suffix in (".md", ".rst") and kind in (None, usual):
            return {"project": {"readme": value.file}}
        return {"project": {"readme": {"file": value.file, "content-type": kind or usual}}}
    if not isinstance(value, str):
        raise CannotCarryError("long_description is no text")
    return {"project": {"readme": {"text": value, "content-type": kind or "text/plain"}}}


def _licence(file: str, values: Values) -> Tables:
    project: Tables = {}
    classifiers = _listed(values, "classifiers")
    found = licence.expression(_licence_text(values), classifiers, file)
    if found is not None:
        project["license"] = found
    files = _listed(values, "license_files") or [f for f in [values.get("license_file")] if f]
    if outside := [name for name in files if name.startswith("/") or ".." in re.split(r"[/\\]", name)]:
        raise CannotCarryError(
            f"license_files has {outside[0]!r}, which is outside of the project, where PEP 639 wants it"
        )
    if files:
        project["license-files"] = files
    others = [text for text in classifiers if found is None or not text.startswith(CLASSIFIER)]
    return {"project": project | ({"classifiers": others} if others else {})}


def _licence_text(values: Values) -> str:
    return str(values.get("license_expression") or values.get("license") or "")


def _noted(keywords: Keywords, project: Tables) -> Iterator[str]:
    found, readme = project.get("license"), project.get("readme")
    if found is not None:
        yield from licence.changes(_licence_text(keywords.values), _listed(keywords.values, "classifiers"), found)
    if isinstance(readme, dict) and not keywords.values.get("long_description_content_type"):
        yield "long_description is text/plain now; it had no type, which an index takes for text/x-rst"
    for files in sorted({files for name, files in keywords.files.items() if name in KNOWN}):
        names = ", ".join(name for name in keywords.files if keywords.files[name] == files and name in KNOWN)
        yield f"as they are now, and no longer taken from {files} by setup.py: {names}"


def _listed(values: Values, keyword: str) -> list[str]:
    value = values.get(keyword) or []
    if isinstance(value, str):
        return [line.strip() for line in value.splitlines() if line.strip()]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CannotCarryError(f"{keyword} is no list of texts")
    return value


def _people(values: Values) -> Tables:
    project: Tables = {}
    for who in ("author", "maintainer"):
        name, mail = str(values.get(who) or "").strip(), str(values.get(f"{who}_email") or "").strip()
        if name or mail:
            project[f"{who}s"] = _paired(who, name, mail)
    return {"project": project}


def _paired(who: str, name: str, mail: str) -> list[dict[str, str]]:
    """Names with their addresses, which setup() takes as two lists with commas."""
    names, mails = ([part.strip() for part in text.split(",") if part.strip()] for text in (name, mail))
    if len(mails) <= 1 and len(names) > 1:
        names = [name]  # a comma of one name, or a team behind one address
    bad = [text for text in mails if not re.fullmatch(r"[^\s<>@]+@[^\s<>@]+", text)]
    if bad or (names and mails and len(names) != len(mails)):
        raise CannotCarryError(f"{who} and {who}_email can't be told apart by person: {name!r}, {mail!r}")
    rows = max(len(names), len(mails))
    padded = ([*names, *[""] * (rows - len(names))], [*mails, *[""] * (rows - len(mails))])
    return [{k: v for k, v in (("name", n), ("email", m)) if v} for n, m in zip(*padded, strict=True)]


def _urls(values: Values) -> Tables:
    given = values.get("project_urls") or {}
    if not isinstance(given, dict) or not all(isinstance(url, str) for url in given.values()):
        raise CannotCarryError("project_urls is no dictionary of texts")
    urls = {"Homepage": values.get("url"), "Download": values.get("download_url"), **given}
    urls = {label: url for label, url in urls.items() if url}
    taken = [label for label in ("Homepage", "Download") if given.get(label, urls.get(label)) != urls.get(label)]
    lost = {values.get("url"), values.get("download_url")} - {None, ""} - set(urls.values())
    if taken or lost:
        raise CannotCarryError(f"project_urls has another URL under the name of {sorted(map(str, lost))}")
    return {"project": {"urls": urls} if urls else {}}


def _keywords(values: Values) -> Tables:
    value = values.get("keywords") or []
    words = value.split(",") if isinstance(value, str) else value
    found = [str(word).strip() for word in words if str(word).strip()]
    return {"project": {"keywords": found} if found else {}}


def _required(value: Any) -> list[str]:
    """Requirements without comments, which setuptools drops, and with lines that go on joined."""
    lines = value if isinstance(value, list) else [value or ""]
    joined = [line for text in _strings(lines) for line in text.replace("\\\n", "").splitlines()]
    return _strings([line.partition(" #")[0] for line in joined])


def _requirements(values: Values) -> Tables:
    """Extras named `extra:marker` become requirements with that marker."""
    plain = _required(values.get("install_requires"))
    extras: dict[str, list[str]] = {}
    given = values.get("extras_require") or {}
    if not isinstance(given, dict):
        raise CannotCarryError("extras_require is no dictionary")
    for key, value in given.items():
        name, _, marker = key.partition(":")
        target = extras.setdefault(name.strip(), []) if name.strip() else plain
        target += [_marked(text, marker.strip()) for text in _required(value)]
    for text in (*plain, *(text for texts in extras.values() for text in texts)):
        _check(text)
    return {
        "project": ({"dependencies": plain} if plain else {}) | ({"optional-dependencies": extras} if extras else {})
    }


def _for_the_build(values: Values) -> Tables:
    found = _required(values.get("setup_requires"))
    for text in found:
        _check(text)
    return {"build-system": {"requires": [text for text in found if not _SCM.match(text)]}}


def _marked(text: str, marker: str) -> str:
    if not marker:
        return text
    requirement, semicolon, own = text.partition(";")
    return f"{requirement.strip()}; ({own.strip()}) and ({marker})" if semicolon else f"{requirement.strip()}; {marker}"


def _check(text: str, what: str = "requirement") -> None:
    from relengtools.versions.specifiers.judge import judge
    from relengtools.versions.specifiers.text import Form

    judged = judge(text, Form.REQUIREMENT if what == "requirement" else Form.SPECIFIER)
    if not judged.valid:
        raise CannotCarryError(f"the {what} {text!r} is refused today: `versions check` says how to mend it")


def _entry_points(values: Values) -> Tables:
    given = values.get("entry_points") or {}
    groups = _ini(given) if isinstance(given, str) else given
    if not isinstance(groups, dict):
        raise CannotCarryError("entry_points is neither a dictionary nor a text")
    project: Tables = {}
    for group, lines in groups.items():
        entries = dict(_entry(group, line) for line in _strings(lines))
        if entries:
            names = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}
            target = project if group in names else project.setdefault("entry-points", {})
            target[names.get(group, group)] = entries
    return {"project": project}


def _ini(text: str) -> dict[str, list[str]]:
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise CannotCarryError(f"entry_points can't be read: {error.message.splitlines()[0]}") from error
    return {section: [f"{k} = {v}" for k, v in parser.items(section)] for section in parser.sections()}


def _entry(group: str, line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise CannotCarryError(f"entry_points: {line!r} in {group} is no `name = module:object`")
    return name.strip(), value.strip()


def _packages(values: Values) -> Tables:
    setuptools: Tables = {}
    packages = values.get("packages")
    if isinstance(packages, Found):
        setuptools["packages"] = {"find": _find(packages)}
    elif packages is not None:
        setuptools["packages"] = _listed(values, "packages")
    for keyword, key in (("py_modules", "py-modules"), ("scripts", "script-files")):
        if values.get(keyword) is not None and (values[keyword] or keyword == "py_modules"):
            setuptools[key] = _listed(values, keyword)
    for keyword in ("platforms", "provides", "obsoletes"):
        if values.get(keyword):
            setuptools[keyword.replace("_", "-")] = _listed(values, keyword)
    folders = values.get("package_dir") or {}
    return {"tool": {"setuptools": setuptools | ({"package-dir": dict(folders)} if folders else {})}}


def _find(found: Found) -> Tables:
    table: Tables = {"where": [found.where], "include": list(found.include), "exclude": list(found.exclude)}
    shown = {k: v for k, v in table.items() if v not in (["."], ["*"], [])}
    return shown | {"namespaces": found.namespaces}


def _data(values: Values) -> Tables:
    setuptools: Tables = {}
    for keyword in ("package_data", "exclude_package_data"):
        patterns = values.get(keyword) or {}
        if not isinstance(patterns, dict):
            raise CannotCarryError(f"{keyword} is no dictionary")
        lists = {key or "*": [value] if isinstance(value, str) else value for key, value in patterns.items()}
        if not all(isinstance(v, list) and all(isinstance(p, str) for p in v) for v in lists.values()):
            raise CannotCarryError(f"{keyword} has something else than lists of texts")
        if lists:
            setuptools[keyword.replace("_", "-")] = lists
    for keyword in ("include_package_data", "zip_safe"):
        if values.get(keyword) is not None:
            setuptools[keyword.replace("_", "-")] = bool(values[keyword])
    files = _data_files(values.get("data_files") or [])
    return {"tool": {"setuptools": setuptools | ({"data-files": files} if files else {})}}


def _data_files(rows: Sequence[Any]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != 2 or not isinstance(row[0], str) or not isinstance(row[1], list):
            raise CannotCarryError("data_files has something else than pairs of a folder and its files")
        files.setdefault(row[0], []).extend(map(str, row[1]))
    return files


# Metadata that setup() takes and pyproject.toml doesn't: in setup.py it would be ignored from now on.
_PLACELESS = ("requires", "contact", "contact_email", "provides_extras", "fullname", "summary", "namespace_packages")
Carrier = Callable[[Values], Tables]
_CARRIERS: tuple[Carrier, ...] = (
    _texts,
    _readme,
    _people,
    _urls,
    _keywords,
    _requirements,
    _for_the_build,
    _entry_points,
    _packages,
    _data,
)
_KNOWN = """
name description python_requires long_description long_description_content_type license license_expression
license_file license_files classifiers author author_email maintainer maintainer_email url download_url
project_urls keywords install_requires extras_require entry_points packages py_modules scripts platforms
provides obsoletes namespace_packages package_dir package_data exclude_package_data include_package_data
zip_safe data_files setup_requires use_scm_version
"""
KNOWN = frozenset(_KNOWN.split())
