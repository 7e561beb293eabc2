"""The graph of commits: what is reached from where, and what `git describe --tags` would say, without asking it."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from relengtools.versions.git import Ref

NO_TAG = -1
_EVERY = 5000


class Graph:
    """Commits as numbers, a commit below its parents' numbers; flat arrays, about 50 bytes a commit.

    `at` finds the number of a commit that was asked for when the graph was read.
    """

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.hashes = bytearray()
        self._first = array("l", [0])
        self._parents = array("l")

    def __len__(self) -> int:
        return len(self._first) - 1

    def parents(self, commit: int) -> Sequence[int]:
        """The parents' numbers, those that are there: a shallow clone ends somewhere."""
        return self._parents[self._first[commit] : self._first[commit + 1]]

    def hash(self, commit: int) -> str:
        """The commit's hash, 40 or 64 hexadecimal digits."""
        width = len(self.hashes) // len(self)
        return self.hashes[commit * width : (commit + 1) * width].hex()


class Nearest(NamedTuple):
    """For each commit the number of the tag that `git describe --tags` names (NO_TAG: none), and the commits since."""

    tag: "array[int]"
    distance: "array[int]"


class Ancestry(NamedTuple):
    """Tagged commits, by their hashes: places in an order in which parents come first, and who descends from whom.

    `above` is the commit's bit, and the bits of those that descend from it; `before` the next tagged of its first
    parents.
    """

    place: Mapping[str, float]
    above: Mapping[str, tuple[int, int]]
    before: Mapping[str, str]

    def related(self, one: str | None, other: str | None) -> bool:
        """Whether one of the two commits descends from the other."""
        first, over_first = self.above.get(one or "", (0, 0))
        second, over_second = self.above.get(other or "", (0, 0))
        return bool(over_first & second or over_second & first)


def read(
    commits: Iterable[tuple[str, list[str]]],
    wanted: Iterable[str],
    progress: Callable[[int], None] = lambda read: None,
) -> Graph:
    """The graph of `commits` (a hash and its parents', children first); `wanted` are the hashes to find again.

    `progress` is called now and then with the number of commits read.
    """
    graph, keep = Graph(), set(wanted)
    # Parents come after their children, so a parent's slots wait for it.
    waiting: dict[str, list[int]] = {}
    for number, (commit, parents) in enumerate(commits):
        for slot in waiting.pop(commit, ()):
            graph._parents[slot] = number
        if commit in keep:
            graph.at[commit] = number
        graph.hashes += bytes.fromhex(commit)
        for parent in parents:
            waiting.setdefault(parent, []).append(len(graph._parents))
            graph._parents.append(NO_TAG)
        graph._first.append(len(graph._parents))
        if number % _EVERY == 0:
            progress(number)
    return _without_missing(graph) if waiting else graph


def reached(graph: Graph, start: int) -> bytearray:
    """For each commit 1 where `start` is it or a descendant of it, else 0."""
    found = bytearray(len(graph))
    found[start] = 1
    for commit in range(start, len(graph)):
        if found[commit]:
            for parent in graph.parents(commit):
                found[parent] = 1
    return found


def descendants(graph: Graph, commits: Sequence[int]) -> dict[int, int]:
    """commit -> which of `commits` are it or descend from it, as the bits of a number (bit i is `commits[i]`)."""
    own: dict[int, int] = {}
    for bit, commit in enumerate(commits):
        own[commit] = own.get(commit, 0) | 1 << bit
    open_: dict[int, int] = {}
    found = {}
    for commit in range(min(own, default=0), len(graph)):
        above = open_.pop(commit, 0) | own.get(commit, 0)
        if commit in own:
            found[commit] = above
        if above:
            for parent in graph.parents(commit):
                open_[parent] = open_.get(parent, 0) | above
    return found


def describing(refs: Sequence[Ref]) -> list[Ref]:
    """The tag of each commit that `git describe --tags` prefers: annotated ones first, the newest of these.

    Source: git-describe(1).
    """
    chosen: dict[str, Ref] = {}
    for ref in sorted(refs, key=lambda ref: ref.name.encode(errors="surrogateescape")):
        have = chosen.get(ref.commit)
        if have is None or (ref.annotated, ref.annotated and (ref.date or 0)) > (have.annotated, have.date or 0):
            chosen[ref.commit] = ref
    return list(chosen.values())


def nearest(graph: Graph, tagged: Mapping[int, int], head: int) -> Nearest:
    """What `git describe --tags` finds for each commit that `head` reaches; `tagged` is commit -> number of its tag.

    The distance to a tag is the number of commits that are reached from here and not from there. At a commit with one
    parent all distances grow by one, so the nearest tag stays; at a merge those on one side also grow by what only the
    other sides reach. git's own walk goes by dates and ends at ten candidates, so where clocks were wrong it may name a
    tag farther away.
    """
    tag, distance, size = (array("l", [start]) * len(graph) for start in (NO_TAG, 0, 0))
    trunk = _trunk(graph, head)
    for commit in range(len(graph) - 1, -1, -1):
        if trunk.joined[commit] == len(graph):
            continue
        parents = graph.parents(commit)
        together = size[parents[0]] if len(parents) == 1 else _reached_together(graph, parents, trunk)
        size[commit] = together + 1
        if commit in tagged:
            tag[commit] = tagged[commit]
            continue
        sides = [(distance[p] + together - size[p], tag[p]) for p in parents if tag[p] != NO_TAG]
        if sides:
            least = min(sides, key=itemgetter(0))
            distance[commit], tag[commit] = least[0] + 1, least[1]
    return Nearest(tag, distance)


def ancestry(graph: Graph, hashes: Iterable[str]) -> Ancestry:
    """Who descends from whom among the commits `hashes`."""
    numbers = [graph.at[commit] for commit in dict.fromkeys(hashes) if commit in graph.at]
    bits = descendants(graph, numbers)
    before = {}
    for commit in numbers:
        forebears = (forebear for forebear in _first_parents(graph, commit) if forebear in bits)
        if (found := next(islice(forebears, 1, None), None)) is not None:
            before[graph.hash(commit)] = graph.hash(found)
    above = {graph.hash(commit): (1 << bit, bits[commit]) for bit, commit in enumerate(numbers)}
    return Ancestry({graph.hash(commit): -float(commit) for commit in numbers}, above, before)


def edges(graph: Graph, within: bytearray) -> Iterator[tuple[int, int]]:
    """(parent, child) for every commit that `within` marks, the newest first."""
    for child in range(len(graph)):
        if within[child]:
            for parent in graph.parents(child):
                yield parent, child


class _Trunk(NamedTuple):
    """The first parents of a head, numbered from the oldest.

    For each commit `joined` is the first of them that reaches it (the number of commits where none does), and `forked`
    the last one that it reaches (-1 where it reaches none); `reach` is what each of them reaches in all.
    """

    joined: "array[int]"
    forked: "array[int]"
    reach: Sequence[int]


def _trunk(graph: Graph, head: int) -> _Trunk:
    joined, forked = array("l", [len(graph)]) * len(graph), array("l", [-1]) * len(graph)
    reach: list[int] = []
    for place, commit in enumerate(reversed(list(_first_parents(graph, head)))):
        new = _walk(graph, [commit], lambda found: joined[found] == len(graph))
        for found in new:
            joined[found] = place
        reach.append(len(new) + (reach[-1] if reach else 0))
        forked[commit] = place
    for commit in range(len(graph) - 1, -1, -1):
        forked[commit] = max(forked[commit], *(forked[p] for p in graph.parents(commit)), -1)
    return _Trunk(joined, forked, reach)


def _reached_together(graph: Graph, starts: Sequence[int], trunk: _Trunk) -> int:
    """How many commits `starts` reach, themselves included; all that the trunk reaches where they fork is known."""
    fork = max((trunk.forked[start] for start in starts), default=-1)
    beyond = _walk(graph, starts, lambda commit: trunk.joined[commit] > fork)
    return len(beyond) + (trunk.reach[fork] if fork >= 0 else 0)


def _walk(graph: Graph, starts: Iterable[int], wanted: Callable[[int], bool]) -> set[int]:
    """What is reached from `starts` through wanted commits alone, the starts included as far as they are wanted."""
    found = set(filter(wanted, starts))
    stack = list(found)
    while stack:
        for parent in graph.parents(stack.pop()):
            if parent not in found and wanted(parent):
                found.add(parent)
                stack.append(parent)
    return found


def _first_parents(graph: Graph, commit: int) -> Iterator[int]:
    """The commit, its first parent, that one's, and so on."""
    yield commit
    while parents := graph.parents(commit):
        commit = parents[0]
        yield commit


def _without_missing(graph: Graph) -> Graph:
    """The same graph without the parents that a shallow clone lacks."""
    whole = Graph()
    whole.at, whole.hashes = graph.at, graph.hashes
    for commit in range(len(graph)):
        whole._parents.extend(parent for parent in graph.parents(commit) if parent != NO_TAG)
        whole._first.append(len(whole._parents))
    return whole
