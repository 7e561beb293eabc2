"""A dependency specifier's judgement: valid or not, odd or not, with the changes that mend it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from relengtools.versions.specifiers import markers
from relengtools.versions.specifiers.canonical import plain
from relengtools.versions.specifiers.legacy import Refusal
from relengtools.versions.specifiers.oddities import Oddity, Topic, oddities
from relengtools.versions.specifiers.proof import empty, kept, refusal, same
from relengtools.versions.specifiers.repair import repair
from relengtools.versions.specifiers.split import Parts, split
from relengtools.versions.specifiers.text import Change, Form, Region, apply

DEFAULT = frozenset({Topic.VALIDITY, Topic.SPELLING, Topic.EQUALITY, Topic.MARKER})
"""What is mended unless somebody asks for more."""

_LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say of a region of a text. `changes` mend it, all or none; safe if they provably mean the same."""

    topic: Topic
    region: Region
    message: str
    note: str | None = None
    changes: tuple[Change, ...] = ()
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What there is to say of a text; `valid` is what packaging says."""

    text: str
    form: Form
    valid: bool
    remarks: tuple[Remark, ...] = ()

    def mended(self, topics: Iterable[Topic] = DEFAULT, unsafe: bool = True) -> str:
        """The text after the changes of the remarks on `topics`."""
        chosen = [c for r in self.remarks if r.topic in topics and (r.safe or unsafe) for c in r.changes]
        return apply(self.text, _together(chosen))


@lru_cache(maxsize=4096)
def judge(text: str, form: Form = Form.REQUIREMENT) -> Judgement:
    """Judge a text; never raises. What is plainly canonical is told without loading packaging.

    Source: PEP 440, PEP 508, and the version specifiers and dependency specifiers pages of the PyPA specifications.
    """
    if plain(text, form):
        return Judgement(text, form, True)
    if len(text) > _LONGEST:
        message = f"it has {len(text)} characters: nobody means that"
        return Judgement(text, form, False, (Remark(Topic.VALIDITY, Region(0, len(text)), message),))
    error = refusal(text, form)
    parts = split(text, form)
    if error is None:
        return Judgement(text, form, True, tuple(_of_valid(parts)))
    return Judgement(text, form, False, tuple(_of_invalid(parts, error)))


def _of_valid(parts: Parts) -> Iterator[Remark]:
    """Odd spellings first, each kind proved alone, then what has no fix."""
    for topic, changes, message, note in oddities(parts):
        new = apply(parts.text, changes)
        if same(parts.text, new, parts.form):
            yield Remark(topic, _hull(changes), message, note, changes, safe=True)
    yield from _arbitrary(parts)
    yield from _contradictory(parts)
    yield from _in_marker(parts)


def _of_invalid(parts: Parts, error: str) -> Iterator[Remark]:
    """The repair where every reading is certain; else the reason, and nothing is touched.

    Oddities beside what is repaired come as remarks of their own, so that one pass leaves nothing behind.
    """
    found = repair(parts)
    if isinstance(found, Refusal):
        yield Remark(Topic.VALIDITY, Region(0, len(parts.text)), found.reason or error, error)
        return
    changes, readings = found
    others = [odd for odd in _beside(oddities(parts), changes) if not _overlap(odd.changes, changes)]
    new = apply(parts.text, _together([*changes, *(change for odd in others for change in odd.changes)]))
    if not changes or not kept(parts, apply(parts.text, changes)) or not kept(parts, new):
        yield Remark(Topic.VALIDITY, Region(0, len(parts.text)), error)
        return
    note = f"read as `{apply(parts.text, changes)}`: {'; '.join(readings)}"
    yield Remark(Topic.VALIDITY, _hull(changes), error, note, changes)
    for odd in others:
        yield Remark(odd.topic, _hull(odd.changes), odd.message, odd.note, odd.changes)
    yield from _in_marker(parts)


def _arbitrary(parts: Parts) -> Iterator[Remark]:
    if parts.form is Form.MARKER or parts.url is not None:
        return
    start, end = parts.versions
    if (at := parts.text.find("===", start, end)) >= 0:
        message = "`===` compares plain strings: no other spelling of the version matches, and no tool may rewrite it"
        yield Remark(Topic.EQUALITY, Region(at, end), message)


def _contradictory(parts: Parts) -> Iterator[Remark]:
    if not parts.clauses or not empty(parts.text, parts.form):
        return
    region = Region(parts.clauses[0].region.start, parts.clauses[-1].region.end)
    left = "its conditions exclude each other" if len(parts.clauses) > 1 else "nothing is below that"
    yield Remark(Topic.CONTRADICTION, region, f"no version is accepted: {left}")


def _in_marker(parts: Parts) -> Iterator[Remark]:
    if parts.marker is None:
        return
    start, end = parts.marker
    for doubt in markers.doubts(parts.text[start:end]):
        changes = () if doubt.new is None else (Change(start + doubt.start, start + doubt.end, doubt.new),)
        region = Region(start + doubt.start, start + doubt.end)
        yield Remark(Topic.MARKER, region, doubt.message, None, changes)


def _together(changes: Iterable[Change]) -> Iterable[Change]:
    """Of two changes of one region the last: the canonical form, after the spelling that keeps the padding."""
    return {change if change.start == change.end else change[:2]: change for change in changes}.values()


def _beside(found: Iterable[Oddity], changes: Iterable[Change]) -> Iterator[Oddity]:
    """The oddities without what a repair takes away with it."""
    for odd in found:
        stay = tuple(c for c in odd.changes if not any(one.start <= c.start and c.end <= one.end for one in changes))
        if stay or not odd.changes:
            yield odd._replace(changes=stay)


def _overlap(some: Iterable[Change], others: Iterable[Change]) -> bool:
    return any(a.start < b.end and b.start < a.end for a in some for b in others)


def _hull(changes: Iterable[Change]) -> Region:
    regions = list(changes)
    return Region(min(c.start for c in regions), max(c.end for c in regions))
