"""The sdist and the wheels of one release against each other: what they promise, and what they hold."""

from collections.abc import Iterable, Iterator, Sequence

from relengtools.findings import Rule
from relengtools.versions.artifacts import metadata, origin
from relengtools.versions.artifacts.contents import shown
from relengtools.versions.artifacts.filename import Form
from relengtools.versions.artifacts.summary import Summary
from relengtools.versions.catalogue_release import METADATA_DISAGREEMENT, WHEEL_DIFFERS
from relengtools.versions.names import normalized
from relengtools.versions.scheme import pep440

Said = Iterator[tuple[Summary, Rule, str]]


def judge(distributions: Sequence[Summary]) -> Said:
    """Each wheel, the rule, and how it isn't what the sdist of the same release promises or holds."""
    for group in by_name(distributions):
        for sdist in (d for d in group if d.form is Form.SDIST):
            for wheel in (d for d in group if d.form is Form.WHEEL and _agree(d, sdist)):
                for message in _promises(sdist, wheel):
                    yield wheel, METADATA_DISAGREEMENT, f"{message} in {sdist.file}"
                for message in _strangers(sdist, wheel):
                    yield wheel, WHEEL_DIFFERS, message


def by_name(distributions: Iterable[Summary]) -> list[list[Summary]]:
    """The distributions of each project."""
    groups: dict[str, list[Summary]] = {}
    for distribution in distributions:
        groups.setdefault(normalized(distribution.name or ""), []).append(distribution)
    return list(groups.values())


def _strangers(sdist: Summary, wheel: Summary) -> Iterator[str]:
    """Files that can't come from the sdist; nothing is said where one of the two wasn't read."""
    if sdist.payload and wheel.payload:
        found = origin.strangers(wheel.payload, sdist.payload, sdist.handling)
        yield from origin.listed(f"different in {sdist.file}", found.changed)
        yield from origin.listed(f"not in {sdist.file}", found.added)


def _python(core: metadata.Core) -> Iterator[str]:
    yield metadata.specifiers(core.requires_python or "")


def _agree(one: Summary, other: Summary) -> bool:
    """Whether two are of one version, or nobody knows that of either."""
    return one.version == other.version or pep440.equal(one.version or "", other.version or "")


def _promises(sdist: Summary, wheel: Summary) -> Iterator[str]:
    """Fields that differ although the sdist doesn't call them dynamic (PEP 643)."""
    ours, theirs = sdist.core, wheel.core
    if ours is None or theirs is None:
        return
    fields = (
        ("Requires-Python", _python(ours), _python(theirs)),
        ("Requires-Dist", map(metadata.requirement, ours.requires), map(metadata.requirement, theirs.requires)),
        ("Provides-Extra", map(normalized, ours.extras), map(normalized, theirs.extras)),
    )
    others = sorted({*ours.others, *theirs.others} if metadata.numbered(ours.metadata_version) >= (2, 2) else ())
    more = ((field.title(), ours.others.get(field, ()), theirs.others.get(field, ())) for field in others)
    for field, promised, given in (*fields, *more):
        here, there = set(given), set(promised)
        if here != there and field.lower() not in sdist.dynamic:
            new = [f"{shown(text)} is not" for text in sorted(here - there) if text]
            old = [f"{shown(text)} is" for text in sorted(there - here) if text]
            yield f"{field}: {', '.join([*new, *old][:5])}"
