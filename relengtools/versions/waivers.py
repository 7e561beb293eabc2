"""Comments that waive a rule at one place: `# relengtools: ignore[RV102]`, on the line or alone on the line above."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from relengtools.findings import Finding, Location, Rule
from relengtools.versions.catalogue import RULES, UNUSED_WAIVER
from relengtools.versions.catalogue_release import RELEASE_RULES
from relengtools.versions.locate.source import Source

_MARK = "relengtools:"
_WAIVER = re.compile(r"(?P<comment>#|;|//)\s*relengtools:\s*ignore\b(?:\[(?P<rules>[^\]]*)\])?")
_NEWLINE = re.compile(r"\r\n|\r|\n")
# Formats in which a comment has a line of its own: behind a value it would be part of it.
_WHOLE_LINES = {".cfg", ".ini"}


class _Waiver(NamedTuple):
    """A rule (code or name) waived on a line; `at` is where the comment names it."""

    rule: str
    line: int
    at: Location
    source: str


def applied(
    findings: Iterable[Finding], sources: Sequence[Source], project: str, on: Callable[[Rule], bool]
) -> list[Finding]:
    """The findings that no comment waives, and one for each waiver that waived nothing.

    `on` says which rules count: whether a waiver of another one, or of a release's, is of use can't be told.
    """
    found = list(findings)
    waivers = {source.file: list(_waivers(source)) for source in sources if _MARK in source.text}
    if not any(waivers.values()):
        return found
    used: set[_Waiver] = set()
    stay = []
    for finding in found:
        place, rule = finding.location, finding.rule
        here = {w for w in waivers.get(place.file, ()) if w.line == place.line and w.rule in (rule.code, rule.name)}
        used |= here
        if not here:
            stay.append(finding)
    off = {name for rule in RULES if not on(rule) or rule in RELEASE_RULES for name in (rule.code, rule.name)}
    left = (w for file in waivers.values() for w in file if w not in used and w.rule not in off)
    return sorted([*stay, *(_unused(waiver, project) for waiver in left)], key=lambda f: (f.location, f.rule.code))


def _waivers(source: Source) -> Iterator[_Waiver]:
    lines = _NEWLINE.split(source.text)
    for number, line in enumerate(lines, 1):
        match = _WAIVER.search(line) if _MARK in line else None
        if match is None:
            continue
        alone = not line[: match.start()].strip()
        if not alone and source.path.suffix in _WHOLE_LINES:
            continue
        names = list(re.finditer(r"[^,\s]+", match["rules"] or ""))
        if not names:  # it waives nothing, and is told of as such
            start, end = match.start() + 1, match.end() + 1
            yield _Waiver("", number, Location(source.file, number, start, number, end), line)
        for name in names:
            column = match.start("rules") + name.start() + 1
            at = Location(source.file, number, column, number, column + len(name[0]))
            yield _Waiver(name[0], number + 1 if alone else number, at, line)


def _unused(waiver: _Waiver, project: str) -> Finding:
    known = any(waiver.rule in (rule.code, rule.name) for rule in (*RULES, *RELEASE_RULES))
    message = f"nothing to waive: there is no {waiver.rule} on the line that this comment is for"
    if not known:
        message = f"no such rule: {waiver.rule}" if waiver.rule else "it names no rule: write ignore[RV102], or a name"
    return Finding(UNUSED_WAIVER, message, waiver.at, project, None, waiver.source)
