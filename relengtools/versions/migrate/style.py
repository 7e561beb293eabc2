"""Versioneer's style, in setup.cfg and in the module that it generated: the two places that have to say the same."""

import re
from collections.abc import Iterator

from relengtools.versions.discover import Place
from relengtools.versions.files import Files
from relengtools.versions.locate import cfg
from relengtools.versions.locate.source import Source
from relengtools.versions.migrate import edits
from relengtools.versions.rewrite import Change

POST = "pep440-post"
"""TAG.postN+gHASH: above the tag, below whatever comes next, as the normaliser of other projects has it."""


def changed(place: Place, old: str) -> tuple[Change, ...] | None:
    """Both places with POST instead of `old`; None where one of them isn't as versioneer writes it."""
    settings = Files(place).source("setup.cfg")
    name = None if settings is None else cfg.parse(settings).get("versioneer", "versionfile_source", fallback=None)
    module = Files(place).source(name, python=True) if name else None
    if settings is None or module is None:
        return None
    places = [
        (settings, [(option.start, option.end) for option in _styles(settings)]),
        (module, [match.span(1) for match in re.finditer(r'^ +cfg\.style = "([^"\n]*)"$', module.text, re.MULTILINE)]),
    ]
    if any(len(spans) != 1 or source.text[slice(*spans[0])] != old for source, spans in places):
        return None
    return tuple(edits.cut(source, [edits.Cut(*spans[0], POST)]) for source, spans in places)


def _styles(settings: Source) -> Iterator[cfg.Option]:
    found = cfg.scan(settings.text)
    yield from (option for option in found if (option.section, option.name.lower()) == ("versioneer", "style"))
