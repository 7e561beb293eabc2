"""The next version: what each part counts up, and the edits that write it everywhere in a project."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from relengtools.errors import RelengError, printable
from relengtools.findings import Edit
from relengtools.versions import reading
from relengtools.versions.declaration import Declaration, Kind
from relengtools.versions.project import Project
from relengtools.versions.scheme import pep440

if TYPE_CHECKING:
    from relengtools.versions.history import Release, Tag
    from relengtools.versions.scheme.pep440 import Version

PARTS = ("major", "minor", "patch", "pre", "post", "dev", "release")
_OF_TODAY = {"pre": "rc1", "dev": ".dev1"}
_MONTH = r"\.(?P<month>0?[1-9]|1[0-2])(?:\.(?P<last>[0-9]+)(?:\.(?P<count>[0-9]+))?)?"
_CALENDAR = re.compile(rf"(?P<year>20[0-9]{{2}}|[2-9][0-9](?=\.0)){_MONTH}")
_SHORT_YEAR = re.compile(rf"(?P<year>[0-9]{{2}}){_MONTH}")
_DAY = re.compile(r"20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")

# The first two numbers, or the one that there is.
_SHORT = re.compile(r"[vV]?(?:[0-9]+!)?(?P<short>[0-9]+(?:\.[0-9]+)?)")


class Bump(NamedTuple):
    """A project's version before and after, and the edits of all the files in which it stands."""

    project: Project
    old: str
    new: str
    edits: tuple[Edit, ...]


def advance(text: str, part: str, today: date, calendar: bool | None = None) -> str:
    """The version after `text` by `part`, in canonical form but for the zero padding of a calendar version.

    A pre-release of what is asked for becomes just that: `minor` of 1.3.0rc1 is 1.3.0. `part` may be a version.
    `calendar` says whether versions are dates, where that is known. Raises RelengError without an honest answer.
    """
    version = pep440.parse(text)
    if version is None:
        raise RelengError(f"{printable(text)!r} is no PEP 440 version: mend it first (versions check --fix)")
    if part not in PARTS:
        return _given(version, text, part)
    if version.local is not None:
        raise RelengError(
            f"{printable(text)} has a local label, and nobody knows what comes after it: give the version"
        )
    if part != "post" and calendar is not False and (dated := _calendar(text, today, calendar is True)):
        return dated + _OF_TODAY.get(part, "")
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + _counted(version, part)


def _given(version: "Version", text: str, part: str) -> str:
    new = pep440.read(part)
    if new.respelled is None:
        raise RelengError(f"{printable(part)}: neither a version nor one of {', '.join(PARTS)}")
    if (pep440.parse(part) or version) <= version:
        raise RelengError(f"{new.respelled} doesn't sort above {printable(text)}: choose a later version")
    return new.respelled


def _counted(version: "Version", part: str) -> str:
    match part:
        case "release":
            return _released(version)
        case "pre":
            return _pre(version)
        case "post":
            if version.pre or version.dev is not None:
                raise RelengError(f"{version}: a post-release comes after a release: use `release` first")
            return f"{_numbers(version)}.post{1 if version.post is None else version.post + 1}"
        case "dev":
            return _dev(version)
    return _release(version, ("major", "minor", "patch").index(part))


def _numbers(version: "Version") -> str:
    return ".".join(map(str, version.release))


def _next(version: "Version") -> str:
    """The release after a final or post-release: its last number, of three at least of those written, counted up."""
    numbers = list(version.release)
    if len(numbers) < 3:
        numbers += [0] * (3 - len(numbers))
    numbers[-1] += 1
    return ".".join(map(str, numbers))


def _release(version: "Version", index: int) -> str:
    numbers = list(version.release) + [0] * (index + 1 - len(version.release))
    unfinished = version.pre is not None or (version.dev is not None and version.post is None)
    if unfinished and not any(numbers[index + 1 :]):
        return ".".join(map(str, numbers))
    numbers[index] += 1
    numbers[index + 1 :] = [0] * len(numbers[index + 1 :])
    return ".".join(map(str, numbers))


def _released(version: "Version") -> str:
    if version.pre is None and version.dev is None:
        raise RelengError(f"{version} is a release already: use major, minor or patch")
    return _numbers(version) + ("" if version.post is None else f".post{version.post}")


def _pre(version: "Version") -> str:
    if version.post is not None:
        return f"{_next(version)}rc1"
    if version.pre is not None:
        letter, number = version.pre
        return f"{_numbers(version)}{letter}{number if version.dev is not None else number + 1}"
    return f"{_numbers(version) if version.dev is not None else _next(version)}rc1"


def _dev(version: "Version") -> str:
    if version.dev is not None:
        return f"{str(version).rpartition('.dev')[0].rpartition('!')[2]}.dev{version.dev + 1}"
    if version.post is not None:
        return f"{_numbers(version)}.post{version.post + 1}.dev1"
    if version.pre is not None:
        letter, number = version.pre
        return f"{_numbers(version)}{letter}{number + 1}.dev1"
    return f"{_next(version)}.dev1"


def may_be_date(text: str, today: date) -> bool:
    """Whether nobody can tell the version from a date of the last years: 26.8 may be August, or the eighth release."""
    match = _SHORT_YEAR.fullmatch(text)
    return bool(match and not _CALENDAR.fullmatch(text) and 0 <= today.year % 100 - int(match["year"]) <= 2)


def dated(found: Iterable["Release"]) -> bool:
    """Whether the last releases, of two months at least, were all tagged in the month that they name."""
    tags = sorted((one.tag.date, match) for one in found if one.tag.date and (match := _SHORT_YEAR.fullmatch(one.bare)))
    months = [(datetime.fromtimestamp(when, UTC).date(), int(m["year"]), int(m["month"])) for when, m in tags[-5:]]
    named = {(year, month) for _, year, month in months}
    return len(named) > 1 and all((day.year % 100, day.month) == (year, month) for day, year, month in months)


def _calendar(text: str, today: date, short: bool) -> str | None:
    """Today by the pattern of a calendar version (YYYY.MM, YYYY.MM.DD, YY.0M, YYYYMMDD); None for another one.

    Two digits are a year only before a padded month, or where that is known (`short`): 20.5 may be a release as well.

    A third number that may be a day or a counter of releases is a day where it is padded, above 12, or before a fourth;
    else the counter starts anew with the month. Raises RelengError where today's is out already and has no counter, and
    for a later date.
    """
    match = (_SHORT_YEAR.fullmatch(text) if short else None) or _CALENDAR.fullmatch(text)
    new = f"{today:%Y%m%d}" if _DAY.fullmatch(text) else _today(match, today) if match else None
    one, other = pep440.parse(text), pep440.parse(new or "")
    if one is None or other is None:
        return None
    if other < one:
        raise RelengError(f"{text} is of a later date than today's {new}: give the version")
    if one == other:
        raise RelengError(f"{text} is today's version already: use post, or give the version")
    return new


def _today(match: re.Match[str], today: date) -> str:
    """Today as the version that matched has its date."""
    padded = any(len(part or "") == 2 and part.startswith("0") for part in match.group("month", "last"))
    year = str(today.year) if len(match["year"]) == 4 else str(today.year % 100)
    month = f"{today.month:02}" if padded else str(today.month)
    if match["last"] is None:
        return f"{year}.{month}"
    numbers = [int(number) for number in match.groups() if number is not None]
    if match["count"] or int(match["last"]) > 12 or (padded and len(match["last"]) == 2):
        new, same = f"{year}.{month}.{f'{today.day:02}' if padded else today.day}", numbers[2] == today.day
    else:
        new, same = f"{year}.{month}", True
    if len(numbers) == new.count(".") + 1:
        return new
    same = same and numbers[:2] == [int(year), today.month]
    return f"{new}.{numbers[-1] + 1 if same else 0}"


def plan(project: Project, part: str, today: date, calendar: bool | None = None) -> Bump:
    """The edits that write a project's next version wherever it stands; raises RelengError where one can't be made.

    `calendar` is as in `advance`.
    """
    owner = project.owner
    path = printable(project.path)
    if owner is None:
        if project.provider:
            raise RelengError(f"{path}: {project.provider} computes the version: make a tag instead")
        raise RelengError(f"{path}: no static version: {printable(project.reason or '')}")
    new = advance(owner.value.strip(), part, today, calendar)
    canonical = reading.read(owner).canonical or owner.value
    edits: dict[tuple[str, int], Edit] = {}
    for declaration in _written(project, canonical):
        for edit in (_edit(declaration, new), *_short(project, declaration, new)):
            edits.setdefault((edit.file, edit.start), edit)
    return Bump(project, owner.value.strip(), new, tuple(edits.values()))


def _written(project: Project, canonical: str) -> Iterator[Declaration]:
    """Every declaration but those of packagers; raises RelengError where one can't be rewritten or says otherwise."""
    for declaration in project.declarations:
        place = f"{printable(declaration.file)}:{declaration.span.line}"
        if declaration.kind.packaged:
            continue
        own = reading.read(declaration).canonical
        if own is None or not pep440.equal(own, canonical):
            raise RelengError(
                f"{place}: says {printable(declaration.value)}, not {printable(canonical)}: the places disagree, "
                "so nothing is bumped (see versions check)"
            )
        if declaration.computed:
            raise RelengError(f"{place}: the version is put together here ({printable(declaration.raw[:60])}): edit it")
        yield declaration


def _edit(declaration: Declaration, new: str) -> Edit:
    from relengtools.versions.form_rules import rewriting

    scheme = declaration.kind.scheme
    if scheme == "pep440":
        return rewriting(declaration, new).edits[0]
    from relengtools.versions.scheme.convert import convert

    answer = convert(new, "pep440", scheme)
    if answer.version is None:
        place = f"{printable(declaration.file)}:{declaration.span.line}"
        raise RelengError(f"{place}: {new} can't be written as {scheme}: {answer.reason}")
    return rewriting(declaration, answer.version).edits[0]


def _short(project: Project, release: Declaration, new: str) -> Iterator[Edit]:
    """Sphinx's `version` beside its `release`, where that is the first two numbers of the release, or all of it.

    Source: sphinx-doc.org, Configuration, `version`: the major project version.
    """
    from relengtools.versions.form_rules import rewriting
    from relengtools.versions.locate import module

    if release.kind is not Kind.DOCS_CONF:
        return
    source = next(source for source in project.sources if source.file == release.file)
    found = module.locate(source, ("version",))
    if not isinstance(found, Declaration) or found.computed or found.span == release.span:
        return
    before, after = _SHORT.match(release.value.strip()), _SHORT.match(new)
    if before and after and pep440.equal(found.value, before["short"]):
        yield from rewriting(found, after["short"]).edits
    elif pep440.equal(found.value, release.value):
        yield from rewriting(found, new).edits


def releases(tags: Iterable["Tag"], name: str | None, old: str, whole: bool) -> list["Release"]:
    """The earlier releases of a project among the tags: versions beyond doubt, or spelt like the tag of `old`.

    Tags that bear its name are its own, else all of them where the whole tree has one version.
    """
    from relengtools.versions import release_order
    from relengtools.versions.history import Mapping, Tag, read_tag
    from relengtools.versions.names import normalized

    found = [release for tag in tags if (release := read_tag(tag, Mapping())).conversion.canonical]
    known = next((r for r in found if pep440.equal(r.conversion.canonical or "", old)), read_tag(Tag(old), Mapping()))
    certain = [release for release in found if release_order.certain(release, known)]
    own = [release for release in certain if name and release_order.product(release) == normalized(name)]
    return own or (certain if whole else [])


def last(found: Iterable["Release"]) -> "Release | None":
    """The highest of the releases."""
    from relengtools.versions.scheme import order

    return max(found, key=lambda release: order.pep440(release.conversion.canonical or ""), default=None)


def tag_name(version: str, before: "Release | None", whole: bool) -> str:
    """The tag of a version, spelt as the release before it; raises RelengError where nobody knows how."""
    if before is None and not whole:
        raise RelengError("--tag: no earlier tag bears the project's name, so how to call this one is unknown")
    if before is None:
        return f"v{version}"
    return before.prefix + (version.replace(".", "_") if "_" in before.bare and "." not in before.bare else version)
