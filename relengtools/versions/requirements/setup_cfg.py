"""Requirements in setup.cfg."""

import re
from collections.abc import Iterator

from relengtools.versions.locate.source import Source
from relengtools.versions.requirements.requirement import Line, Requirement, written
from relengtools.versions.specifiers.text import Form

_LISTS = ("install_requires", "setup_requires", "tests_require")


def requirements(source: Source) -> Iterator[Requirement]:
    """The requirements in a valid setup.cfg: one a line, or on one line between semicolons, as setuptools reads it."""
    from relengtools.versions.locate import cfg

    for option in cfg.scan(source.text):
        name = option.name.lower().replace("-", "_")
        value = source.text[option.start : option.end]
        if value.startswith(("file:", "attr:")):
            continue
        if (option.section, name) == ("options", "python_requires"):
            yield from written(source, Form.SPECIFIER, "options.python_requires", Line(option.start, value))
        elif (option.section == "options" and name in _LISTS) or option.section == "options.extras_require":
            for line in _entries(option.start, value):
                yield from written(source, Form.REQUIREMENT, f"{option.section}.{option.name}", line)


def files(source: Source) -> Iterator[str]:
    """The files from which setuptools reads a list: `install_requires = file: a.txt, b.txt`."""
    from relengtools.versions.locate import cfg

    for option in cfg.scan(source.text):
        value = source.text[option.start : option.end]
        name = option.name.lower().replace("-", "_")
        listed = (option.section == "options" and name in _LISTS) or option.section == "options.extras_require"
        if listed and value.startswith("file:"):
            yield from (part.strip() for part in value.removeprefix("file:").split(",") if part.strip())


def _entries(start: int, value: str) -> Iterator[Line]:
    pieces = r"[^\r\n]+" if "\n" in value or "\r" in value else r"[^;]+"
    for match in re.finditer(pieces, value):
        if not match[0].lstrip().startswith(("#", ";")) and not match[0].rstrip().endswith("\\"):
            yield Line(start + match.start(), re.sub(r"\s#.*", "", match[0]))
