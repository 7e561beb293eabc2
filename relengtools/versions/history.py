"""Tags, and what a mapping of their versions does to the order of releases."""

import re
from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from relengtools.versions.ancestry import Ancestry
from relengtools.versions.scheme import describe, natural, order, pep440, rule
from relengtools.versions.scheme.convert import Conversion, convert
from relengtools.versions.scheme.meaning import Scheme
from relengtools.versions.scheme.suspicion import suspicious

if TYPE_CHECKING:
    from relengtools.versions.scheme.order import Version

Pair = tuple[str, str]

# Words that only say that a version follows; any other name before it is that of a product.
_SAYS_VERSION = re.compile(
    r"(?:(?:refs/tags/)?(?<![a-z])(?:versions?|ver|v|releases?|r|rel|tags?|stable)[-_./ ]*)+\Z", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![0-9.])[0-9]")
_KNOWN_WORDS = {"alpha", "beta", "pre", "preview", "dev", "post", "final", "release", "stable", "snapshot", "patch"}
_FIRST_YEAR = 1900


class Tag(NamedTuple):
    """A tag as git or a list has it: `date` is unix time, `commit` a hash; either is None where it isn't known."""

    name: str
    date: float | None = None
    commit: str | None = None


class Mapping(NamedTuple):
    """How tags are read and written: the arguments of `convert`."""

    source: str = "auto"
    target: str = "pep440"
    policy: str | None = None
    rules: Sequence[rule.Rule] = ()

    def __call__(self, text: str) -> Conversion:
        return convert(text, self.source, self.target, self.policy, self.rules)


class Release(NamedTuple):
    """A tag and what the mapping makes of it; `bare` is the tag without its `prefix`."""

    tag: Tag
    conversion: Conversion
    prefix: str
    bare: str


@dataclass(frozen=True)
class Report:
    """What the mapping does to `releases`; a pair names two tags, the lower one by its own scheme first.

    `flips` are ordered the other way round by the mapping, `collisions` made equal although they are two commits.
    `aliases` are tags of one commit, `disagreements` those of them that the mapping makes different releases of.
    `gaps` are neighbours between which numbers were skipped; `backwards` a tag, and a lower one that descends from it.
    `undecided` are aliases or collisions, nobody knows which, since the commits aren't known.
    """

    releases: Sequence[Release]
    flips: Sequence[Pair] = ()
    collisions: Sequence[Pair] = ()
    aliases: Sequence[Sequence[str]] = ()
    disagreements: Sequence[Pair] = ()
    backwards: Sequence[Pair] = ()
    gaps: Sequence[Pair] = ()
    undecided: Sequence[Pair] = ()

    @cached_property
    def prefixes(self) -> dict[str, int]:
        """What stands before the versions, the most frequent first."""
        return dict(Counter(r.prefix for r in self.releases if r.conversion.canonical is not None).most_common())

    @cached_property
    def invalid(self) -> list[Release]:
        """Tags without an honest version."""
        return [release for release in self.releases if release.conversion.canonical is None]

    @cached_property
    def other(self) -> list[Release]:
        """Those of the invalid ones that don't look like a release at all: `latest`, `before-the-merge`."""
        return [release for release in self.invalid if not _like_release(release.tag.name, self.prefixes)]

    @cached_property
    def unplaced(self) -> list[Release]:
        """Tags with a version for which the target scheme has no place."""
        return [r for r in self.releases if r.conversion.version is None and r.conversion.canonical is not None]

    @property
    def clean(self) -> bool:
        """Whether every release keeps its place: nothing flips, collides, or is left without a version."""
        return not (self.flips or self.collisions or self.unplaced or len(self.invalid) > len(self.other))


class _Entry(NamedTuple):
    """A release with its `rank` in the target scheme, and its `key` in the order of its own one (`scheme`).

    Where no program defines an order, `scheme` is None and `key` the natural one. `place` breaks ties. `doubtful` is a
    text that PEP 440 takes, although another scheme may be meant.
    """

    release: Release
    rank: int
    scheme: Scheme | None
    key: Any
    place: float | None
    version: "Version"
    doubtful: bool = False

    @property
    def line(self) -> tuple[int, ...]:
        """The epoch and the first two numbers."""
        return (self.version.epoch, *(*self.version.release, 0)[:2])

    @property
    def commit(self) -> str | None:
        """The tag's commit."""
        return self.release.tag.commit


def judge(tags: Iterable[Tag], mapping: Mapping, ancestry: Ancestry | None = None) -> Report:
    """What `mapping` does to the order of `tags`.

    A pair is compared where one descends from the other, else where both have the same first two numbers. Which one is
    lower is for the tags' own scheme to say; ancestry and dates only break its ties. A product with a name of its own
    (`api/v1.0`) isn't compared with the others.
    """
    releases = [read_tag(tag, mapping) for tag in tags]
    products = by_product(releases)
    entries = [_ranked(_distinct(product), mapping, ancestry) for product in products]
    return Report(
        releases,
        flips=[pair for product in entries for pair in _flips(product, ancestry)],
        collisions=[pair for product in entries for pair in _collisions(product)],
        aliases=[tuple(r.tag.name for r in group) for group in _same_commit(releases)],
        disagreements=[pair for product in products for pair in _disagreements(product)],
        backwards=[] if ancestry is None else [pair for product in entries for pair in _backwards(product, ancestry)],
        gaps=[pair for product in products for pair in _gaps(product)],
        undecided=[pair for product in entries for pair in _undecided(product)],
    )


def read_tag(tag: Tag, mapping: Mapping) -> Release:
    """Read a tag; where its scheme has been named, what stands before the version is not part of it."""
    whole = mapping(tag.name)
    starts = [match.start() for match in _NUMBER.finditer(tag.name)]
    if whole.canonical is None and mapping.source != "auto":
        rests = ((start, mapping(tag.name[start:])) for start in starts if start)
        start, whole = next(((s, c._replace(input=tag.name)) for s, c in rests if c.canonical is not None), (0, whole))
    elif starts and starts[0] and whole.canonical is not None:
        same = (s for s in starts if mapping(tag.name[s:]).canonical == whole.canonical)
        start = next(same, starts[0])
    else:
        start = 0
    return Release(tag, whole, tag.name[:start], tag.name[start:])


def product(release: Release) -> str:
    """The name that a tag has before its version, with the sign between them, as in `api/`; most have none."""
    return _SAYS_VERSION.sub("", release.prefix).lower()


def by_product(releases: Sequence[Release]) -> list[list[Release]]:
    """The releases that have a version, by product.

    `api/v1.0` and `api@1.0` name one. A name before a dash may be that of the only one, unless there are several.
    """
    names = [product(release) for release in releases]
    dashed = [name for name, count in Counter(names).items() if count > 1 and name and name[-1] not in "/@="]
    products: dict[str, list[Release]] = defaultdict(list)
    for name, release in zip(names, releases, strict=True):
        if release.conversion.version is not None:
            products["" if name in dashed and len(dashed) == 1 else name].append(release)
    return list(products.values())


def _distinct(releases: Iterable[Release]) -> list[Release]:
    """One release of those that are the same version of the same commit."""
    chosen: dict[tuple[str, str | None], Release] = {}
    for release in releases:
        chosen.setdefault((release.tag.commit or release.tag.name, release.conversion.version), release)
    return list(chosen.values())


def _ranked(releases: Sequence[Release], mapping: Mapping, ancestry: Ancestry | None) -> list[_Entry]:
    """The releases in the order of the target scheme; those that it calls equal have one rank."""
    key = order.KEYS[Scheme(mapping.target)]
    keyed = sorted(((key(r.conversion.version or ""), i, r) for i, r in enumerate(releases)), key=itemgetter(0))
    return [
        _entry(release, rank, mapping, ancestry)
        for rank, (_, group) in enumerate(groupby(keyed, key=itemgetter(0)))
        for _, _, release in group
    ]


def _entry(release: Release, rank: int, mapping: Mapping, ancestry: Ancestry | None) -> _Entry:
    place = release.tag.date if ancestry is None else ancestry.place.get(release.tag.commit or "")
    scheme = Scheme(release.conversion.scheme)
    described = describe.read(release.bare) if scheme is Scheme.GIT_DESCRIBE else None
    canonical = release.conversion.canonical if described is None else mapping(described.tag).canonical
    version = order.pep440(canonical or "")
    doubtful = mapping.source == "auto" and scheme in (Scheme.PEP440, Scheme.TAG) and _suspicious(release.bare)
    if scheme in (Scheme.PEP440, Scheme.GIT_DESCRIBE):
        key = (version, described.distance if described else 0)
        return _Entry(release, rank, Scheme.PEP440, key, place, version, doubtful)
    # What only looks like a package's version is a tag all the same.
    if scheme in order.KEYS and mapping.source != "auto":
        return _Entry(release, rank, scheme, order.KEYS[scheme](release.bare), place, version)
    return _Entry(release, rank, None, natural.key(release.bare), place, version, doubtful)


def _suspicious(text: str) -> bool:
    return pep440.read(text).canonical is not None and suspicious(text) is not None


def _flips(entries: Sequence[_Entry], ancestry: Ancestry | None) -> list[Pair]:
    """Pairs that the target orders otherwise: within a scheme by its own order, between schemes by the natural one."""
    schemes: dict[Scheme | None, list[_Entry]] = defaultdict(list)
    for entry in entries:
        schemes[entry.scheme].append(entry)
    found = [pair for scheme, members in schemes.items() if scheme for pair in _inverted(members)]
    if None in schemes or len(schemes) > 1:
        mixed = [entry._replace(key=natural.key(entry.release.bare)) for entry in entries]
        found += [
            (low, high)
            for low, high in _inverted(mixed)
            if (low.scheme is None or low.scheme is not high.scheme)
            and (low.key == high.key or natural.certain(low.key, high.key))
        ]
    compared = [(low, high) for low, high in found if _comparable(low, high, ancestry)]
    return list(dict.fromkeys(_names(*pair) for pair in (*compared, *_misread(entries, ancestry))))


def _misread(entries: Sequence[_Entry], ancestry: Ancestry | None) -> Iterator[tuple[_Entry, _Entry]]:
    """Pairs of a doubtful text and one beyond doubt: its scheme can't order them, so ancestry does, or the dates."""
    for doubtful in (entry for entry in entries if entry.doubtful):
        for entry in entries:
            if entry.doubtful or not _told_apart(doubtful, entry, ancestry):
                continue
            low, high = sorted((doubtful, entry), key=_placed)
            if low.rank > high.rank:
                yield low, high


def _told_apart(doubtful: _Entry, entry: _Entry, ancestry: Ancestry | None) -> bool:
    """Whether it is known which of the two is later, although their numbers may be those of one release."""
    if None in (doubtful.place, entry.place) or doubtful.place == entry.place or _same(doubtful, entry):
        return False
    few, many = _numbers(doubtful.version), _numbers(entry.version)
    return (
        few == many if ancestry is None else few == many[: len(few)] and ancestry.related(doubtful.commit, entry.commit)
    )


def _inverted(entries: Sequence[_Entry]) -> Iterator[tuple[_Entry, _Entry]]:
    """Pairs, the lower one first, of which the first has the higher rank; the work grows with their number."""
    ordered = sorted(entries, key=lambda entry: (entry.key, _placed(entry)))
    below: list[tuple[int, int]] = []
    equal: list[tuple[int, int]] = []
    for i, high in enumerate(ordered):
        if i and (high.key, _placed(high)) != (ordered[i - 1].key, _placed(ordered[i - 1])):
            for one in equal:
                insort(below, one)
            equal = []
        for _, j in below[bisect_right(below, (high.rank, len(ordered))) :]:
            low = ordered[j]
            if low.key != high.key or None not in (low.place, high.place):
                yield low, high
        equal.append((high.rank, i))


def _placed(entry: _Entry) -> float:
    return float("-inf") if entry.place is None else entry.place


def _comparable(low: _Entry, high: _Entry, ancestry: Ancestry | None) -> bool:
    if _same(low, high):
        return False
    return low.line == high.line or (ancestry is not None and ancestry.related(low.commit, high.commit))


def _same(one: _Entry, other: _Entry) -> bool:
    """Whether the two are surely one commit."""
    return one.commit is not None and one.commit == other.commit


def _collisions(entries: Sequence[_Entry]) -> list[Pair]:
    """Pairs of one rank on two commits, of each commit the first tag; without commits nobody can tell."""
    pairs: list[Pair] = []
    for _, group in groupby(entries, key=lambda entry: entry.rank):
        commits: dict[str, _Entry] = {}
        for entry in group:
            if entry.commit is not None:
                commits.setdefault(entry.commit, entry)
        pairs += [_names(one, other) for one, other in combinations(commits.values(), 2)]
    return pairs


def _undecided(entries: Sequence[_Entry]) -> list[Pair]:
    """Pairs of one rank of which one has no commit that is known: the first tag of each rank, and another."""
    groups = [list(group) for _, group in groupby(entries, key=lambda entry: entry.rank)]
    pairs = ((group[0], other) for group in groups for other in group[1:])
    return [_names(one, other) for one, other in pairs if None in (one.commit, other.commit)]


def _backwards(entries: Sequence[_Entry], ancestry: Ancestry) -> list[Pair]:
    """Tags of a commit whose nearest tagged forebear is higher."""
    ranked: dict[str, _Entry] = {}
    for entry in entries:
        ranked.setdefault(entry.commit or "", entry)
    pairs = ((ranked.get(ancestry.before.get(commit, "")), entry) for commit, entry in ranked.items())
    return [_names(before, entry) for before, entry in pairs if before is not None and before.rank > entry.rank]


def _same_commit(releases: Iterable[Release]) -> list[list[Release]]:
    commits: dict[str, list[Release]] = defaultdict(list)
    for release in releases:
        if release.tag.commit is not None:
            commits[release.tag.commit].append(release)
    return [group for group in commits.values() if len(group) > 1]


def _disagreements(product: Iterable[Release]) -> list[Pair]:
    """Aliases of which the mapping makes releases of other numbers: a candidate that became final is none."""
    pairs = ((group[0], other) for group in _same_commit(product) for other in group[1:])
    numbered = ((one, other, _numbers(_version(one)), _numbers(_version(other))) for one, other in pairs)
    return [(one.tag.name, other.tag.name) for one, other, first, second in numbered if first != second]


def _gaps(product: Iterable[Release]) -> list[Pair]:
    """Neighbours whose last numbers are more than one apart; dates have gaps by nature."""
    last: dict[tuple[int, ...], dict[int, Release]] = defaultdict(dict)
    for release in product:
        version = _version(release)
        if len(version.release) > 1 and version.release[0] < _FIRST_YEAR:
            last[version.epoch, *version.release[:-1]].setdefault(version.release[-1], release)
    return [
        (numbers[low].tag.name, numbers[high].tag.name)
        for numbers in last.values()
        for low, high in pairwise(sorted(numbers))
        if high - low > 1
    ]


def _version(release: Release) -> "Version":
    return order.pep440(release.conversion.canonical or "")


def _numbers(version: "Version") -> tuple[int, ...]:
    """Epoch and release without zeros at the end."""
    numbers = list(version.release)
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return (version.epoch, *numbers)


def _like_release(name: str, prefixes: Iterable[str]) -> bool:
    """Whether a number follows what usually stands before versions here, and no text follows that."""
    start = next((match.start() for match in _NUMBER.finditer(name)), None)
    if start is None or (_SAYS_VERSION.sub("", name[:start]) and name[:start] not in prefixes):
        return False
    words = set(re.findall(r"[a-z]{3,}", name[start:].lower()))
    return len(words - _KNOWN_WORDS) < 2


def _names(low: _Entry, high: _Entry) -> Pair:
    return low.release.tag.name, high.release.tag.name
