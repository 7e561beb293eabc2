"""A requirement as it stands in a file, character by character."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from relengtools.findings import Edit
from relengtools.versions.declaration import Span
from relengtools.versions.locate.source import BOM, Source
from relengtools.versions.specifiers.text import Change, Form, Region

_CONTINUATION = re.compile(r"\\(?:\r\n|\r|\n)")
_ESCAPE = re.compile(r"\\(.)|[^\\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Requirement:
    """`text` is what characters `start` to `end` of a file mean; `key` names the list, as `project.dependencies`.

    `places` holds where each character of `text` stands, where that isn't simply one after the other from `start`;
    it is empty where the text isn't written out (strings side by side, escapes), and then nothing can be changed.
    """

    source: Source
    form: Form
    key: str
    text: str
    start: int
    end: int
    places: Sequence[int]

    def span(self, region: Region | None = None) -> Span:
        """The bytes, lines and columns of a region of the text; of all of it where the region can't be told."""
        start, end = self._characters(region)
        text, source = self.source.text, self.source
        first = len(text[:start].encode(source.encoding)) + len(BOM) * source.marked
        last = first + len(text[start:end].encode(source.encoding))
        return Span(first, last, *source.position(start), *source.position(end))

    def _characters(self, region: Region | None) -> tuple[int, int]:
        """Where a region begins and ends in the file; what continues it on the next line is no part of it."""
        if region is None or not self.places:
            return self.start, self.end
        start, end = self.places[region.start], self.places[region.end]
        continued = region.start < region.end and _CONTINUATION.match(self.source.text, self.places[region.end - 1] + 1)
        return start, continued.start() if continued else end

    def edits(self, changes: Iterable[Change]) -> tuple[Edit, ...] | None:
        """The edits of the file that make `changes` to the text, or None where they can't be made."""
        if not self.places or "0".encode(self.source.encoding) != b"0":
            return None
        edits = tuple(self._edit(change) for change in sorted(changes))
        return edits if all(edit.new.isascii() for edit in edits) else None

    def _edit(self, change: Change) -> Edit:
        span = self.span(Region(change.start, change.end))
        start, end = self._characters(Region(change.start, change.end))
        new = _requoted(change.new, self.source.text[self.start - 1 : self.start])
        return Edit(
            self.source.file, span.start, span.end, span.line, span.column, self.source.text[start:end], new, part=True
        )


class Line(NamedTuple):
    """A piece of a file and the character at which it begins."""

    start: int
    text: str


def quoted(source: Source, form: Form, key: str, start: int, end: int, raw: bool) -> Requirement | None:
    """The text between two quotes; of escapes only those of quotes and backslashes can be told apart."""
    inner = source.text[start:end]
    if raw or "\\" not in inner:
        return Requirement(source, form, key, inner, start, end, range(start, end + 1))
    units = list(_ESCAPE.finditer(inner))
    if any(unit[1] is not None and unit[1] not in "\"'\\" for unit in units):
        return None
    text = "".join(unit[1] or unit[0] for unit in units)
    return Requirement(source, form, key, text, start, end, (*(start + unit.start() for unit in units), end))


def written(source: Source, form: Form, key: str, line: Line) -> Iterator[Requirement]:
    """A requirement that stands there as it is, without quotes; interpolated ones are not in this file alone."""
    text = line.text.strip()
    start = line.start + len(line.text) - len(line.text.lstrip())
    if text and "%" not in text:
        yield Requirement(source, form, key, text, start, start + len(text), range(start, start + len(text) + 1))


def _requoted(new: str, quote: str) -> str:
    """`new` without the quote that it would end up between."""
    return new.replace(quote, "'" if quote == '"' else '"') if quote in ("'", '"') else new
