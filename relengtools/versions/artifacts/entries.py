"""entry_points.txt as installers read it."""

import configparser
import re
from collections.abc import Iterator

from relengtools.versions.artifacts import ini
from relengtools.versions.artifacts.contents import shown

_REFERENCE = re.compile(r"[\w.]+\s*(?::\s*[\w.]+)?\s*(?:\[[^\]]*\])?\s*(?:#.*)?")
_GROUPS = ("console_scripts", "gui_scripts")


def mistakes(data: bytes) -> Iterator[str]:
    """What makes an installer fail: no such file format, a name twice, or a script that can't be made.

    Source: PyPA's "Entry points specification".
    """
    try:
        parser = _parsed(data)
    except (ValueError, configparser.Error) as error:
        yield f"it can't be read: {shown(str(error).splitlines()[0])}"
        return
    for name, value in _scripts(parser):
        if not _REFERENCE.fullmatch(" ".join(value.split())) or ":" not in value:
            yield f"{shown(name)} = {shown(value)} leads to no object"
        if "/" in name or "\\" in name:
            yield f"{shown(name)} is no name of a script: it would be written to another folder"


def scripts(data: bytes) -> Iterator[tuple[str, str]]:
    """The names of scripts, and the modules that they lead to, of a file without mistakes."""
    for name, value in _scripts(_parsed(data)):
        yield name, re.split(r"[:\[\s]", value.strip())[0]


def _parsed(data: bytes) -> configparser.RawConfigParser:
    """Raises ValueError, configparser.Error."""
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    ini.read(parser, data)
    return parser


def _scripts(parser: configparser.RawConfigParser) -> Iterator[tuple[str, str]]:
    for group in filter(parser.has_section, _GROUPS):
        yield from ((name, value or "") for name, value in parser.items(group))
