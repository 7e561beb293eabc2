"""What both halves speak: a rule, where it was broken, and the edit that mends it.

All are NamedTuples: every command loads them, and dataclasses would cost a start-up as much as all the rest here.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Location(NamedTuple):
    """A span of a file; lines and columns are 1-based, columns count code points, the end is exclusive."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1


class Rule(NamedTuple):
    """A thing to find: a code that never changes, a name, and the page that `rules CODE` prints."""

    code: str
    name: str
    summary: str
    why: str
    example: str
    fix: str
    default: bool = True


class Edit(NamedTuple):
    """Replace bytes `start` to `end` of `file`, which read `old`, by `new`; line and column are for people.

    `part` says that the text goes on around the span: what is replaced is a piece of a requirement, not a version.
    """

    file: str
    start: int
    end: int
    line: int
    column: int
    old: str
    new: str
    part: bool = False


class Fix(NamedTuple):
    """Edits that belong together: all or none. Safe if it provably changes the text only, not what the text means."""

    safe: bool
    edits: tuple[Edit, ...]


class Finding(NamedTuple):
    """A rule broken at a place. `source` is the text of the line, for the caret; `note` says more.

    `subject` is what in the file it is about, where that has no line of its own: a metric of a recording.
    """

    rule: Rule
    message: str
    location: Location
    project: str = "."
    fix: Fix | None = None
    source: str | None = None
    note: str | None = None
    subject: str | None = None


def selected(rule: Rule, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> bool:
    """Whether `rule` is on; `select` and `ignore` name rules by code, prefix of a code, or name, and `ignore` wins.

    A prefix selects what is on by default below it; a rule that is off by default wants its own code or name.
    """
    named = rule.code in select or rule.name in select
    on = named or (rule.default and (not select or rule.code.startswith(tuple(select))))
    return on and rule.name not in ignore and not rule.code.startswith(tuple(ignore))
