"""Requirements in pyproject.toml."""

import tomllib
from collections.abc import Iterator

from relengtools.versions.locate.source import Source
from relengtools.versions.requirements import keys
from relengtools.versions.requirements.requirement import Requirement, quoted
from relengtools.versions.specifiers.text import Form


def requirements(source: Source) -> Iterator[Requirement]:
    """The requirements in a valid pyproject.toml."""
    from relengtools.versions.locate import toml

    try:
        values = list(toml.scan(source.text))
    except (ValueError, IndexError, RecursionError):  # invalid, which is said elsewhere
        return
    for path, start, end in values:
        form = keys.form(path)
        literal = source.text[start:end]
        if form is None or literal[:1] not in ("'", '"'):
            continue
        key = ".".join(str(part) for part in path if isinstance(part, str))
        requirement = _string(source, form, key, start, literal)
        if requirement is not None and not requirement.text.startswith("-e "):  # PDM's
            yield requirement


def _string(source: Source, form: Form, key: str, start: int, literal: str) -> Requirement | None:
    """The requirement that a literal at character `start` is; None where the document was invalid after all."""
    from relengtools.versions.locate import toml

    first, last = (start + offset for offset in toml.inside(literal))
    requirement = quoted(source, form, key, first, last, raw=literal[0] == "'")
    if requirement is not None:
        return requirement
    try:
        return Requirement(source, form, key, str(tomllib.loads(f"x = {literal}")["x"]), first, last, ())
    except ValueError:
        return None
