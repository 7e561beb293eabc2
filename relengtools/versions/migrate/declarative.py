"""[metadata] and [options] of setup.cfg as the keywords of `setup()` that they stand for, and the file without them.

Source: setuptools' "Configuring setuptools using setup.cfg files".
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from configparser import Error, RawConfigParser
from typing import Any, NamedTuple

from relengtools.versions.discover import Place
from relengtools.versions.files import Files
from relengtools.versions.locate.source import Source
from relengtools.versions.migrate import edits
from relengtools.versions.migrate.keywords import Found, Keywords, TextOf
from relengtools.versions.migrate.licence import CannotCarryError
from relengtools.versions.rewrite import Change

_OWN = re.compile(r"metadata|options(?:\..+)?")
_HEADING = re.compile(r"^\[([^\]\n]+)\][^\n]*(?:\n|\Z)", re.MULTILINE)
_ALIASES = {"home_page": "url", "summary": "description", "classifier": "classifiers", "platform": "platforms"}
_FINDERS = {"find:": False, "find_namespace:": True}


class Declared(NamedTuple):
    """What setup.cfg says besides setup.py, and the change that takes it out; `refused` says why that can't be."""

    keywords: Mapping[str, Any]
    change: Change | None
    refused: tuple[str, ...] = ()


def read(place: Place) -> Declared:
    """The keywords of setup.cfg; raises UnreadableError."""
    source = Files(place).source("setup.cfg") if "setup.cfg" in place.markers else None
    if source is None:
        return Declared({}, None)
    try:
        parser = _parsed(source.text)
        if not any(map(_OWN.fullmatch, parser.sections())):
            return Declared({}, None)
        return Declared(dict(_keywords(parser, place)), _without(source, parser))
    except (CannotCarryError, Error) as error:
        return Declared({}, None, (f"{source.file}: {' '.join(str(error).split())}",))


def joined(given: Keywords, declared: Declared) -> Keywords:
    """What setup() is given goes first, unless it is empty."""
    values = {name: value for name, value in given.values.items() if value or name not in declared.keywords}
    return given._replace(values={**declared.keywords, **values})


def _parsed(text: str) -> RawConfigParser:
    parser = RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_file(io.StringIO(text, newline=None))
    return parser


def _keywords(parser: RawConfigParser, place: Place) -> Iterator[tuple[str, Any]]:
    for section in filter(_OWN.fullmatch, parser.sections()):
        if section in _SECTIONS:
            yield _SECTIONS[section](dict(parser.items(section)))
        elif section not in ("metadata", "options", "options.packages.find"):
            raise CannotCarryError(f"[{section}] has no place in pyproject.toml")
    for section in ("metadata", "options"):
        for option, value in parser.items(section) if parser.has_section(section) else ():
            name = option.replace("-", "_")
            name = _ALIASES.get(name, name)
            if section == "metadata" and name == "version":
                continue
            yield name, _value(name, value.strip(), parser, place)


def _value(name: str, text: str, parser: RawConfigParser, place: Place) -> Any:
    if "%" in text and name not in ("long_description", "description"):
        raise CannotCarryError(f"{name} has a % in it, which may be more than a sign")
    if name == "long_description" and text.startswith("file:"):
        return _file(text, place)
    if text.startswith(("file:", "attr:")):
        raise CannotCarryError(f"{name} is taken from {text}: write it down first")
    if name == "packages" and text in _FINDERS:
        return _found(_FINDERS[text], parser)
    if name not in _READERS:
        raise CannotCarryError(f"{name} has no place in pyproject.toml: take it out first")
    return _READERS[name](text)


def _file(text: str, place: Place) -> TextOf:
    name = text.removeprefix("file:").strip()
    source = None if "," in name or "\n" in name or name.startswith(("/", ".")) else Files(place).source(name)
    if source is None:
        raise CannotCarryError(f"long_description is taken from {name}, which is no single file here")
    return TextOf(source.text, name)


def _found(namespaces: bool, parser: RawConfigParser) -> Found:
    section = "options.packages.find"
    given = dict(parser.items(section)) if parser.has_section(section) else {}
    if set(given) - {"where", "include", "exclude"}:
        raise CannotCarryError(f"[{section}] has other settings than where, include and exclude")
    include = tuple(_list(given.get("include", ""))) or ("*",)
    return Found(
        namespaces, given.get("where", "").strip().rstrip("/") or ".", include, tuple(_list(given.get("exclude", "")))
    )


def _list(text: str, sign: str = ",") -> list[str]:
    """Lines, or what a sign parts in a single one."""
    items = text.splitlines() if "\n" in text else text.split(sign)
    return [item.strip() for item in items if item.strip()]


def _requirements(text: str) -> list[str]:
    return _list(text, ";")


def _table(text: str) -> dict[str, str]:
    pairs = [item.partition("=") for item in _list(text)]
    if not all(equals for _, equals, _ in pairs):
        raise CannotCarryError(f"{text!r} is no list of `name = value`")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _true(text: str) -> bool:
    return text.lower() in ("1", "true", "yes")


def _patterns(rows: Mapping[str, str]) -> dict[str, list[str]]:
    return {"" if package == "*" else package: _list(text) for package, text in rows.items()}


_PEOPLE = ("author", "author_email", "maintainer", "maintainer_email")
_TEXTS = ("name", "url", "download_url", "license", "license_file", "description", "python_requires")
_LONG = ("long_description", "long_description_content_type")
_LISTS = ("classifiers", "license_files", "keywords", "platforms", "provides", "obsoletes")
_CODE = ("scripts", "py_modules", "packages")
_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys((*_PEOPLE, *_TEXTS, *_LONG), str),
    **dict.fromkeys((*_LISTS, *_CODE), _list),
    **dict.fromkeys(("install_requires", "setup_requires"), _requirements),
    **dict.fromkeys(("project_urls", "package_dir"), _table),
    **dict.fromkeys(("zip_safe", "include_package_data"), _true),
}
_SECTIONS: dict[str, Callable[[Mapping[str, str]], tuple[str, Any]]] = {
    "options.extras_require": lambda rows: ("extras_require", {k: _requirements(v) for k, v in rows.items()}),
    "options.entry_points": lambda rows: ("entry_points", {k: _list(v) for k, v in rows.items()}),
    "options.package_data": lambda rows: ("package_data", _patterns(rows)),
    "options.exclude_package_data": lambda rows: ("exclude_package_data", _patterns(rows)),
    "options.data_files": lambda rows: ("data_files", [[k, _list(v)] for k, v in rows.items()]),
}


def _without(source: Source, parser: RawConfigParser) -> Change:
    """setup.cfg without its metadata, or gone; raises CannotCarryError where more would change."""
    text, headings = source.text, list(_HEADING.finditer(source.text))
    ends = [*(_end(text[: heading.start()]) for heading in headings[1:]), len(text)]
    cuts = [
        edits.Cut(heading.start(), end)
        for heading, end in zip(headings, ends, strict=True)
        if _OWN.fullmatch(heading[1])
    ]
    left = edits.spliced(text, cuts)
    kept = {name: parser.items(name) for name in parser.sections() if not _OWN.fullmatch(name)}
    after = _parsed(left)
    if {name: after.items(name) for name in after.sections()} != kept:
        raise CannotCarryError("its metadata can't be cut out without changing more")
    return edits.cut(source, cuts) if left.strip() else edits.removed(source)


def _end(text: str) -> int:
    """Where a section ends: a comment right above the next one's heading belongs to that."""
    comment = re.search(r"(?:^[#;][^\n]*\n)+\Z", text, re.MULTILINE)
    return comment.start() if comment else len(text)
