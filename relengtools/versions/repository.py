"""A git repository's tags, who descends from whom among them, and what `git describe` makes of every commit."""

import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relengtools.versions import ancestry, git
from relengtools.versions.ancestry import NO_TAG, Ancestry, Graph, Nearest
from relengtools.versions.git import Ref
from relengtools.versions.history import Pair, Tag
from relengtools.versions.migrate import normaliser
from relengtools.versions.scheme import pep440
from relengtools.versions.scheme.convert import convert
from relengtools.versions.scheme.rule import Rule

if TYPE_CHECKING:
    from relengtools.versions.scheme.order import Version

_DESCRIBES = re.compile(rb"""\bgit\b["',.\s\[\]]{1,20}describe\b""")
_EXAMPLES = 10


class Commits(NamedTuple):
    """The history of HEAD, commit by commit.

    `invalid` counts those whose `git describe --tags` PEP 440 refuses, among them the `unreached`, before any tag; at
    `tagged` ones it is the tag. `policy` makes versions of the rest: `unmapped` counts those that it has none for, and
    `flips` those below a parent of theirs (`examples`: some, the parent first). `describes` is the file that asks git.
    """

    total: int
    tagged: int
    unreached: int
    invalid: int
    policy: str
    unmapped: int
    flips: int
    examples: Sequence[Pair]
    describes: str | None


class Repository(NamedTuple):
    """The tags, the oldest first, and what is known of the commits: nothing where the clone is shallow."""

    tags: Sequence[Tag]
    ancestry: Ancestry | None
    commits: Commits | None


class _History(NamedTuple):
    graph: Graph
    refs: Sequence[Ref]
    nearest: Nearest
    head: bytearray


def read(
    directory: Path,
    policy: str = "next-dev",
    rules: Sequence[Rule] = (),
    progress: Callable[[int], None] = lambda read: None,
) -> Repository:
    """Read the repository in one pass over its commits, without a checkout.

    `progress` is called with the number of commits read. Raises GitError where git is missing or refuses.
    """
    (head, shallow), refs = git.standing(directory), git.tags(directory)
    tags = [Tag(ref.name, ref.date, ref.commit) for ref in sorted(refs, key=lambda ref: (ref.date or 0, ref.name))]
    if shallow:
        return Repository(tags, None, None)
    starts = [head] if head else []
    stream = git.commits(directory, *starts, "--tags") if starts or refs else ()
    graph = ancestry.read(stream, [*starts, *(ref.commit for ref in refs)], progress)
    related = ancestry.ancestry(graph, [ref.commit for ref in refs])
    setup = git.committed(directory, "setup.py") or b""
    describes = "setup.py" if _DESCRIBES.search(setup) and not normaliser.present(setup.decode("latin-1")) else None
    return Repository(tags, related, _commits(_history(graph, refs, head), policy, rules, describes))


def _history(graph: Graph, refs: Sequence[Ref], head: str | None) -> _History:
    chosen = ancestry.describing(refs)
    if head is None:
        return _History(graph, chosen, Nearest(array("l"), array("l")), bytearray())
    start = graph.at[head]
    tagged = {graph.at[ref.commit]: i for i, ref in enumerate(chosen)}
    return _History(graph, chosen, ancestry.nearest(graph, tagged, start), ancestry.reached(graph, start))


def _commits(history: _History, policy: str, rules: Sequence[Rule], describes: str | None) -> Commits:
    counts = _counts(history)
    at_tags = sum(n for (tag, later), n in counts.items() if not later)
    version = _mapping(history, policy, rules)
    flips = _flips(history, version)
    names = [ref.name for ref in history.refs]
    return Commits(
        total=sum(history.head),
        tagged=at_tags,
        unreached=counts.get((NO_TAG, True), 0),
        invalid=sum(n for (tag, later), n in counts.items() if not (tag != NO_TAG and _accepted(names[tag], later))),
        policy=policy,
        unmapped=sum(n for (tag, later), n in counts.items() if tag == NO_TAG or version(tag, int(later)) is None),
        flips=len(flips),
        examples=[(_describe(history, parent), _describe(history, child)) for parent, child in flips[:_EXAMPLES]],
        describes=describes,
    )


def _counts(history: _History) -> Mapping[tuple[int, bool], int]:
    """(tag, whether commits follow it) -> commits of HEAD's history that are described so."""
    counts: dict[tuple[int, bool], int] = {}
    for tag, distance, here in zip(*history.nearest, history.head, strict=True):
        if here:
            described = tag, distance > 0 or tag == NO_TAG
            counts[described] = counts.get(described, 0) + 1
    return counts


def _accepted(tag: str, later: bool) -> bool:
    """Whether PEP 440 takes what `git describe` prints; after a local label even `-1-gHASH` is valid."""
    return pep440.parse(f"{tag}-1-g0123456" if later else tag) is not None


def _mapping(history: _History, policy: str, rules: Sequence[Rule]) -> "Callable[[int, int], Version | None]":
    """(tag, distance) -> its version by the policy, None where there is no honest one."""

    @cache
    def version(tag: int, distance: int) -> "Version | None":
        name = history.refs[tag].name
        text = f"{name}-{distance}-g0000000" if distance else name
        answer = convert(text, "git-describe" if distance else "auto", policy=policy, rules=rules).version
        return None if answer is None else pep440.parse(answer)

    return version


def _flips(history: _History, version: "Callable[[int, int], Version | None]") -> list[tuple[int, int]]:
    """(parent, child) of which the child's version is the lower; with one tag under both it never is."""
    tag, distance = history.nearest
    found = []
    for parent, child in ancestry.edges(history.graph, history.head):
        if tag[parent] == tag[child] or NO_TAG in (tag[parent], tag[child]):
            continue
        below, above = version(tag[parent], distance[parent]), version(tag[child], distance[child])
        if below is not None and above is not None and above < below:
            found.append((parent, child))
    return found


def _describe(history: _History, commit: int) -> str:
    tag, distance = history.nearest.tag[commit], history.nearest.distance[commit]
    name = history.refs[tag].name
    return f"{name}-{distance}-g{history.graph.hash(commit)[:7]}" if distance else name
