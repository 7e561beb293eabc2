"""Files that are made, changed and removed, as the changes that rewrite and patch take."""

import difflib
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from relengtools.findings import Edit
from relengtools.versions.locate.source import BOM, Source, shown
from relengtools.versions.rewrite import Change, Fate, splice


class Cut(NamedTuple):
    """Characters `start` to `end` of a text, and what takes their place."""

    start: int
    end: int
    new: str = ""


def spliced(text: str, cuts: Sequence[Cut]) -> str:
    """The text after the cuts, which are in order and don't overlap."""
    parts, at = [], 0
    for one in cuts:
        parts += [text[at : one.start], one.new]
        at = one.end
    return "".join([*parts, text[at:]])


def made(path: Path, text: str) -> Change:
    """A new file."""
    source = Source(shown(path), path, b"", "")
    return Change(source, (Edit(source.file, 0, 0, 1, 1, "", text),), text.encode(), Fate.MADE)


def removed(source: Source) -> Change:
    """A file that goes."""
    whole = Edit(source.file, 0, len(source.data), 1, 1, source.text, "")
    return Change(source, (whole,), b"", Fate.REMOVED, stat.S_IMODE(source.path.stat().st_mode))


def cut(source: Source, cuts: Sequence[Cut]) -> Change:
    """A file after the cuts, whose new text is ASCII."""
    edits = tuple(
        Edit(source.file, _byte(source, one.start), _byte(source, one.end), *source.position(one.start), old, one.new)
        for one in cuts
        for old in (source.text[one.start : one.end],)
    )
    return Change(source, edits, splice(source.data, edits))


def _byte(source: Source, character: int) -> int:
    return len(BOM) * source.marked + len(source.text[:character].encode(source.encoding))


def changed(source: Source, new: str) -> Change:
    """A file of UTF-8 whose text becomes `new`: a cut for each run of lines that differ."""
    old, lines = _lines(source.text), _lines(new)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, old, lines, autojunk=False)
    rows = (row for row in matcher.get_opcodes() if row[0] != "equal")
    return cut(source, [Cut(starts[a], starts[b], "".join(lines[c:d])) for _, a, b, c, d in rows])


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)
