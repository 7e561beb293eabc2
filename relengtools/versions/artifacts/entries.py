"""entry_points.txt as installers read it."""

import configparser
import re
from collections.abc import Iterator

from relengtools.versions.artifacts import ini
from relengtools.versions.artifacts.contents import shown

_REFERENCE = re.compile(r"[\w.]+\s*(?::\s*[\w.]+)?\s*(?:\[[^\]]*\])?\s*(?:#.*)?")
_SCRIPTS = ("console_scripts", "gui_scripts")


def mistakes(data: bytes) -> Iterator[str]:
    """What makes an installer fail: no such file format, or a script that leads to no object.

    Source: PyPA's "Entry points specification".
    """
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        ini.read(parser, data)
    except (ValueError, configparser.Error) as error:
        yield f"it can't be read: {shown(str(error).splitlines()[0])}"
        return
    for group in filter(parser.has_section, _SCRIPTS):
        for name, value in parser.items(group):
            if not value or not _REFERENCE.fullmatch(" ".join(value.split())) or ":" not in value:
                yield f"{shown(name)} = {shown(value or '')} leads to no object"
