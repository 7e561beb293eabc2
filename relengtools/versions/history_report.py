"""What `versions history` prints: a summary for people, or JSON."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from relengtools.errors import printable
from relengtools.versions.history import Mapping, Release, Report
from relengtools.versions.repository import Commits

_LINES = 20


def document(report: Report, mapping: Mapping, commits: Commits | None) -> dict[str, Any]:
    """The JSON of the design; names of tags throughout, pairs in the order that the tags' own scheme gives them."""
    return {
        "target": mapping.target,
        "tags": [_row(release) for release in report.releases],
        "flips": [list(pair) for pair in report.flips],
        "collisions": [list(pair) for pair in report.collisions],
        "undecided": [list(pair) for pair in report.undecided],
        "invalid": _tags(report.invalid),
        "no_release": _tags(report.other),
        "no_place": _tags(report.unplaced),
        "aliases": [list(names) for names in report.aliases],
        "disagreements": [list(pair) for pair in report.disagreements],
        "backwards": [list(pair) for pair in report.backwards],
        "gaps": [list(pair) for pair in report.gaps],
        "prefixes": report.prefixes,
        "commits": None if commits is None else commits._asdict(),
    }


def text(report: Report, mapping: Mapping, commits: Commits | None) -> str:
    """Counts first, then what is wrong, then what may be worth knowing; long lists are cut."""
    parts = [
        *_summary(report, mapping),
        *_section("flips", [_flip(report, *pair) for pair in report.flips]),
        *_section("collisions", [f"{_both(pair)}: one version, two commits" for pair in report.collisions]),
        *_section("one version, one commit or two", [_both(pair) for pair in report.undecided]),
        *_section("no place in " + mapping.target, [_why(release) for release in report.unplaced]),
        *_section("releases without a version", _hinted([_why(release) for release in _lost(report)])),
        *_section("backwards", [f"{printable(b)} descends from {printable(a)}" for a, b in report.backwards]),
        *_section("one commit, two releases", [_both(pair) for pair in report.disagreements]),
        *(_commits(commits) if commits is not None else ()),
    ]
    return "".join(f"{line}\n" for line in parts)


def _row(release: Release) -> dict[str, Any]:
    tag, answer = release.tag, release.conversion
    return {
        "tag": tag.name,
        "version": answer.version,
        "scheme": answer.scheme,
        "canonical": answer.canonical,
        "exact": answer.exact,
        "reason": answer.reason,
        "prefix": release.prefix,
        "commit": tag.commit,
        "date": None if tag.date is None else datetime.fromtimestamp(tag.date, UTC).isoformat(),
    }


def _summary(report: Report, mapping: Mapping) -> Iterator[str]:
    versions = len(report.releases) - len(report.invalid)
    lost, some = _lost(report), _some(report.other)
    prefixes = ", ".join(f"{printable(name) or 'none'} ({count})" for name, count in report.prefixes.items())
    rows = [
        ("tags", f"{len(report.releases)}, of which {versions} have a version"),
        ("prefixes", prefixes or "-"),
        ("order", _verdict(report, mapping)),
        ("flips", str(len(report.flips))),
        ("collisions", f"{len(report.collisions)}{_maybe(report)}"),
        ("no version", f"{len(lost)}{f', and {len(report.other)} that name no release' if report.other else ''}{some}"),
        ("aliases", f"{len(report.aliases)} commits bear two tags or more"),
        ("gaps", f"{len(report.gaps)}{_some_pairs(report.gaps)}"),
    ]
    yield from (f"{name:11} {value}" for name, value in rows)


def _verdict(report: Report, mapping: Mapping) -> str:
    if report.flips or report.collisions:
        return f"not kept in {mapping.target}"
    placed = len(report.releases) - len(report.invalid) - len(report.unplaced)
    return f"kept in {mapping.target} for all {placed}" if placed else "nothing to order"


def _maybe(report: Report) -> str:
    count = len(report.undecided)
    return f", and {count} where the commits that would tell aren't known" if count else ""


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"\n{title}"
        yield from (f"  {line}" for line in lines[:_LINES])
    if len(lines) > _LINES:
        yield f"  and {len(lines) - _LINES} more (--output-format json has all)"


def _flip(report: Report, low: str, high: str) -> str:
    versions = {release.tag.name: release.conversion.version for release in report.releases}
    return f"{printable(low)} comes before {printable(high)}, but {versions[low]} is above {versions[high]}"


def _commits(commits: Commits) -> Iterator[str]:
    share = f" ({100 * commits.invalid / commits.total:.0f} %)" if commits.total else ""
    yield f"\ncommits     {commits.total}, of which {commits.tagged} have a tag"
    refused = f"{commits.invalid}{share}, {commits.unreached} before any tag"
    yield f"describe    PEP 440 refuses `git describe --tags` of {refused}"
    if commits.describes:
        yield f"            {commits.describes} takes the version from there: see `relengtools versions migrate`"
    below = (
        f"{commits.flips} sort below a parent{_some_pairs(commits.examples)}"
        if commits.flips
        else "none below a parent"
    )
    yield f"{commits.policy:11} {below}, {commits.unmapped} without a version"


def _lost(report: Report) -> list[Release]:
    """Releases without a version."""
    return [release for release in report.invalid if release not in report.other]


def _hinted(lines: Sequence[str]) -> list[str]:
    hint = "a scheme of the project's own takes a rule: see `relengtools versions convert --help`"
    return [*lines[: _LINES - 1], hint, *lines[_LINES - 1 :]] if lines else []


def _why(release: Release) -> str:
    return f"{printable(release.tag.name)}: {printable(release.conversion.reason or '')}"


def _both(pair: Iterable[str]) -> str:
    return " = ".join(map(printable, pair))


def _some(releases: Sequence[Release]) -> str:
    return f": {', '.join(map(printable, _tags(releases)[:3]))}{', …' * (len(releases) > 3)}" if releases else ""


def _some_pairs(pairs: Sequence[Sequence[str]]) -> str:
    shown = ", ".join(" -> ".join(map(printable, pair)) for pair in pairs[:3])
    return f": {shown}{', …' * (len(pairs) > 3)}" if pairs else ""


def _tags(releases: Iterable[Release]) -> list[str]:
    return [release.tag.name for release in releases]
